"""The command line: `annals up` and everything that goes beside it."""
