"""Backups: dumped by pg_dump through zstd into a repository, and loaded from one again."""
