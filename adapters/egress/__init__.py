"""Calls to the outside: one guard that all of them pass, and the executors behind it."""
