"""Webhooks: who may call in, what has come, and what it has caused.

A source is a tenant's agreement with one provider; a hook is the address that the provider was
given; a receipt is one message that was verified and kept. They are streams of their own.
"""
