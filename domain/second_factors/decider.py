"""What may be done with second factors.

Everything is used once: a code's time step, a recovery code, a challenge. As all of an account's
factors are one stream, its version decides between two who use the same one at once.
"""

from typing import assert_never

from msgspec.structs import replace

from domain.decider import Decider
from domain.second_factors.commands import (
    ConfirmTotp,
    IssueRecoveryCodes,
    OfferTotp,
    RegisterPasskey,
    RemoveAllFactors,
    RemovePasskey,
    RemoveTotp,
    SecondFactorsCommand,
    UsePasskey,
    UseRecoveryCode,
    UseTotp,
)
from domain.second_factors.events import (
    Challenge,
    PasskeyRegistered,
    PasskeyRemoved,
    PasskeyUsed,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    SecondFactorsEvent,
    TotpConfirmed,
    TotpOffered,
    TotpRemoved,
    TotpUsed,
)
from domain.second_factors.state import (
    CHALLENGE_LIFETIME,
    MOST_PASSKEYS,
    NoSecondFactor,
    NoSuchPasskey,
    NoTotpOffered,
    Passkey,
    PasskeyTaken,
    SecondFactors,
    TooManyPasskeys,
    TotpEnrolled,
    WrongSecondFactor,
)

Events = list[SecondFactorsEvent]


def decide(  # noqa: C901 - one case for each command
    factors: SecondFactors, command: SecondFactorsCommand
) -> Events:
    """Answer a command with the events it causes."""
    match command:
        case OfferTotp():
            return _offer_totp(factors, command)
        case ConfirmTotp():
            return _confirm_totp(factors, command)
        case UseTotp():
            return _use_totp(factors, command)
        case RemoveTotp():
            return _remove_totp(factors)
        case IssueRecoveryCodes():
            return _issue_recovery_codes(factors, command)
        case UseRecoveryCode():
            return _use_recovery_code(factors, command)
        case RegisterPasskey():
            return _register_passkey(factors, command)
        case UsePasskey():
            return _use_passkey(factors, command)
        case RemovePasskey():
            return _remove_passkey(factors, command)
        case RemoveAllFactors():
            return _remove_all(factors)
        case _:
            assert_never(command)


def _offer_totp(factors: SecondFactors, command: OfferTotp) -> Events:
    if factors.seed:
        raise TotpEnrolled
    return [TotpOffered(seed=command.seed)]


def _confirm_totp(factors: SecondFactors, command: ConfirmTotp) -> Events:
    if factors.seed:
        raise TotpEnrolled
    if not factors.offered:
        raise NoTotpOffered
    return [TotpConfirmed(step=command.step), *_first_codes(factors, command.code_hashes)]


def _first_codes(factors: SecondFactors, hashes: tuple[str, ...]) -> Events:
    return [] if factors.codes else [RecoveryCodesIssued(hashes=list(hashes))]


def _use_totp(factors: SecondFactors, command: UseTotp) -> Events:
    if not factors.seed or command.step <= factors.last_step:
        raise WrongSecondFactor
    _check_unanswered(factors, command.challenge)
    return [TotpUsed(step=command.step, challenge=command.challenge)]


def _remove_totp(factors: SecondFactors) -> Events:
    return [TotpRemoved()] if factors.seed or factors.offered else []


def _issue_recovery_codes(factors: SecondFactors, command: IssueRecoveryCodes) -> Events:
    if not factors.required:
        raise NoSecondFactor
    return [RecoveryCodesIssued(hashes=list(command.code_hashes))]


def _use_recovery_code(factors: SecondFactors, command: UseRecoveryCode) -> Events:
    numbers = [number for number, hash_ in factors.codes.items() if hash_ == command.code_hash]
    if not numbers:
        raise WrongSecondFactor
    _check_unanswered(factors, command.challenge)
    return [RecoveryCodeUsed(number=numbers[0], challenge=command.challenge)]


def _register_passkey(factors: SecondFactors, command: RegisterPasskey) -> Events:
    if factors.passkey_of(command.credential) is not None or command.passkey in factors.passkeys:
        raise PasskeyTaken
    if len(factors.passkeys) >= MOST_PASSKEYS:
        raise TooManyPasskeys(f"An account has at most {MOST_PASSKEYS}; remove one first.")
    _check_unanswered(factors, command.challenge)
    registered = PasskeyRegistered(
        passkey=command.passkey,
        name=command.name,
        credential=command.credential,
        public_key=command.public_key,
        sign_count=command.sign_count,
        transports=command.transports,
        synced=command.synced,
        challenge=command.challenge,
    )
    return [registered, *_first_codes(factors, command.code_hashes)]


