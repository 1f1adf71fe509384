"""Runs programs as child processes: starts, watches, restarts and stops them, whole trees."""
