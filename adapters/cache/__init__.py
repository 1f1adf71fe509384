"""The file cache: entries as files in one directory that any number of processes share."""
