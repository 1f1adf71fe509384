"""What the decider of second factors decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given as anything
from hypothesis import strategies as st

from domain.decider import ERASED
from domain.second_factors.commands import (
    ConfirmTotp,
    IssueRecoveryCodes,
    OfferTotp,
    RegisterPasskey,
    RemoveAllFactors,
    RemovePasskey,
    RemoveTotp,
    UsePasskey,
    UseRecoveryCode,
    UseTotp,
)
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.events import (
    Challenge,
    PasskeyRegistered,
    PasskeyRemoved,
    PasskeyUsed,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
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
    PasskeyTaken,
    SecondFactors,
    TooManyPasskeys,
    TotpEnrolled,
    WrongSecondFactor,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
HASHES = ("h1", "h2")
CHALLENGE = Challenge(id="c1", expires_at=AT + CHALLENGE_LIFETIME)
OTHER = Challenge(id="c2", expires_at=AT + CHALLENGE_LIFETIME)

OFFERED = TotpOffered(seed="s1")
CONFIRMED = TotpConfirmed(step=100)
ISSUED = RecoveryCodesIssued(hashes=["h1", "h2"])
ENROLLED = (OFFERED, CONFIRMED, ISSUED)
CONFIRM = ConfirmTotp(step=100, code_hashes=HASHES, at=AT)


def registered(passkey: str = "p1", **change: Any) -> PasskeyRegistered:
    fields: dict[str, Any] = {
        "name": "Phone",
        "credential": f"credential of {passkey}",
        "public_key": "key",
        "sign_count": 5,
        "transports": ("internal",),
        "synced": False,
        "challenge": CHALLENGE,
    }
    return PasskeyRegistered(passkey=passkey, **{**fields, **change})


def register(passkey: str = "p1", **change: Any) -> RegisterPasskey:
    event = registered(passkey, **change)
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return RegisterPasskey(**fields, code_hashes=HASHES, at=AT)


def use(sign_count: int, challenge: Challenge = OTHER) -> UsePasskey:
    return UsePasskey(passkey="p1", sign_count=sign_count, challenge=challenge, at=AT)


def test_a_seed_counts_only_after_a_right_code() -> None:
    given(SECOND_FACTORS).when(OfferTotp(seed="s1", at=AT)).then(OFFERED)
    assert not SECOND_FACTORS.fold([OFFERED]).required
    given(SECOND_FACTORS, OFFERED).when(UseTotp(step=101, at=AT)).refused(WrongSecondFactor)
    assert SECOND_FACTORS.fold([OFFERED, CONFIRMED]).seed == "s1"


def test_a_seed_that_was_not_confirmed_is_replaced() -> None:
    again = TotpOffered(seed="s2")
    given(SECOND_FACTORS, OFFERED).when(OfferTotp(seed="s2", at=AT)).then(again)
    assert SECOND_FACTORS.fold([OFFERED, again, CONFIRMED]).seed == "s2"


def test_the_first_factor_brings_recovery_codes() -> None:
    given(SECOND_FACTORS, OFFERED).when(CONFIRM).then(CONFIRMED, ISSUED)
    given(SECOND_FACTORS).when(register()).then(registered(), ISSUED)


def test_the_second_factor_leaves_recovery_codes_as_they_are() -> None:
    given(SECOND_FACTORS, *ENROLLED).when(register()).then(registered())
    given(SECOND_FACTORS, registered(), ISSUED, OFFERED).when(CONFIRM).then(CONFIRMED)


def test_there_is_one_authenticator() -> None:
    given(SECOND_FACTORS, *ENROLLED).when(OfferTotp(seed="s2", at=AT)).refused(TotpEnrolled)
    given(SECOND_FACTORS, *ENROLLED).when(CONFIRM).refused(TotpEnrolled)
    given(SECOND_FACTORS).when(CONFIRM).refused(NoTotpOffered)


def test_a_code_counts_once() -> None:
    used = TotpUsed(step=101)
    given(SECOND_FACTORS, *ENROLLED).when(UseTotp(step=101, at=AT)).then(used)
    given(SECOND_FACTORS, *ENROLLED, used).when(UseTotp(step=101, at=AT)).refused(WrongSecondFactor)


def test_no_code_older_than_the_last_one_counts() -> None:
    used = TotpUsed(step=102)
    given(SECOND_FACTORS, *ENROLLED, used).when(UseTotp(step=101, at=AT)).refused(WrongSecondFactor)


def test_the_code_that_has_confirmed_is_used() -> None:
    given(SECOND_FACTORS, *ENROLLED).when(UseTotp(step=100, at=AT)).refused(WrongSecondFactor)


def test_an_authenticator_that_was_removed_counts_no_more() -> None:
    given(SECOND_FACTORS, *ENROLLED).when(RemoveTotp(at=AT)).then(TotpRemoved())
    given(SECOND_FACTORS, *ENROLLED, TotpRemoved()).when(UseTotp(step=101, at=AT)).refused(
        WrongSecondFactor
    )
    given(SECOND_FACTORS, *ENROLLED, TotpRemoved()).when(RemoveTotp(at=AT)).then()
    given(SECOND_FACTORS, OFFERED).when(RemoveTotp(at=AT)).then(TotpRemoved())


def test_a_recovery_code_counts_once() -> None:
    use_code = UseRecoveryCode(code_hash="h2", at=AT)
    used = RecoveryCodeUsed(number=2)
    given(SECOND_FACTORS, *ENROLLED).when(use_code).then(used)
    given(SECOND_FACTORS, *ENROLLED, used).when(use_code).refused(WrongSecondFactor)
    given(SECOND_FACTORS, *ENROLLED, used).when(UseRecoveryCode(code_hash="h1", at=AT)).then(
        RecoveryCodeUsed(number=1)
    )


def test_new_recovery_codes_replace_the_old_ones() -> None:
    new = RecoveryCodesIssued(hashes=["n1"])
    given(SECOND_FACTORS, *ENROLLED).when(IssueRecoveryCodes(code_hashes=("n1",), at=AT)).then(new)
    given(SECOND_FACTORS, *ENROLLED, new).when(UseRecoveryCode(code_hash="h1", at=AT)).refused(
        WrongSecondFactor
    )


def test_recovery_codes_stand_in_for_a_factor() -> None:
    issue = IssueRecoveryCodes(code_hashes=HASHES, at=AT)
    given(SECOND_FACTORS).when(issue).refused(NoSecondFactor)
    gone = (*ENROLLED, TotpRemoved())
    given(SECOND_FACTORS, *gone).when(UseRecoveryCode(code_hash="h1", at=AT)).refused(
        WrongSecondFactor
    )
    assert SECOND_FACTORS.fold([*ENROLLED, registered(), TotpRemoved()]).codes


def test_a_passkey_is_registered_once() -> None:
    same = register("p2", credential="credential of p1", challenge=OTHER)
    given(SECOND_FACTORS, registered()).when(same).refused(PasskeyTaken)


def test_a_registrations_challenge_counts_once() -> None:
    given(SECOND_FACTORS, registered()).when(register("p2")).refused(WrongSecondFactor)


def test_there_are_only_so_many_passkeys() -> None:
    many = [registered(f"p{number}") for number in range(MOST_PASSKEYS)]
    given(SECOND_FACTORS, *many).when(register("more", challenge=OTHER)).refused(TooManyPasskeys)


def test_a_passkeys_counter_must_rise() -> None:
    given(SECOND_FACTORS, registered()).when(use(6)).then(
        PasskeyUsed(passkey="p1", sign_count=6, challenge=OTHER)
    )
    for count in (5, 4, 0):
        given(SECOND_FACTORS, registered()).when(use(count)).refused(WrongSecondFactor)


def test_a_passkey_without_a_counter_counts() -> None:
    given(SECOND_FACTORS, registered(sign_count=0)).when(use(0)).then(
        PasskeyUsed(passkey="p1", sign_count=0, challenge=OTHER)
    )


def test_a_challenge_counts_once_whoever_answers_it() -> None:
    answers = [
        use(0),
        UseTotp(step=101, challenge=OTHER, at=AT),
        UseRecoveryCode(code_hash="h1", challenge=OTHER, at=AT),
    ]
    have = (*ENROLLED, registered(sign_count=0))
    for first in answers:
        used = SECOND_FACTORS.decide(SECOND_FACTORS.fold(have), first)
        for second in answers:
            given(SECOND_FACTORS, *have, *used).when(second).refused(WrongSecondFactor)


def test_challenges_are_forgotten_once_they_have_expired() -> None:
    later = Challenge(id="c3", expires_at=CHALLENGE.expires_at + CHALLENGE_LIFETIME)
    sooner = Challenge(id="c4", expires_at=later.expires_at - timedelta(seconds=1))
    used = [PasskeyUsed(passkey="p1", sign_count=9, challenge=each) for each in (sooner, later)]
    factors = SECOND_FACTORS.fold([registered(), *used])
    assert factors.answered == (sooner, later)


def test_a_passkey_that_was_removed_counts_no_more() -> None:
    removed = PasskeyRemoved(passkey="p1")
    given(SECOND_FACTORS, registered()).when(RemovePasskey(passkey="p1", at=AT)).then(removed)
    given(SECOND_FACTORS, registered(), removed).when(use(6)).refused(WrongSecondFactor)
    given(SECOND_FACTORS, registered(), removed).when(RemovePasskey(passkey="p1", at=AT)).refused(
        NoSuchPasskey
    )


def test_who_was_erased_has_no_passkey_that_could_be_found() -> None:
    erased = registered(name=ERASED, credential=ERASED, public_key=ERASED)
    assert SECOND_FACTORS.fold([erased]).passkey_of("credential of p1") is None


def test_who_has_lost_everything_begins_anew() -> None:
    remove = RemoveAllFactors(at=AT)
    have = (*ENROLLED, registered(), registered("p2", challenge=OTHER))
    gone = [TotpRemoved(), PasskeyRemoved(passkey="p1"), PasskeyRemoved(passkey="p2")]
    given(SECOND_FACTORS, *have).when(remove).then(*gone)
    left = SECOND_FACTORS.fold([*have, *gone])
    assert (left.required, left.methods) == (False, ())
    given(SECOND_FACTORS, *have, *gone).when(remove).then()


EVENTS = st.sampled_from(
    [
        *ENROLLED,
        registered(),
        TotpUsed(step=101, challenge=OTHER),
        TotpRemoved(),
        RecoveryCodeUsed(number=1),
        PasskeyUsed(passkey="p1", sign_count=9, challenge=OTHER),
        PasskeyRemoved(passkey="p1"),
    ]
)


@anything(st.lists(EVENTS))
def test_any_events_in_any_order_fold(events: list[Any]) -> None:
    factors = SECOND_FACTORS.fold(events)
    assert isinstance(factors, SecondFactors)
    assert factors.required == bool({"totp", "passkey"} & set(factors.methods))
