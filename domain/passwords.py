"""Which new passwords are refused: too short, too long, known to everybody, or made of the address.

There are no rules about kinds of characters: NIST SP 800-63B (5.1.1.2) and OWASP ASVS 5.0 (6.2)
advise against them. Passwords are compared in the form NFKC, so the same characters from
another keyboard are the same password; lengths are counted in that form.
"""

import re
import unicodedata
from collections.abc import Collection, Container

from domain.rejections import Fault

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 256
OUR_NAME = "annals"
_SHORTEST_PIECE = 3
_DIGITS = "0123456789"
_WORDS = re.compile(r"\w+")


def normal_password(password: str) -> str:
    """The form in which a password is hashed and counted."""
    return unicodedata.normalize("NFKC", password)


def password_fault(
    password: str, email: str, common: Container[str], *, pointer: str = "/password"
) -> Fault | None:
    """What is wrong with a new password for the account of this address; None: nothing.

    `common` holds well-known passwords in the form NFKC, case-folded.
    """
    normal = normal_password(password)
    if not SHORTEST_PASSWORD <= len(normal) <= LONGEST_PASSWORD:
        detail = f"password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        return Fault(pointer=pointer, code="length", detail=detail)
    folded = _folded(normal)
    if folded in common:
        detail = "password is one that many people use"
        return Fault(pointer=pointer, code="too-common", detail=detail)
    if _made_of(folded, _pieces(email)):
        detail = "password is made of the e-mail address or of our name"
        return Fault(pointer=pointer, code="too-obvious", detail=detail)
    return None


def _pieces(email: str) -> set[str]:
    """What somebody who knows the address tries first: its words, forwards and backwards."""
    mailbox, _, domain = _folded(email).rpartition("@")
    *hosts, _top = domain.split(".")
    texts = [mailbox, *_WORDS.findall(mailbox), domain, "".join(hosts), *hosts, email, OUR_NAME]
    words = {_bare(_folded(text)) for text in texts}
    words |= {word.strip(_DIGITS) for word in words}
    words = {word for word in words if len(word) >= _SHORTEST_PIECE}
    return words | {word[::-1] for word in words}


def _made_of(folded: str, pieces: Collection[str]) -> bool:
    """Whether nothing is left of a password without such words, digits and signs."""
    bare = _bare(folded)
    letters = "".join(character for character in bare if character not in _DIGITS)
    return any(_is_chain(core, pieces) for core in {bare, bare.strip(_DIGITS), letters} if core)


def _is_chain(text: str, pieces: Collection[str]) -> bool:
    """Whether a text is nothing but pieces, one behind the other."""
    reached = {0}
    for end in range(1, len(text) + 1):
        if any(end - len(piece) in reached and text.endswith(piece, 0, end) for piece in pieces):
            reached.add(end)
    return len(text) in reached


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
