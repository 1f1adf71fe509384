"""Experiments: which variant of a flag people do better with, told by counting.

`design` says what an experiment is and whether it runs; `observations` are who was exposed to which
variant and who did what was hoped for, in batches.
"""
