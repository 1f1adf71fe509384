"""Statistics by SciPy."""
