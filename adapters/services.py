"""What use cases are made of: every port, wired, by the name of its role."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.open_tokens import OpenTokens
from adapters.settings import Settings
from adapters.webhooks import WebhookPorts
from application.backups import Backups
from application.cache import Cache
from application.credentials import CredentialCheck
from application.current import CurrentStates
from application.deliveries import Courier
from application.emails import NameHash
from application.executor import Executor
from application.experiments.exposures import Exposures
from application.experiments.running import RunningExperiments
from application.experiments.statistics import Statistics
from application.experiments.telling import SubjectHash
from application.flags import FlagEvaluator, MakesContext
from application.flags.flag_sets import FlagSets
from application.flags.recorded_contexts import RecordedContexts
from application.flags.unleash_view import UnleashViews
from application.flags.usage import UsageCounts
from application.last_seen import LastSeen
from application.letter_limit import LetterLimit
from application.limits import RateLimiter
from application.live_log import LiveLog
from application.logs import Logs
from application.mail import Letters, Mailer
from application.passwords import PasswordHasher
from application.personal_data import People
from application.personal_export import ExportLimit
from application.schema_registry import SchemaRegistry
from application.schemas import SchemaValidator
from application.second_factors.checking import SecondFactorCheck
from application.session_store import SessionStore
from application.signing_in import SessionOpener
from application.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Services:
    """The ports that capabilities' handlers take; the composition root makes one of these."""

    settings: Settings
    current: CurrentStates
    flags: FlagEvaluator
    flag_sets: FlagSets
    flag_context: MakesContext
    flag_usage: UsageCounts
    recorded_contexts: RecordedContexts
    experiments: RunningExperiments
    exposures: Exposures
    subject_hash: SubjectHash
    statistics: Statistics
    unleash_views: UnleashViews
    limiter: RateLimiter
    schemas: SchemaValidator
    registry: SchemaRegistry
    backups: Backups
    live_log: LiveLog
    cache: Cache
    logs: Logs
    hasher: PasswordHasher
    check_credentials: CredentialCheck
    open_session: SessionOpener
    second_factor: SecondFactorCheck
    tokens: OpenTokens
    sessions: SessionStore
    last_seen: LastSeen
    email_hash: NameHash
    executor: Executor
    courier: Courier
    mailer: Mailer | None
    vault: Vault
    people: People
    letters: Letters
    letter_limit: LetterLimit
    export_limit: ExportLimit
    webhooks: WebhookPorts
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
