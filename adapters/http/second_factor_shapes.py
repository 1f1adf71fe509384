"""Second factors as requests and answers show them.

A browser's answer comes as `PublicKeyCredential.toJSON()` makes it (WebAuthn level 3, 5.1): its
names are the standard's, and what it has beside these is left alone.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.http.calls import Call
from adapters.http.names import NO_NUL
from adapters.http.relying_party import relying_party
from application.second_factors.checking import GivenFactor
from domain.decider import Erased
from domain.recorded import Recorded
from domain.rejections import Fault, Invalid
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.events import (
    PasskeyRegistered,
    PasskeyUsed,
    RecoveryCodesIssued,
    SecondFactorsEvent,
    TotpConfirmed,
    TotpUsed,
)
from domain.second_factors.state import SecondFactors

Code = Annotated[str, msgspec.Meta(max_length=20)]
RecoveryCode = Annotated[str, msgspec.Meta(max_length=100)]
Challenge = Annotated[str, msgspec.Meta(max_length=1000)]
Base64Url = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{0,20000}$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100, extra_json_schema=NO_NUL)]

_RENAMED = {
    "attestation_object": "attestationObject",
    "authenticator_data": "authenticatorData",
    "client_data": "clientDataJSON",
    "raw_id": "rawId",
    "user_handle": "userHandle",
}


class Attestation(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """What an authenticator says of a passkey that it has made."""

    client_data: Base64Url
    attestation_object: Base64Url
    transports: Annotated[list[str], msgspec.Meta(max_length=20)] = []


class Assertion(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """What an authenticator has signed."""

    client_data: Base64Url
    authenticator_data: Base64Url
    signature: Base64Url
    user_handle: Base64Url | None = None


class MadeCredential(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """The answer of `navigator.credentials.create`."""

    id: Base64Url
    raw_id: Base64Url
    type: str
    response: Attestation


class UsedCredential(msgspec.Struct, frozen=True, kw_only=True, rename=_RENAMED):
    """The answer of `navigator.credentials.get`."""

    id: Base64Url
    raw_id: Base64Url
    type: str
    response: Assertion


class FactorBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second factor: an authenticator's code, a recovery code, or a passkey's answer."""

    code: Code | None = None
    recovery_code: RecoveryCode | None = None
    passkey: UsedCredential | None = None


def given_factor(call: Call, body: FactorBody) -> GivenFactor:
    """The factor that a body gives, which may be none.

    Raises:
        Invalid: it gives more than one.
    """
    named = [name for name in ("code", "recovery_code", "passkey") if getattr(body, name)]
    if len(named) > 1:
        detail = f"is given beside {named[0]}; give one of them"
        raise Invalid(Fault(pointer=f"/{named[1]}", code="exclusive", detail=detail))
    return GivenFactor(
        code=body.code or None,
        recovery_code=body.recovery_code or None,
        passkey=None if body.passkey is None else credential_json(body.passkey),
        party=relying_party(call),
    )


def credential_json(credential: MadeCredential | UsedCredential) -> Any:
    """A browser's answer, as JSON again."""
    return msgspec.to_builtins(credential)


class TotpView(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticator that counts."""

    enrolled_at: datetime
    last_used_at: datetime | None


class RecoveryCodesView(msgspec.Struct, frozen=True, kw_only=True):
    """How many recovery codes are left of those that were made at `issued_at`."""

    left: int
    issued_at: datetime


class PasskeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey; `synced`: it may be on several devices. An erased name is null."""

    id: str
    name: str | None
    synced: bool
    transports: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None


class SecondFactorsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has beside a password."""

    totp: TotpView | None
    recovery_codes: RecoveryCodesView | None
    passkeys: list[PasskeyView]
    version: int


def view_factors(history: Iterable[Recorded[SecondFactorsEvent]]) -> SecondFactorsView:
    """What an account's events come to, with the times that the events bear."""
    factors, version = SECOND_FACTORS.initial, 0
    begun: dict[str, datetime] = {}
    used: dict[str, datetime] = {}
    for recorded in history:
        factors, version = SECOND_FACTORS.evolve(factors, recorded.event), recorded.version
        match recorded.event:
            case TotpConfirmed():
                begun["totp"] = recorded.recorded_at
                used.pop("totp", None)
            case TotpUsed():
                used["totp"] = recorded.recorded_at
            case RecoveryCodesIssued():
                begun["codes"] = recorded.recorded_at
            case PasskeyRegistered(passkey=id_):
                begun[id_] = recorded.recorded_at
            case PasskeyUsed(passkey=id_):
                used[id_] = recorded.recorded_at
            case _:
                pass
    return _view(factors, version, begun, used)


def _view(
    factors: SecondFactors,
    version: int,
    begun: dict[str, datetime],
    used: dict[str, datetime],
) -> SecondFactorsView:
    totp, codes = None, None
    if factors.seed:
        totp = TotpView(enrolled_at=begun["totp"], last_used_at=used.get("totp"))
    if factors.codes:
        codes = RecoveryCodesView(left=len(factors.codes), issued_at=begun["codes"])
    passkeys = [
        PasskeyView(
            id=id_,
            name=None if isinstance(each.name, Erased) else each.name,
            synced=each.synced,
            transports=each.transports,
            created_at=begun[id_],
            last_used_at=used.get(id_),
        )
        for id_, each in factors.passkeys.items()
    ]
    return SecondFactorsView(totp=totp, recovery_codes=codes, passkeys=passkeys, version=version)
