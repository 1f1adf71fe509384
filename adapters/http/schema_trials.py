"""Trials of drafts over HTTP: what a schema would break, and what it would have refused."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import RawBody, check_media_type
from adapters.http.calls import Call
from adapters.http.exact_bodies import exact_body
from adapters.http.fault_views import FaultView, shown
from adapters.http.lists import rows_of
from adapters.http.names import Name, new_name
from adapters.http.operations import operation
from adapters.http.paging import MOST, Page, make_cursor, read_cursor
from adapters.http.schemas import document_of
from application.schema_trials import Named, SchemaTrials, Trial
from application.schemas import under
from domain.actions import ACTION
from domain.rejections import Fault, Invalid
from domain.schemas import SCHEMA, Compatibility, Schema, incompatibilities
from domain.webhooks.sources import SOURCE
from projections import actions as action_rows
from projections import webhooks as webhook_rows

_KEPT = timedelta(minutes=10)
_encode = msgspec.json.Encoder(decimal_format="number").encode


class TrialBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft, and what it is held against.

    Without `compatibility` the schema's own is asked for. The inputs are those of the actions and
    webhook sources that name the schema, and of those that are named here.
    """

    schema: dict[str, Any] | bool
    compatibility: Compatibility | None = None
    actions: list[Name] = []
    sources: list[Name] = []


class BreakView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would break compatibility, at a pointer into the draft."""

    pointer: str
    code: str
    detail: str
    direction: str


class RefusedView(msgspec.Struct, frozen=True, kw_only=True):
    """An input that would be refused: of a job, `name` being its action, or of a receipt."""

    kind: str
    name: str
    id: str
    position: int
    recorded_at: datetime
    errors: list[FaultView]


class TrialView(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would break, and a stretch of what it would have refused, oldest first.

    `looked_at` counts the stretch's inputs; `unreadable` of them were erased, or are hidden from
    the caller. `next` goes on with the next stretch, null at the end.
    """

    compatible: bool
    breaks: list[BreakView]
    actions: list[str]
    sources: list[str]
    looked_at: int
    unreadable: int
    items: list[RefusedView]
    next: str | None


@operation(
    "POST",
    "/v1/schemas/{name}/try",
    needs="schemas:write",
    body=RawBody(media_type="application/json", shape=TrialBody),
    query=Page,
    answers={200: TrialView},
    keyed=False,
)
async def try_draft(call: Call, raw: bytes, page: Page) -> Answer:
    """What a draft of a schema would break, and which past inputs it would have refused."""
    name = new_name(call.params["name"])
    check_media_type(call.headers.get(b"content-type", b""))
    body = exact_body(raw, TrialBody)
    document = document_of(raw)
    faults = call.platform.services.schemas.check(document)
    if faults:
        raise Invalid(*under("/schema", faults))
    await _require(call, body)
    named = await _named(call, name, body)
    tail = (await call.platform.store.tail()).position
    after, until = read_cursor(page.cursor, int, int) or (0, tail)
    trial = await _kept(call, name, document, named, (after, min(until, tail), page.limit))
    breaks = await _breaks(call, name, document, body.compatibility)
    view = TrialView(
        compatible=not breaks,
        breaks=breaks,
        actions=sorted(named.actions),
        sources=sorted(named.sources),
        looked_at=trial.looked_at,
        unreadable=trial.unreadable,
        items=[_item(each) for each in trial.refused],
        next=make_cursor(trial.through, until) if trial.through < until else None,
    )
    return json_answer(view)


async def _kept(
    call: Call, name: str, document: str, named: Named, where: tuple[int, int, int]
) -> Trial:
    """A stretch of the trial; the log below a place never changes, so its answer can be kept."""
    after, until, limit = where
    personal = "personal:read" in call.principal.permissions
    platform = call.platform
    trials = SchemaTrials(
        platform.history, platform.store, platform.codec, platform.services.schemas
    )

    async def load() -> bytes:
        trial = await trials.run(
            document,
            named,
            tenant=call.tenant,
            after=after,
            until=until,
            limit=limit,
            personal=personal,
        )
        return _encode(trial)

    asked = (document, sorted(named.actions), sorted(named.sources), *where, personal)
    key = f"schema-trial/{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()}"
    kept = await platform.services.cache.load(
        key, load, tenant=call.tenant, ttl=_KEPT, tags=(f"schema:{name}",)
    )
    return msgspec.json.decode(kept, type=Trial)


async def _require(call: Call, body: TrialBody) -> None:
    """Refuse what never was: that a draft refuses none of its inputs says nothing.

    Raises:
        Invalid: pointing at what the caller has named.
    """
    faults: list[Fault] = []
    for word, names, decider in (
        ("action", body.actions, ACTION),
        ("source", body.sources, SOURCE),
    ):
        streams = [(call.tenant, decider.stream(name)) for name in names]
        versions = await call.platform.store.versions(streams)
        faults += [
            Fault(
                pointer=f"/{word}s/{index}",
                code=f"no-such-{word}",
                detail=f"there was never any {word} named {names[index]}",
            )
            for index, version in enumerate(versions)
            if version == 0
        ]
    if faults:
        raise Invalid(*faults)


async def _named(call: Call, name: str, body: TrialBody) -> Named:
    """The actions and sources that name the schema, and those that the caller adds."""
    async with rows_of(call, action_rows.PROJECTION) as rows:
        actions = await action_rows.find_actions(rows, schema=name, limit=MOST)
    async with rows_of(call, webhook_rows.PROJECTION) as rows:
        sources = await webhook_rows.find_sources(rows, limit=MOST)
    return Named(
        actions={row.name for row in actions} | set(body.actions),
        sources={row.name for row in sources if row.schema == name} | set(body.sources),
    )


async def _breaks(
    call: Call, name: str, document: str, wanted: Compatibility | None
) -> list[BreakView]:
    schema = await call.platform.current.get(SCHEMA, name, call.tenant)
    if not isinstance(schema, Schema):
        return []
    found = incompatibilities(schema.newest.document, document, wanted or schema.compatibility)
    return [
        BreakView(pointer=b.pointer, code=b.code, detail=b.detail, direction=b.direction)
        for b in found
    ]


def _item(refused: Any) -> RefusedView:
    return RefusedView(
        kind=refused.kind,
        name=refused.name,
        id=refused.id,
        position=refused.position,
        recorded_at=refused.recorded_at,
        errors=[shown(each) for each in refused.errors],
    )


OPERATIONS = (try_draft,)
