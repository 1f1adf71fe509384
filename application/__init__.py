"""Use cases: the command pipeline, the ports it needs and the reactions to events."""
