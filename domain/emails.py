"""E-mail addresses: which texts are one, and which of them are the same address.

Two texts are the same address when mail to them reaches the same mailbox as far as anybody can
know: case and Unicode form make no difference, and a domain in punycode is the one in Unicode
(UTS #46, non-transitional, as browsers do). The mailbox is folded too, although RFC 5321 leaves
its case to its server: no provider tells people apart by it. Nothing but case is folded, so one
letter stays one: jessica and jeßica are two mailboxes, although full case folding makes them one.

Letters go to the address as it was compared, with its mailbox's case alone kept: a spelling that
looks like an address, but reaches nobody or somebody else, must not stand for it.
"""

import re
import unicodedata

import idna

LONGEST_EMAIL = 254
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]{1,64}")
_HOST_LABEL = re.compile(r"(?!xn--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_DOMAIN = 253


def canonical_email(text: str) -> str | None:
    """The form in which addresses are compared, or None for what can be no address."""
    mailable = mailable_email(text)
    if mailable is None:
        return None
    mailbox, _, host = mailable.rpartition("@")
    folded = "".join(map(_folded, mailbox))
    return f"{unicodedata.normalize('NFKC', folded)}@{host}"


def mailable_email(text: str) -> str | None:
    """The form in which addresses are kept and written to, or None for what can be no address."""
    normal = unicodedata.normalize("NFKC", text.strip())
    mailbox, _, domain = normal.rpartition("@")
    if len(text) > LONGEST_EMAIL or not _MAILBOX.fullmatch(mailbox) or _unseen(normal):
        return None
    host = _canonical_domain(domain)
    if host is None or len(mailbox) + 1 + len(host) > LONGEST_EMAIL:
        return None
    return f"{mailbox}@{host}"


def _folded(character: str) -> str:
    """A letter's simple case folding (Unicode 5.18.4): one letter, or the letter itself.

    Marks are no letters: a Greek iota that is written below another letter is not one beside it.
    """
    if not character.isalpha():
        return character
    forms = (character.casefold(), character.lower(), character)
    return next(form for form in forms if len(form) == 1)


def _canonical_domain(domain: str) -> str | None:
    """A domain in lower case and punycode."""
    try:
        labels = idna.uts46_remap(domain, std3_rules=False, transitional=False).split(".")
        ascii_labels = [
            label if _HOST_LABEL.fullmatch(label) else idna.alabel(label).decode("ascii")
            for label in labels
        ]
    except UnicodeError:  # what idna raises for all that is no domain
        return None
    host = ".".join(ascii_labels)
    return host if len(host) <= _LONGEST_DOMAIN else None


def _unseen(text: str) -> bool:
    """Whether there are characters that no person sees: controls, formats, blanks, surrogates."""
    return any(unicodedata.category(character)[0] in "CZ" for character in text)
