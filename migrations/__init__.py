"""The write side's numbered SQL files."""
