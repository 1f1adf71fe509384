"""Faults of a value as callers want them: a flat list, a tree of the value, or a form's fields."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from application.schemas import ValueFault

View = Literal["flat", "tree", "form"]


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    """One fault; `received` is JSON's word for what stands at the pointer, null for nothing.

    In a tree, `alternatives` says of each allowed form why the value does not fit it.
    """

    pointer: str
    code: str
    params: dict[str, Any]
    detail: str
    received: str | None
    alternatives: list[list["FaultView"]] | msgspec.UnsetType = msgspec.UNSET


class FaultTree(msgspec.Struct, kw_only=True):
    """What is wrong at a place of the value, and below it in its members or items."""

    errors: list[FaultView] = msgspec.field(default_factory=list)
    members: dict[str, "FaultTree"] = msgspec.field(default_factory=dict)


class FaultForm(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences to show: about the whole, and by the pointer of a field."""

    form: list[str]
    fields: dict[str, list[str]]


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a value is valid, and what is wrong with it in the form that was asked for."""

    valid: bool
    errors: list[FaultView] | msgspec.UnsetType = msgspec.UNSET
    tree: FaultTree | None = None
    form: FaultForm | None = None


def verdict(faults: Sequence[ValueFault], view: View) -> Verdict:
    """The answer about one value."""
    valid = not faults
    match view:
        case "tree":
            return Verdict(valid=valid, tree=_tree(faults))
        case "form":
            return Verdict(valid=valid, form=_form(faults))
        case _:
            return Verdict(valid=valid, errors=[shown(each) for each in faults])


def shown(fault: ValueFault, *, deep: bool = False) -> FaultView:
    """A fault; `deep` with the reasons against every form that the value might have had."""
    alternatives = [[shown(each, deep=True) for each in branch] for branch in fault.alternatives]
    return FaultView(
        pointer=fault.pointer,
        code=fault.code,
        params=fault.params,
        detail=fault.detail,
        received=fault.received,
        alternatives=alternatives if deep and alternatives else msgspec.UNSET,
    )


def _tree(faults: Sequence[ValueFault]) -> FaultTree:
    root = FaultTree()
    for fault in faults:
        place = root
        for part in fault.pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            place = place.members.setdefault(name, FaultTree())
        place.errors.append(shown(fault, deep=True))
    return root


def _form(faults: Sequence[ValueFault]) -> FaultForm:
    fields: dict[str, list[str]] = {}
    for fault in faults:
        fields.setdefault(fault.pointer, []).append(fault.detail)
    return FaultForm(form=fields.pop("", []), fields=fields)
