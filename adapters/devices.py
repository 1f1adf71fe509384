"""What people call a device, from what a browser says of itself (`User-Agent`)."""

from functools import lru_cache

_LONGEST = 60


@lru_cache(1024)
def readable_device(user_agent: str) -> str:
    """A User-Agent as people read it, such as `Firefox on Linux`; its first word where unknown.

    The rules are only loaded by who first asks: they take longer than most requests.
    """
    from ua_parser import parse_os, parse_user_agent  # noqa: PLC0415

    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    named = [each.family for each in (browser, system) if each is not None]
    if browser is None:
        product = user_agent.partition(" ")[0].partition("/")[0]
        named.insert(0, product if product.isprintable() else "")
    return " on ".join(each for each in named if each)[:_LONGEST]
