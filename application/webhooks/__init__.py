"""Webhooks: taking messages in, and what a worker then makes of them."""
