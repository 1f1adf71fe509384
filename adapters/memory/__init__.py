"""Ports kept in memory: the same contracts without a server, for tests."""
