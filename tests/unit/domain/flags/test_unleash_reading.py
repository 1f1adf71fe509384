from typing import Any

import pytest

from domain.flags.conditions import AllOf, Constraint, InSegment
from domain.flags.documents import FlagSet
from domain.flags.rules import Prerequisite, Rule
from domain.flags.unleash import read_unleash
from domain.flags.variants import Override, Payload, Variant
from domain.rejections import Invalid

IN_DEV = {"contextName": "environment", "operator": "IN", "values": ["dev"]}
IN_DEV_HERE = Constraint(field="environment", operator="IN", values=("dev",))
VARIANT = {"name": "a", "weight": 1000}


def read(document: Any, environment: str = "production") -> FlagSet:
    return read_unleash(document, environment)


def feature(**said: Any) -> dict[str, Any]:
    return {"version": 2, "features": [{"name": "f", "enabled": True, **said}]}


def strategy(**said: Any) -> dict[str, Any]:
    return feature(strategies=[{"name": "default", **said}])


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        read(document)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_an_old_servers_state_is_read() -> None:
    document = {
        "version": 1,
        "features": [
            {
                "name": "old",
                "description": None,
                "enabled": True,
                "archived": False,
                "createdAt": "2019-01-24T10:38:10.370Z",
                "strategies": [
                    {"name": "gradualRolloutRandom", "parameters": {"percentage": 25}},
                    {"name": "userWithId", "parameters": {"userIds": "1"}},
                ],
                "variants": None,
            },
            {"name": "gone", "archivedAt": "2020-01-01T00:00:00Z"},
        ],
        "strategies": [{"name": "ours", "parameters": [{"name": "hello", "type": "string"}]}],
    }
    found = read(document)
    assert found.flags["old"].setting.rules == (
        Rule(id="rule-1", strategy="gradualRolloutRandom", parameters={"percentage": "25"}),
        Rule(id="rule-2", strategy="userWithId", parameters={"userIds": "1"}),
    )
    assert found.flags["gone"].archived
    assert not found.flags["gone"].setting.enabled
    assert not found.warnings


def test_what_sdks_are_served_is_read() -> None:
    document = {
        "version": 2,
        "features": [
            {
                "name": "f",
                "type": "experiment",
                "project": "checkout",
                "enabled": True,
                "stale": True,
                "impressionData": True,
                "description": "Said",
                "strategies": [
                    {
                        "id": "7",
                        "name": "flexibleRollout",
                        "title": "Half",
                        "disabled": True,
                        "parameters": {"rollout": "50", "stickiness": "team", "groupId": "g"},
                        "constraints": [
                            {
                                "contextName": "age",
                                "operator": "NUM_GTE",
                                "value": "18",
                                "values": [],
                                "inverted": True,
                                "caseInsensitive": True,
                            },
                            {"contextName": "ip", "operator": "IN_CIDR", "values": ["10.0.0.0/8"]},
                        ],
                        "segments": [3, 4],
                        "variants": [{**VARIANT, "weightType": "fix", "stickiness": "team"}],
                    }
                ],
                "variants": [
                    {
                        **VARIANT,
                        "stickiness": "userId",
                        "payload": {"type": "json", "value": ' {"a":1e3}'},
                        "overrides": [{"contextName": "userId", "values": ["1", "2"]}],
                    }
                ],
                "dependencies": [
                    {"feature": "parent"},
                    {"feature": "other", "enabled": False, "variants": []},
                ],
            },
        ],
        "segments": [
            {"id": 3, "name": "devs", "description": "Ours", "constraints": [IN_DEV]},
            {"id": 4, "constraints": []},
        ],
        "query": {"environment": "development"},
        "meta": {"etag": "x"},
    }
    found = read(document)
    flag = found.flags["f"]
    assert (flag.about.purpose, flag.about.project, flag.about.group) == (
        "experiment",
        "checkout",
        "f",
    )
    assert (flag.stale, flag.about.impressions, flag.about.description) == (True, True, "Said")
    assert flag.about.prerequisites == (
        Prerequisite(flag="parent"),
        Prerequisite(flag="other", enabled=False),
    )
    assert flag.setting.variants == (
        Variant(
            name="a",
            weight=1000,
            stickiness="userId",
            payload=Payload(type="json", value=' {"a":1e3}'),
            overrides=(Override(field="userId", values=("1", "2")),),
        ),
    )
    assert flag.setting.rules == (
        Rule(
            id="7",
            title="Half",
            disabled=True,
            strategy="flexibleRollout",
            parameters={"rollout": "50", "stickiness": "team", "groupId": "g"},
            condition=AllOf(
                of=(
                    Constraint(
                        field="age",
                        operator="NUM_GTE",
                        values=("18",),
                        inverted=True,
                        case_insensitive=True,
                    ),
                    Constraint(field="ip", operator="CIDR", values=("10.0.0.0/8",)),
                    InSegment(segment="devs"),
                    InSegment(segment="segment-4"),
                )
            ),
            variants=(Variant(name="a", weight=1000, stickiness="team", fixed=True),),
        ),
    )
    assert found.segments["devs"].condition == AllOf(of=(IN_DEV_HERE,))
    assert found.segments["devs"].description == "Ours"
    assert found.segments["segment-4"].condition == AllOf(of=())
    assert not found.warnings


