"""Why the platform cannot start, in one line for the person who started it."""


class CannotStart(Exception):  # noqa: N818 - reads as the fact that it tells
    """Something outside the program must be put right first; the text says what, in one line."""
