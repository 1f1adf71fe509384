"""Tokens: a program acts for a person with short access tokens, and renews them.

A family is the line of refresh tokens that begins with one exchange: each is used once and gives
the next (RFC 9700, 4.14.2). One that comes back was copied, by whom nobody can tell, so the family
ends. A family belongs to a session, and counts no longer than that one does.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event, Secret
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Conflict, Unauthenticated

REMEMBERED = 1000
"""Used tokens that are known again when they come back; an older one is merely wrong."""


class TokensIssued(Event, frozen=True, kw_only=True, tag="tokens.issued"):
    """A session was exchanged for tokens; `own_session`: it was begun for them alone."""

    session: str
    account: str
    refresh_hash: Secret
    expires_at: datetime
    tenant: str = DEFAULT_TENANT
    own_session: bool = False


class TokensRefreshed(Event, frozen=True, kw_only=True, tag="tokens.refreshed"):
    """The refresh token was used up, and gave this one."""

    refresh_hash: Secret


class TokensReused(Event, frozen=True, kw_only=True, tag="tokens.reused"):
    """A refresh token that was used up came back: nothing of the family counts any more."""


class TokensRevoked(Event, frozen=True, kw_only=True, tag="tokens.revoked"):
    """Who holds the refresh token has given it back."""


TokensEvent = TokensIssued | TokensRefreshed | TokensReused | TokensRevoked


class IssueTokens(Command, frozen=True, kw_only=True):
    """Begin a family for a session that counts until `expires_at`."""

    session: str
    account: str
    refresh_hash: str
    expires_at: datetime
    tenant: str
    own_session: bool
    at: datetime


class RefreshTokens(Command, frozen=True, kw_only=True):
    """Use the refresh token of this hash up for the next one."""

    refresh_hash: str
    next_hash: str
    at: datetime


class ReportReuse(Command, frozen=True, kw_only=True):
    """End the family because of a used refresh token of this hash."""

    refresh_hash: str
    at: datetime


class RevokeTokens(Command, frozen=True, kw_only=True):
    """Give a refresh token back, or one that was used up before it."""

    refresh_hash: str
    at: datetime


TokensCommand = IssueTokens | RefreshTokens | ReportReuse | RevokeTokens


class NoFamily(msgspec.Struct, frozen=True):
    """Nothing was issued."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A family that counts: the hash of the token that is good, and of those used up."""

    session: str
    account: str
    tenant: str
    own_session: bool
    expires_at: datetime
    good: str
    used: tuple[str, ...] = ()


class EndedFamily(msgspec.Struct, frozen=True):
    """A family that counts no more."""


TokenFamily = NoFamily | Family | EndedFamily


class TokenFamilyTaken(Conflict):
    """The new family's id is in use."""

    slug = "token-family-taken"
    title = "This token family exists"


class WrongToken(Unauthenticated):
    """The refresh token is none that counts; one neutral answer for every cause."""

    slug = "wrong-token"
    title = "This token is not valid"


class TokenReused(WrongToken):
    """The refresh token was used up before: the same answer, but the family has to end."""


def decide(family: TokenFamily, command: TokensCommand) -> list[TokensEvent]:
    """Answer a command with the events it causes."""
    match command:
        case IssueTokens():
            return _issue(family, command)
        case RefreshTokens():
            return _refresh(family, command)
        case ReportReuse():
            reused = isinstance(family, Family) and command.refresh_hash in family.used
            return [TokensReused()] if reused else []
        case RevokeTokens():
            return _revoke(family, command)
        case _:
            assert_never(command)


def _issue(family: TokenFamily, command: IssueTokens) -> list[TokensEvent]:
    if not isinstance(family, NoFamily):
        raise TokenFamilyTaken
    return [
        TokensIssued(
            session=command.session,
            account=command.account,
            refresh_hash=command.refresh_hash,
            expires_at=command.expires_at,
            tenant=command.tenant,
            own_session=command.own_session,
        )
    ]


def _refresh(family: TokenFamily, command: RefreshTokens) -> list[TokensEvent]:
    if not isinstance(family, Family) or command.at >= family.expires_at:
        raise WrongToken
    if command.refresh_hash in family.used:
        raise TokenReused
    if command.refresh_hash != family.good:
        raise WrongToken
    return [TokensRefreshed(refresh_hash=command.next_hash)]


def _revoke(family: TokenFamily, command: RevokeTokens) -> list[TokensEvent]:
    if not isinstance(family, Family):
        return []
    known = command.refresh_hash == family.good or command.refresh_hash in family.used
    return [TokensRevoked()] if known else []


def evolve(family: TokenFamily, event: TokensEvent) -> TokenFamily:
    """The family after an event."""
    match event:
        case TokensIssued():
            return Family(
                session=event.session,
                account=event.account,
                tenant=event.tenant,
                own_session=event.own_session,
                expires_at=event.expires_at,
                good=event.refresh_hash,
            )
        case TokensRefreshed() if isinstance(family, Family):
            used = (*family.used, family.good)[-REMEMBERED:]
            return msgspec.structs.replace(family, good=event.refresh_hash, used=used)
        case TokensReused() | TokensRevoked():
            return EndedFamily()
        case _:
            return family


TOKEN_FAMILY: Decider[TokenFamily, TokensCommand, TokensEvent] = Decider(
    category="token-family",
    events=TokensEvent,
    initial=NoFamily(),
    decide=decide,
    evolve=evolve,
    system=True,
)