EXPORT = {
    "features": [{"name": "f", "type": "release", "project": "default"}],
    "featureStrategies": [
        {
            "name": "applicationHostname",
            "id": "b",
            "featureName": "f",
            "sortOrder": 2,
            "segments": [1],
            "parameters": {"hostNames": "a"},
        },
        {"name": "default", "id": "a", "featureName": "f", "sortOrder": 1, "parameters": {}},
    ],
    "featureEnvironments": [
        {"enabled": True, "environment": "test", "featureName": "f", "variants": [VARIANT]}
    ],
    "featureTags": [
        {"featureName": "f", "tagType": "simple", "tagValue": "one"},
        {"featureName": "f", "tagType": "simple", "tagValue": "one"},
        {"featureName": "f", "tagType": "team", "tagValue": "a"},
    ],
    "contextFields": [],
    "segments": [{"id": 1, "name": "known elsewhere"}],
    "tagTypes": [{"name": "team", "description": ""}],
    "dependencies": [{"feature": "f", "dependencies": [{"feature": "p", "enabled": True}]}],
}


def test_an_export_is_read_whatever_its_one_environment_is_called() -> None:
    found = read(EXPORT, "production")
    flag = found.flags["f"]
    assert [rule.id for rule in flag.setting.rules] == ["a", "b"]
    assert flag.setting.rules[1].condition == AllOf(of=(InSegment(segment="known elsewhere"),))
    assert flag.setting.enabled
    assert flag.setting.variants == (Variant(name="a", weight=1000),)
    assert flag.about.tags == ("one", "team:a")
    assert flag.about.prerequisites == (Prerequisite(flag="p"),)
    assert found.segments == {}


STATE = {
    "version": 3,
    "features": [{"name": "f", "variants": [VARIANT]}],
    "featureStrategies": [
        {
            "id": "1",
            "featureName": "f",
            "environment": "dev",
            "strategyName": "default",
            "constraints": [IN_DEV],
        },
        {"id": "2", "featureName": "f", "environment": "prod", "strategyName": "default"},
    ],
    "featureEnvironments": [
        {"enabled": True, "featureName": "f", "environment": "dev"},
        {"enabled": False, "featureName": "f", "environment": "prod"},
    ],
    "segments": [{"id": 1, "name": "s", "constraints": [IN_DEV]}],
    "featureStrategySegments": [{"featureStrategyId": "2", "segmentId": 1}],
}


def test_of_a_servers_state_one_environment_is_read() -> None:
    dev, prod = read(STATE, "dev").flags["f"].setting, read(STATE, "prod").flags["f"].setting
    assert (dev.enabled, prod.enabled) == (True, False)
    assert dev.rules == (Rule(id="1", condition=AllOf(of=(IN_DEV_HERE,))),)
    assert prod.rules == (Rule(id="2", condition=AllOf(of=(InSegment(segment="s"),))),)
    assert dev.variants == prod.variants == (Variant(name="a", weight=1000),)


def test_an_environment_that_the_document_lacks_is_refused() -> None:
    assert faults(STATE) == [("/featureEnvironments", "unknown-environment")]


def test_strategies_with_the_same_id_are_told_apart() -> None:
    document = feature(strategies=[{"name": "default", "id": "x"}] * 3)
    rules = read(document).flags["f"].setting.rules
    assert len({rule.id for rule in rules}) == 3
