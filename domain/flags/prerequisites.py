"""Prerequisites: that no flag depends on itself, by whatever way round."""

from collections.abc import Iterable, Mapping

Parents = Mapping[str, Iterable[str]]
"""The flags that each flag names as its prerequisites."""


def cycle_through(flag: str, parents: Parents) -> list[str]:
    """A way from a flag back to itself, both ends included; empty where there is none."""
    path: dict[str, str] = {}
    waiting = [flag]
    while waiting:
        child = waiting.pop()
        for parent in parents.get(child, ()):
            if parent == flag:
                return _way(flag, child, path)
            if parent not in path:
                path[parent] = child
                waiting.append(parent)
    return []


def _way(flag: str, last: str, path: Mapping[str, str]) -> list[str]:
    way = [flag, last]
    while way[-1] != flag:
        way.append(path[way[-1]])
    return way[::-1]
