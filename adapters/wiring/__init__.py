"""How each capability is wired: one word, and everything that it brings on every floor."""
