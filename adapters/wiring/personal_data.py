"""How personal data is wired."""

import adapters.http.personal_data
from adapters.capability import Capability, Handlers
from adapters.erasures import finish_erasures
from adapters.services import Services
from application.erasures import (
    ERASE,
    REACTION,
    CarryOutErasure,
    LeaveErased,
    LeaveErasedHandler,
    Scrub,
)
from application.personal_data import (
    Erase,
    EraseHandler,
    EraseOwn,
    EraseOwnHandler,
    Person,
)
from application.unfinished_erasures import FinishErasure, FinishErasureHandler


def _handlers(services: Services) -> Handlers:
    erase = EraseHandler(
        people=services.people,
        vault=services.vault,
        sessions=services.sessions,
        current=services.current,
        letters=services.letters,
        now=services.now,
    )
    return {
        Erase: erase,
        EraseOwn: EraseOwnHandler(services.check_credentials, erase),
        LeaveErased: LeaveErasedHandler(services.now),
        FinishErasure: FinishErasureHandler(
            services.people, services.vault, _scrub(services), services.now
        ),
    }


def _effects(services: Services) -> dict[str, CarryOutErasure]:
    return {ERASE: CarryOutErasure(services.vault, _scrub(services))}


def _scrub(services: Services) -> Scrub:
    async def scrub(person: Person) -> None:
        """Flags were evaluated in contexts, and those may tell of anybody under any name."""
        for tenant in person.tenants:
            flags = (await services.flag_sets.newest(tenant)).flags
            for environment in {name for flag in flags.values() for name in flag.settings}:
                await services.recorded_contexts.erase(tenant, environment)

    return scrub


CAPABILITY = Capability(
    name="personal_data",
    handlers=_handlers,
    reactions=(REACTION,),
    effects=_effects,
    chores={"erasures": finish_erasures},
    operations=adapters.http.personal_data.OPERATIONS,
)
