"""Transport of effects: tickets travel through Dramatiq over Redis, and nothing else does."""
