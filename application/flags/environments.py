"""Environments: which flags do something in them, and removing those in which none does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.flags.flag_sets import FlagSets
from application.unit import Done, Unit
from domain.flags.environments import ENVIRONMENT, Environment, RemoveEnvironment
from domain.flags.rules import OFF
from domain.flags.state import Flag


class DropEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Remove an environment in which no flag does anything."""

    environment: str
    at: datetime


@dataclass(frozen=True)
class DropEnvironmentHandler:
    """Carries out `DropEnvironment`.

    A flag that begins to work there at the same moment brings the environment back, as any first
    flag does.
    """

    sets: FlagSets

    async def __call__(self, command: DropEnvironment, run: Run) -> Done[Environment]:
        """Remove the environment.

        Raises:
            EnvironmentInUse: naming the flags.
            NoSuchEnvironment: it is not there.
        """

        async def decide(unit: Unit) -> Environment:
            await unit.load(ENVIRONMENT, command.environment)
            flags = (await self.sets.newest(run.context.tenant)).flags
            remove = RemoveEnvironment(
                environment=command.environment,
                used_by=flags_in(flags, command.environment),
                known=is_known(flags, command.environment),
                at=command.at,
            )
            return await unit.decide(ENVIRONMENT, command.environment, remove)

        return await run(decide, lanes=[(ENVIRONMENT, command.environment)])


def flags_in(flags: Mapping[str, Flag], environment: str) -> list[str]:
    """The flags in use that do something there: they are on, or have rules for when they are."""
    return [key for key, flag in flags.items() if works_in(flag, environment)]


def works_in(flag: Flag, environment: str) -> bool:
    """Whether a flag in use does something there."""
    return not flag.archived and flag.setting(environment) != OFF


def is_known(flags: Mapping[str, Flag], environment: str) -> bool:
    """Whether anything was ever said about a flag there."""
    return any(environment in flag.settings for flag in flags.values())
