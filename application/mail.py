"""Mail: what people are told about their accounts, and how a letter gets to them.

Whoever decides that somebody is to be told posts the letter within the same unit, so that nothing
is told that was not recorded, and nothing recorded goes untold. Sending is an effect: it is tried
until the mail server takes the letter, at least once, always under the same Message-ID. Without a
mail server a letter is written down instead, and the owner reads it in the outbox.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from application.accounts.reserving import reservation_of
from application.effects import Broken, Due
from application.executor import Failed, Succeeded
from application.mail_wording import worded
from application.reactions import Effect, Reaction
from application.unit import Unit
from domain.decider import Erased
from domain.mail import (
    MAIL,
    RETRY,
    ConfirmMail,
    FailMail,
    Mail,
    MailKind,
    MailQueued,
    MailRequeued,
    QueueMail,
)
from domain.recorded import Recorded

SEND = "send-mail"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail server is given; `id` is the same at every attempt, `at` is its date."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime


class Mailer(Protocol):
    """Takes letters to a mail server; safe to be called many times at once.

    A letter's Message-ID is made of its id, so that a receiver can tell a repetition. What a
    server refuses for good is not to be tried again; a server that is away, or that refuses us, is.
    """

    async def __call__(self, letter: Letter) -> Succeeded | Failed:
        """Make one attempt. Failure is an answer, no error, and names nothing of the letter."""
        ...

    @property
    def patience(self) -> float:
        """How many seconds an attempt may take at most."""
        ...


class Told(Protocol):
    """Hears of letters that were written down because there is no mail server."""

    def __call__(self, mail: str, kind: MailKind) -> None:
        """Say so; never what is in it."""
        ...


@dataclass(frozen=True)
class Letters:
    """Posts letters from within a decision; links lead below `public_url`, where there is one."""

    public_url: str
    email_hash: Callable[[str], str]
    new_id: Callable[[], UUID]
    now: Callable[[], datetime]

    def post(
        self, unit: Unit, *, kind: MailKind, person: str, to: str | Erased, **values: Any
    ) -> None:
        """Queue a letter with whatever else this unit records; to an erased address goes none.

        `person` is the id of an account, or of who has an address without one. Kinds with a token
        need `token` and `until` (when it expires), an invitation needs `tenant` too.
        """
        if not isinstance(to, Erased):
            self._queue(unit, str(self.new_id()), person, kind, to, values)

    def farewell(self, unit: Unit, to: str) -> str:
        """Queue the last letter to somebody who is erased within this unit; its id.

        It is sealed under a key that is named by that id, since the person's is destroyed before
        the letter is sent. Who has it sent destroys that key afterwards.
        """
        id_ = str(self.new_id())
        self._queue(unit, id_, id_, "account-erased", to, {})
        return id_

    def _queue(
        self, unit: Unit, id_: str, person: str, kind: MailKind, to: str, values: Mapping[str, Any]
    ) -> None:
        subject, text = worded(kind, self.public_url, values)
        letter = QueueMail(
            person=person, kind=kind, to=to, subject=subject, text=text, at=self.now()
        )
        unit.begin(MAIL, id_, letter)

    async def person(self, unit: Unit, email: str) -> str:
        """Whose letters to an address are: its account's, else the address's own.

        `email` is in the form in which addresses are compared.
        """
        address = self.email_hash(email)
        reservation = await reservation_of(unit, address)
        return reservation.account or key_of_address(address, reservation.releases)


def key_of_address(address: str, releases: int) -> str:
    """Whose things are that came to an address without an account, told by the address's hash.

    With every account that gives the address back this becomes somebody else: erasing one person
    must not make unreadable what comes to the next. How often that has happened is nobody's to see.
    """
    if releases:
        address = hashlib.sha256(f"{address}-{releases}".encode()).hexdigest()
    return f"address-{address}"


def react(_recorded: Recorded[MailQueued | MailRequeued]) -> Sequence[Effect]:
    """What was queued is sent."""
    return [Effect(kind=SEND)]


REACTION = Reaction(name="mail", handles=(MailQueued, MailRequeued), react=react, from_start=True)


@dataclass(frozen=True)
class SendMail:
    """Makes the attempts; without a `mailer` a letter is written down."""

    mailer: Mailer | None
    told: Told

    source = MAIL

    async def begin(self, unit: Unit, due: Due) -> Mail | None:
        """The letter, while it waits to be sent."""
        id_ = due.event.stream_id
        mail = await unit.load(MAIL, id_)
        if not isinstance(mail, Mail) or not mail.waits or mail.round != _round(due):
            return None
        if due.attempt > RETRY.max_attempts:  # the last ones were lost with their workers
            lost = Failed(kind="broken", detail="lost", retryable=False)
            await self.finish(unit, due, mail, lost, due.at, 0.0)
            return None
        return mail

    def patience(self, _payload: Mail) -> float:
        """As long as a mail server may take."""
        return 1.0 if self.mailer is None else self.mailer.patience

    async def carry_out(self, payload: Mail, due: Due) -> Succeeded | Failed:
        """Hand the letter over; one whose words were erased goes nowhere."""
        to, subject, text = payload.to, payload.subject, payload.text
        if isinstance(to, Erased) or isinstance(subject, Erased) or isinstance(text, Erased):
            return Failed(kind="invalid", detail="It was erased.", retryable=False)
        id_ = due.event.stream_id
        if self.mailer is None:
            self.told(id_, payload.kind)
            return Succeeded()
        return await self.mailer(
            Letter(id=id_, to=to, subject=subject, text=text, at=due.event.recorded_at)
        )

    async def finish(
        self,
        unit: Unit,
        due: Due,
        payload: Mail,
        result: Succeeded | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the outcome."""
        del payload
        if isinstance(result, Succeeded):
            command: ConfirmMail | FailMail = ConfirmMail(
                attempt=due.attempt, written=self.mailer is None, at=at
            )
        elif isinstance(result, Broken):
            command = FailMail(
                attempt=due.attempt,
                error=result.error,
                status=None,
                retryable=True,
                chance=chance,
                at=at,
            )
        else:
            command = FailMail(
                attempt=due.attempt,
                error=result.detail,
                status=result.status,
                retryable=result.retryable,
                chance=chance,
                at=at,
            )
        mail = await unit.decide(MAIL, due.event.stream_id, command)
        return mail.retry_at if isinstance(mail, Mail) else None


def _round(due: Due) -> int:
    event = due.event.event
    return event.round if isinstance(event, MailRequeued) else 1
