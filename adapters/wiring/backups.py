"""How backups are wired."""

import adapters.http.backup_policy
import adapters.http.backups
import projections.backups
from adapters.backups.keeper import keep_backups
from adapters.capability import Capability, Effects, Handlers
from adapters.services import Services
from application.backup_commands import handlers
from application.backup_effects import (
    REACTION,
    RUN_BACKUP,
    VERIFY_BACKUP,
    RunBackup,
    VerifyBackup,
)
from application.backup_tidying import PRUNE_BACKUPS, TIDY_BACKUP, PruneAfterBackup, TidyBackup
from domain.backup_policy import BACKUP_POLICY
from domain.backups import BACKUP


def _handlers(services: Services) -> Handlers:
    return handlers(services.backups)


def _effects(services: Services) -> Effects:
    return {
        RUN_BACKUP: RunBackup(services.backups),
        VERIFY_BACKUP: VerifyBackup(services.backups),
        PRUNE_BACKUPS: PruneAfterBackup(services.backups),
        TIDY_BACKUP: TidyBackup(services.backups),
    }


CAPABILITY = Capability(
    name="backups",
    deciders=(BACKUP, BACKUP_POLICY),
    handlers=_handlers,
    projections=(projections.backups.PROJECTION,),
    reactions=(REACTION,),
    effects=_effects,
    operations=(*adapters.http.backup_policy.OPERATIONS, *adapters.http.backups.OPERATIONS),
    chores={"backups": keep_backups},
)
