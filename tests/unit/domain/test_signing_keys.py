"""What the signing keys' decider decides."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.signing_keys import (
    ACCESS_TOKEN_LIFETIME,
    MOST_KEYS,
    OVERLAP,
    SIGNING_KEYS,
    MakeFirstKey,
    RotateKey,
    SigningKeyMade,
    SigningKeys,
    TooManySigningKeys,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
LONGEST_TOKEN = ACCESS_TOKEN_LIFETIME + timedelta(seconds=30)  # with the skew of a clock


def made(key: str, at: datetime = AT, *, distrusts_others: bool = False) -> SigningKeyMade:
    return SigningKeyMade(
        key=key,
        public_key=f"public {key}",
        private_key=f"private {key}",
        made_at=at,
        distrusts_others=distrusts_others,
    )


def first(key: str) -> MakeFirstKey:
    return MakeFirstKey(key=key, public_key=f"public {key}", private_key=f"private {key}", at=AT)


def rotate(key: str, at: datetime = AT, *, distrust_others: bool = False) -> RotateKey:
    return RotateKey(
        key=key,
        public_key=f"public {key}",
        private_key=f"private {key}",
        distrust_others=distrust_others,
        at=at,
    )


def vouching(keys: SigningKeys, at: datetime) -> list[str]:
    return [key.id for key in keys.vouching(at)]


def test_the_first_key_is_made_once() -> None:
    given(SIGNING_KEYS).when(first("a")).then(made("a"))
    given(SIGNING_KEYS, made("a")).when(first("b")).then()


def test_a_rotation_makes_the_key_that_signs() -> None:
    given(SIGNING_KEYS).when(rotate("a")).then(made("a"))
    given(SIGNING_KEYS, made("a")).when(rotate("b")).then(made("b"))
    newest = SIGNING_KEYS.fold([made("a"), made("b")]).newest
    assert newest is not None
    assert newest.id == "b"


def test_a_replaced_key_vouches_until_its_last_token_has_expired() -> None:
    keys = SIGNING_KEYS.fold([made("a"), made("b", AT + timedelta(days=1))])
    replaced = AT + timedelta(days=1)
    assert vouching(keys, replaced + LONGEST_TOKEN) == ["a", "b"]
    assert vouching(keys, replaced + OVERLAP - timedelta(microseconds=1)) == ["a", "b"]
    assert vouching(keys, replaced + OVERLAP) == ["b"]


def test_a_second_rotation_does_not_prolong_the_first_one() -> None:
    keys = SIGNING_KEYS.fold([made("a"), made("b"), made("c", AT + timedelta(minutes=9))])
    assert vouching(keys, AT + OVERLAP) == ["b", "c"]


def test_a_key_that_vouches_no_more_is_forgotten() -> None:
    keys = SIGNING_KEYS.fold([made("a"), made("b"), made("c", AT + OVERLAP)])
    assert [key.id for key in keys.keys] == ["b", "c"]


def test_keys_that_are_not_trusted_any_more_vouch_for_nothing() -> None:
    given(SIGNING_KEYS, made("a")).when(rotate("b", distrust_others=True)).then(
        made("b", distrusts_others=True)
    )
    keys = SIGNING_KEYS.fold([made("a"), made("b", distrusts_others=True)])
    assert vouching(keys, AT) == ["b"]


def test_rotating_faster_than_keys_fade_is_refused_until_some_have() -> None:
    crowd = [made(str(each)) for each in range(MOST_KEYS)]
    given(SIGNING_KEYS, *crowd).when(rotate("more")).refused(TooManySigningKeys)
    later = AT + OVERLAP
    given(SIGNING_KEYS, *crowd).when(rotate("more", later)).then(made("more", later))
    given(SIGNING_KEYS, *crowd).when(rotate("x", distrust_others=True)).then(
        made("x", distrusts_others=True)
    )


@for_all(st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=1, max_size=20))
def test_however_keys_are_rotated_one_signs_and_none_fades_too_early(
    rotations: list[tuple[int, bool]],
) -> None:
    events, at = [], AT
    for turn, (seconds, distrusts_others) in enumerate(rotations):
        at += timedelta(seconds=seconds)
        events.append(made(str(turn), at, distrusts_others=distrusts_others))
        keys = SIGNING_KEYS.fold(events)
        assert keys.newest is not None
        assert keys.newest.until is None
        assert [key.until for key in keys.keys].count(None) == 1
        assert str(turn) in vouching(keys, at + timedelta(days=999))
        distrusted = max((n for n, each in enumerate(events) if each.distrusts_others), default=0)
        for n in range(distrusted, turn):
            assert (str(n) in vouching(keys, at)) == (at < events[n + 1].made_at + OVERLAP)