def _use_passkey(factors: SecondFactors, command: UsePasskey) -> Events:
    passkey = factors.passkeys.get(command.passkey)
    if passkey is None:
        raise WrongSecondFactor
    counts = command.sign_count or passkey.sign_count
    if counts and command.sign_count <= passkey.sign_count:  # WebAuthn, 6.1.1: perhaps a copy
        raise WrongSecondFactor
    _check_unanswered(factors, command.challenge)
    return [
        PasskeyUsed(
            passkey=command.passkey, sign_count=command.sign_count, challenge=command.challenge
        )
    ]


def _remove_passkey(factors: SecondFactors, command: RemovePasskey) -> Events:
    if command.passkey not in factors.passkeys:
        raise NoSuchPasskey
    return [PasskeyRemoved(passkey=command.passkey)]


def _remove_all(factors: SecondFactors) -> Events:
    return [*_remove_totp(factors), *(PasskeyRemoved(passkey=each) for each in factors.passkeys)]


def _check_unanswered(factors: SecondFactors, challenge: Challenge | None) -> None:
    if challenge is not None and any(each.id == challenge.id for each in factors.answered):
        raise WrongSecondFactor


def evolve(factors: SecondFactors, event: SecondFactorsEvent) -> SecondFactors:
    """The second factors after an event."""
    match event:
        case TotpOffered():
            return replace(factors, offered=event.seed)
        case TotpConfirmed():
            return replace(factors, offered="", seed=factors.offered, last_step=event.step)
        case TotpUsed():
            return _answered(replace(factors, last_step=event.step), event.challenge)
        case TotpRemoved():
            return _while_required(replace(factors, offered="", seed="", last_step=-1))
        case RecoveryCodesIssued():
            return replace(factors, codes=dict(enumerate(event.hashes, 1)))
        case RecoveryCodeUsed():
            left = {
                number: kept for number, kept in factors.codes.items() if number != event.number
            }
            return _answered(replace(factors, codes=left), event.challenge)
        case PasskeyRegistered():
            passkeys = {**factors.passkeys, event.passkey: _passkey(event)}
            return _answered(replace(factors, passkeys=passkeys), event.challenge)
        case PasskeyUsed():
            return _answered(_counted(factors, event), event.challenge)
        case PasskeyRemoved():
            left_over = {
                id_: each for id_, each in factors.passkeys.items() if id_ != event.passkey
            }
            return _while_required(replace(factors, passkeys=left_over))
        case _:
            assert_never(event)


def _passkey(event: PasskeyRegistered) -> Passkey:
    return Passkey(
        name=event.name,
        credential=event.credential,
        public_key=event.public_key,
        sign_count=event.sign_count,
        transports=event.transports,
        synced=event.synced,
    )


def _counted(factors: SecondFactors, event: PasskeyUsed) -> SecondFactors:
    passkey = factors.passkeys.get(event.passkey)
    if passkey is None:
        return factors
    counted = replace(passkey, sign_count=event.sign_count)
    return replace(factors, passkeys={**factors.passkeys, event.passkey: counted})


def _answered(factors: SecondFactors, challenge: Challenge | None) -> SecondFactors:
    """Remember a challenge, and forget those that had expired when it was made."""
    if challenge is None:
        return factors
    made_at = challenge.expires_at - CHALLENGE_LIFETIME
    alive = tuple(each for each in factors.answered if each.expires_at > made_at)
    return replace(factors, answered=(*alive, challenge))


def _while_required(factors: SecondFactors) -> SecondFactors:
    """Recovery codes go with the last factor that they stand in for."""
    return factors if factors.required else replace(factors, codes={})


SECOND_FACTORS: Decider[SecondFactors, SecondFactorsCommand, SecondFactorsEvent] = Decider(
    category="second-factors",
    events=SecondFactorsEvent,
    initial=SecondFactors(),
    decide=decide,
    evolve=evolve,
    system=True,
)
