"""Prerequisites: that no flag depends on itself, by whatever way round."""

from collections.abc import Iterable, Iterator, Mapping

Parents = Mapping[str, Iterable[str]]
"""The flags that each flag names as its prerequisites."""


def cycle_in(parents: Parents) -> list[str]:
    """A way from a flag back to itself, both ends included; empty where there is none."""
    clear: set[str] = set()
    for start in parents:
        path: dict[str, Iterator[str]] = {start: iter(parents[start])}
        while path and start not in clear:
            last = next(reversed(path))
            for parent in path[last]:
                if parent in path:
                    way = list(path)
                    return [*way[way.index(parent) :], parent]
                if parent not in clear:
                    path[parent] = iter(parents.get(parent, ()))
                    break
            else:
                clear.add(last)
                del path[last]
    return []
