"""Variants in Unleash's words."""

from collections.abc import Iterable
from typing import Any, Final, get_args

import msgspec

from domain.flags.places import Place, quoted
from domain.flags.variants import Override, Payload, PayloadType, Variant

_PAYLOAD_TYPES: Final[dict[str, PayloadType]] = {name: name for name in get_args(PayloadType)}


def read_variants(place: Place, *, of_strategy: bool = False) -> tuple[Variant, ...]:
    """The variants of a feature or a strategy."""
    variants: list[Variant] = []
    for item in place.objects():
        variant = _variant(item)
        if of_strategy and variant.overrides:
            detail = "overrides of a strategy's variants have no meaning in Unleash: left out"
            item.get("overrides").warn("overrides", detail)
            variant = msgspec.structs.replace(variant, overrides=())
        variants.append(variant)
    return tuple(variants)


def _variant(place: Place) -> Variant:
    return Variant(
        name=place.get("name").text(),
        weight=place.get("weight").whole(),
        payload=_payload(place.get("payload")),
        stickiness=place.get("stickiness").text("default") or "default",
        fixed=place.get("weightType").text("variable") == "fix",
        overrides=tuple(
            Override(field=each.get("contextName").text(), values=each.get("values").texts())
            for each in place.get("overrides").objects()
        ),
    )


def _payload(place: Place) -> Payload | None:
    if not place.given or not place.is_object():
        return None
    name = place.get("type").text("string")
    kind = _PAYLOAD_TYPES.get(name)
    if kind is None:
        place.get("type").fault("unknown-type", f"{quoted(name)} is no type of payloads")
        return None
    value = place.get("value")
    if not isinstance(value.value, str):
        value.text()
        return None
    return Payload(type=kind, value=value.value)


def with_stickiness(
    variants: tuple[Variant, ...], stickiness: str, place: Place
) -> tuple[Variant, ...]:
    """A strategy's variants, which in Unleash hold on to what the strategy itself holds on to."""
    if variants and variants[0].stickiness != stickiness and _says_otherwise(place, stickiness):
        detail = f"the strategy's stickiness, {quoted(stickiness)}, counts for its variants"
        place.warn("stickiness", detail)
    return tuple(msgspec.structs.replace(each, stickiness=stickiness) for each in variants)


def _says_otherwise(place: Place, stickiness: str) -> bool:
    return any(
        item.get("stickiness").given and item.get("stickiness").value != stickiness
        for item in place.items()
    )


def written_variant(variant: Variant) -> dict[str, Any]:
    """A strategy's variant as Unleash writes it."""
    written: dict[str, Any] = {
        "name": variant.name,
        "weight": variant.weight,
        "weightType": "fix" if variant.fixed else "variable",
        "stickiness": variant.stickiness,
    }
    if variant.payload is not None:
        written["payload"] = {"type": variant.payload.type, "value": variant.payload.value}
    return written


def written_variants(variants: Iterable[Variant]) -> list[dict[str, Any]]:
    """A feature's variants as Unleash writes them."""
    return [
        {
            **written_variant(variant),
            "overrides": [
                {"contextName": each.field, "values": list(each.values)}
                for each in variant.overrides
            ],
        }
        for variant in variants
    ]
