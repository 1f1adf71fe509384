"""Redis (or Valkey): what may be lost and what can be rebuilt."""
