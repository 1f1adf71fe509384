"""What log lines look like: one module per family of formats."""
