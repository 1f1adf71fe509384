"""Experiments: defined for a flag's variants, and told who was exposed and who has converted.

`defining` and `telling` carry commands out, `running` keeps which experiments run, `exposures`
counts whom evaluations expose to them, `statistics` is the port to what follows from the numbers,
and `results` says that in words.
"""
