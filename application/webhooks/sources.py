"""Sources: define one and give it its address, or end it and take the address away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.schema_registry import SchemaRegistry
from application.unit import Done, Unit
from application.webhooks.ports import SignatureVerifier, WebhookNames
from domain.actions import ACTION, NoAction
from domain.rejections import Fault, Invalid, NotFound
from domain.webhooks.hooks import HOOK, CloseHook, OpenHook
from domain.webhooks.sources import (
    MOST_SECRETS,
    SOURCE,
    Dedup,
    DeleteSource,
    NoSource,
    Preset,
    Scheme,
    SetSource,
    Source,
    ToAction,
    WebhookTarget,
)


class DefineSource(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a source is from now on; `secrets` None keeps those that are there."""

    source: str
    preset: Preset
    secrets: tuple[str, ...] | None
    tolerance: float
    dedup: Dedup
    scheme: Scheme | None
    target: WebhookTarget
    schema: str | None


class SourceSet(msgspec.Struct, frozen=True, kw_only=True):
    """A source as it is now, and whether it is new."""

    source: Source
    created: bool


@dataclass(frozen=True)
class DefineSourceHandler:
    """Carries out `DefineSource`: what it names must exist, and its secrets must be ones."""

    registry: SchemaRegistry
    verify: SignatureVerifier
    names: WebhookNames
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: DefineSource, run: Run) -> Done[SourceSet]:
        """Define the source.

        Raises:
            Invalid: with pointers into the request's body.
        """
        if command.schema is not None:
            await self._require_schema(command.schema, run.context.tenant)
        set_source = self._complete(command)

        async def decide(unit: Unit) -> SourceSet:
            before = await unit.load(SOURCE, command.source)
            await self._check(unit, command, before)
            source = await unit.decide(SOURCE, command.source, set_source)
            assert isinstance(source, Source)  # noqa: S101 - defined just now
            created = isinstance(before, NoSource)
            if created:
                tenant, at = unit.context.tenant, set_source.at
                unit.begin(HOOK, source.hook, OpenHook(tenant=tenant, source=command.source, at=at))
            return SourceSet(source=source, created=created)

        return await run(decide, lanes=[(SOURCE, command.source)])

    def _complete(self, command: DefineSource) -> SetSource:
        """With the address and the subject that it has if it is new."""
        return SetSource(
            **msgspec.structs.asdict(command),
            hook=self.names.new_hook(),
            subject=str(self.new_id()),
            at=self.now(),
        )

    async def _require_schema(self, schema: str, tenant: str) -> None:
        try:
            await self.registry.require(schema, tenant=tenant)
        except NotFound as missing:
            fault = Fault(pointer="/schema", code=missing.slug, detail=missing.detail)
            raise Invalid(fault) from None

    async def _check(self, unit: Unit, command: DefineSource, before: NoSource | Source) -> None:
        faults: list[Fault] = []
        secrets = command.secrets
        if secrets is None:
            secrets = before.secrets if isinstance(before, Source) else ()
        if not 1 <= len(secrets) <= MOST_SECRETS:
            detail = f"needs one secret, or {MOST_SECRETS} while one replaces the other"
            faults.append(Fault(pointer="/secrets", code="count", detail=detail))
        faults += self.verify.faults(command.preset, secrets)
        target = command.target
        if isinstance(target, ToAction):
            action = await unit.load(ACTION, target.name)
            if isinstance(action, NoAction):
                detail = f"there is no action named {target.name}"
                faults.append(Fault(pointer="/target/name", code="no-such-action", detail=detail))
        if faults:
            raise Invalid(*faults)


@dataclass(frozen=True)
class DeleteSourceHandler:
    """Carries out `DeleteSource`, together with the end of the source's address."""

    async def __call__(self, command: DeleteSource, run: Run) -> Done[None]:
        """End the source.

        Raises:
            NoSuchSource: there is none.
        """

        async def decide(unit: Unit) -> None:
            source = await unit.load(SOURCE, command.source)
            await unit.decide(SOURCE, command.source, command)
            if isinstance(source, Source):
                await unit.decide(HOOK, source.hook, CloseHook(at=command.at))

        return await run(decide, lanes=[(SOURCE, command.source)])
