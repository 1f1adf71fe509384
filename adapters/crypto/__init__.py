"""Keys, hashes and tokens."""
