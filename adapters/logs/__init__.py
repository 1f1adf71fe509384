"""Log files: found safely, told apart, searched in processes of their own, and followed."""
