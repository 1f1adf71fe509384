"""Whom strategies let in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flags.bucketing import bucket
from domain.flags.rules import Rule
from tests.support.flag_asking import a_flag, activates, ask

SHARE = st.integers(0, 100)


def test_default_lets_everybody_in() -> None:
    assert activates("default", {})


def test_a_strategy_that_nobody_knows_lets_nobody_in() -> None:
    assert not activates("moonPhase", {}, {"userId": "1"})


@pytest.mark.parametrize(
    ("listed", "user", "let_in"),
    [
        ("1,2", "2", True),
        (" 1 , 2 ", "2", True),
        ("1,2", "12", False),
        ("1", "1 ", False),
        ("1,,2", "", True),
    ],
)
def test_users_are_let_in_by_name(listed: str, user: str, *, let_in: bool) -> None:
    assert activates("userWithId", {"userIds": listed}, {"userId": user}) is let_in


def test_a_targeting_key_is_a_user() -> None:
    assert activates("userWithId", {"userIds": "ada"}, {"targetingKey": "ada"})


@pytest.mark.parametrize(
    "strategy",
    [
        "userWithId",
        "flexibleRollout",
        "gradualRolloutUserId",
        "gradualRolloutSessionId",
        "gradualRolloutRandom",
        "remoteAddress",
        "applicationHostname",
    ],
)
def test_a_strategy_without_its_parameters_lets_nobody_in(strategy: str) -> None:
    everything = {"userId": "1", "sessionId": "1", "remoteAddress": "::1", "hostname": "h"}
    assert not activates(strategy, {}, everything)


@given(SHARE, st.text())
def test_a_gradual_rollout_lets_buckets_in_up_to_its_share(share: int, user: str) -> None:
    let_in = bucket("beta", user.encode("utf-8", "replace").decode()) <= share
    said = {"percentage": str(share)}
    assert activates("gradualRolloutUserId", said, {"userId": user}) is let_in
    assert activates("gradualRolloutSessionId", said, {"sessionId": user}) is let_in
    flexible = {"rollout": str(share), "stickiness": "team"}
    assert activates("flexibleRollout", flexible, {"team": user}) is let_in


@given(st.integers(0, 99), st.text())
def test_a_growing_rollout_takes_nobody_out(share: int, user: str) -> None:
    flexible = {"stickiness": "default"}
    before = activates("flexibleRollout", {**flexible, "rollout": str(share)}, {"userId": user})
    after = activates("flexibleRollout", {**flexible, "rollout": str(share + 1)}, {"userId": user})
    assert after or not before


def test_a_groups_name_spreads_otherwise() -> None:
    def let_in(**more: str) -> set[int]:
        said = {"rollout": "50", "stickiness": "userId", **more}
        return {n for n in range(200) if activates("flexibleRollout", said, {"userId": str(n)})}

    assert let_in(groupId="other") != let_in()
    assert let_in(groupId="beta") == let_in(groupId="") == let_in()


def test_whoever_lacks_the_field_is_not_let_in_even_by_all_of_a_rollout() -> None:
    assert not activates("flexibleRollout", {"rollout": "100", "stickiness": "team"}, {})
    assert activates("flexibleRollout", {"rollout": "100", "stickiness": "team"}, {"team": ""})
    assert not activates("gradualRolloutUserId", {"percentage": "100"}, {})
    assert activates("flexibleRollout", {"rollout": "100", "stickiness": "default"}, {})
    assert activates("flexibleRollout", {"rollout": "100"}, {})


@pytest.mark.parametrize("share", ["", "abc", "-1", "50%", " 50", "5.5", "٥٠"])  # noqa: RUF001
def test_a_share_that_is_no_whole_number_lets_nobody_in(share: str) -> None:
    assert not activates(
        "flexibleRollout", {"rollout": share, "stickiness": "userId"}, {"userId": ""}
    )


def test_chance_lets_a_share_in_and_is_the_requests() -> None:
    rules = [
        Rule(id=name, strategy="gradualRolloutRandom", parameters={"percentage": "50"})
        for name in ("first", "second")
    ]
    one, two = a_flag(rules[0]), a_flag(*rules)
    asked = [ask(one, {"userId": "same"}, seed=str(seed)).enabled for seed in range(2000)]
    assert 880 < sum(asked) < 1120
    assert asked == [ask(one, {"userId": "same"}, seed=str(seed)).enabled for seed in range(2000)]
    either = [ask(two, seed=str(seed)).enabled for seed in range(2000)]
    assert 1390 < sum(either) < 1610  # three quarters: each rule has a chance of its own


@pytest.mark.parametrize(
    ("listed", "address", "let_in"),
    [
        ("127.0.0.1, 10.0.0.0/8", "10.1.2.3", True),
        ("127.0.0.1 ,10.0.0.0/8", "127.0.0.1", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("localhost,", "localhost", False),
        ("10.0.0.0/8", "11.0.0.1", False),
    ],
)
def test_addresses_are_let_in(listed: str, address: str, *, let_in: bool) -> None:
    said = {"remoteAddress": address}
    assert activates("remoteAddress", {"IPs": listed}, said) is let_in


def test_hosts_are_let_in_whatever_their_case() -> None:
    assert activates("applicationHostname", {"hostNames": "a, Web-1"}, {"hostname": "WEB-1"})
    assert not activates("applicationHostname", {"hostNames": "a"}, {"hostname": "b"})
