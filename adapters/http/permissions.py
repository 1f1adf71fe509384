"""Permissions over HTTP: which there are, who has them, and what each opens."""

from collections.abc import Iterable

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.operations import SIGNED_IN, Operation, operation
from domain.access import BUILT_IN, INSTALLATION, PERMISSIONS


class PermissionView(msgspec.Struct, frozen=True, kw_only=True):
    """A permission: the built-in roles that have it, and the operations that it opens.

    One of the `installation` reaches beyond a tenant, and no role of a tenant has it.
    """

    permission: str
    installation: bool
    roles: list[str]
    opens: list[str]


class PermissionList(msgspec.Struct, frozen=True, kw_only=True):
    """All permissions, by name."""

    items: list[PermissionView]


def permission_operations(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """What tells the permissions that these operations need."""
    opened: dict[str, list[str]] = {permission: [] for permission in sorted(PERMISSIONS)}
    for each in operations:
        for permission in each.permissions:
            opened[permission].append(f"{each.method} {each.path}")
    items = [
        PermissionView(
            permission=permission,
            installation=permission in INSTALLATION,
            roles=[role for role, has in BUILT_IN.items() if permission in has],
            opens=opens,
        )
        for permission, opens in opened.items()
    ]
    known = PermissionList(items=items)

    @operation("GET", "/v1/permissions", needs=SIGNED_IN, answers={200: PermissionList})
    async def list_permissions(_call: Call) -> Answer:
        """All permissions, and what each opens."""
        return json_answer(known)

    return (list_permissions,)
