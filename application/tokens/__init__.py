"""Tokens: exchange a sign-in or a session for them, renew them, give them back.

`exchanging` and `refreshing` carry commands out, and `making` makes what they give. `access_tokens`
says which are believed, `signing_keys` has the keys that vouch for them, and rotates these.
"""
