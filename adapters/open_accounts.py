"""What checks who somebody is, put together: passwords, and the lock-out before them."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.crypto.passwords import Argon2Hasher
from adapters.foundation import Foundation
from adapters.redis.lockout import RedisLockout
from adapters.settings import Settings
from application.credentials import CredentialCheck
from application.lockout import Lockout
from application.passwords import PasswordHasher
from application.patient_lockout import PatientLockout


@contextmanager
def opened_hasher(settings: Settings) -> Iterator[Argon2Hasher]:
    """The hasher of passwords, with the costs that the settings name."""
    hasher = Argon2Hasher(
        memory_kib=settings.argon2_memory_kib,
        iterations=settings.argon2_iterations,
        lanes=settings.argon2_lanes,
    )
    try:
        yield hasher
    finally:
        hasher.close()


def open_lockout(foundation: Foundation) -> PatientLockout:
    """The lock-out, whose counters all processes share."""
    return PatientLockout(RedisLockout(foundation.redis, foundation.master.subject_hash()))


def credential_check(
    foundation: Foundation, hasher: PasswordHasher, lockout: Lockout
) -> CredentialCheck:
    """What tells whose an address and a password are."""
    return CredentialCheck(
        hasher,
        lockout,
        foundation.master.name_hash(),
        foundation.now,
        verified_only=foundation.settings.accounts_verify == "required",
    )
