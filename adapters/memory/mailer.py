"""Letters kept in memory, for tests."""

import msgspec

from application.executor import Failed, Succeeded
from application.mail import Letter

_PERMANENT = 500


class MemoryMailer:
    """`application.mail.Mailer` without a server; `refuses` is the status that it answers."""

    patience = 1.0

    def __init__(self) -> None:
        """Start without any letter."""
        self.letters: list[Letter] = []
        self.refuses = 0

    async def __call__(self, letter: Letter) -> Succeeded | Failed:
        """See `Mailer`."""
        if not _is_address(letter.to):
            return Failed(kind="invalid", detail="This is no address.", retryable=False)
        if self.refuses:
            retryable = self.refuses < _PERMANENT
            detail = f"The mail server answered {self.refuses}."
            return Failed(kind="status", detail=detail, retryable=retryable, status=self.refuses)
        subject = " ".join(letter.subject.split())
        self.letters.append(msgspec.structs.replace(letter, subject=subject))
        return Succeeded()


def _is_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    known = all(each.isalnum() or each in ".-" for each in domain)
    return bool(local) and bool(domain) and known and local.isprintable()
