"""Accounts: people register, prove their address, change what they sign in with, and close."""
