"""Second factors: what a person proves beside a password, or in place of one.

An authenticator's codes (TOTP, RFC 6238), recovery codes and passkeys (WebAuthn). All of one
account are one stream, `second-factors/<account>`, so that its version decides what was used first.
"""
