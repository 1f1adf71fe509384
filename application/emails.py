"""E-mail addresses in use cases: how they are looked up, and what is said of malformed ones."""

from typing import Protocol

from domain.emails import canonical_email, mailable_email
from domain.rejections import Fault, Invalid


class NameHash(Protocol):
    """A keyed hash, so that a name can be looked up where it must not be readable."""

    def __call__(self, name: str) -> str:
        """64 hexadecimal digits that only this installation can compute."""
        ...


def email_fault(*, pointer: str = "/email") -> Fault:
    """What is wrong with a text that is no address."""
    detail = "email must be an address such as ada@example.org"
    return Fault(pointer=pointer, code="email", detail=detail)


def known_form(email: str) -> str:
    """The form in which addresses are compared.

    Raises:
        Invalid: it can be no address.
    """
    form = canonical_email(email)
    if form is None:
        raise Invalid(email_fault())
    return form


def mailable_form(email: str) -> str:
    """The form in which addresses are kept and written to.

    Raises:
        Invalid: it can be no address.
    """
    form = mailable_email(email)
    if form is None:
        raise Invalid(email_fault())
    return form
