"""Password hashes that were made elsewhere: which of them we can and want to check.

Bounds on the costs keep an import from making every sign-in of an account a denial of service.
"""

import re

import argon2
from argon2.exceptions import InvalidHashError

BCRYPT_BYTES = 72
"""What bcrypt sees of a password. Whoever made such a hash has ignored the rest, so we do too."""

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_LONGEST = 512
_MOST_MEMORY = 262_144  # KiB
_MOST_PASSES, _MOST_LANES = 16, 16


def is_bcrypt(password_hash: str) -> bool:
    """Whether this is bcrypt in one of the forms that mean the same today: $2a$, $2b$, $2y$."""
    return _BCRYPT.fullmatch(password_hash) is not None


def is_usable(password_hash: str) -> bool:
    """Whether this is bcrypt or argon2 (PHC string format) with costs that we bear."""
    if len(password_hash) > _LONGEST or not password_hash.isascii():
        return False
    return is_bcrypt(password_hash) or _is_argon2(password_hash)


def _is_argon2(password_hash: str) -> bool:
    try:
        costs = argon2.extract_parameters(password_hash)
    except (InvalidHashError, ValueError, KeyError):
        return False
    bearable = (
        8 * costs.parallelism <= costs.memory_cost <= _MOST_MEMORY
        and 1 <= costs.time_cost <= _MOST_PASSES
        and 1 <= costs.parallelism <= _MOST_LANES
    )
    return bearable and min(costs.salt_len, costs.hash_len) >= 8  # noqa: PLR2004 - RFC 9106, 3.1
