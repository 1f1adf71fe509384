"""What the check of a wrong password takes, by the costs of its hash: tried out on nobody's."""

import time

import argon2
import bcrypt

from adapters.crypto.foreign_hashes import is_bcrypt
from domain.password_costs import PasswordCosts

_BCRYPT = "bcrypt"
_NOBODY = b"\x00nobody"


def costs_of(password_hash: str) -> PasswordCosts:
    """The costs that a usable hash was made with.

    Raises:
        InvalidHashError: it is neither argon2 nor bcrypt.
    """
    if is_bcrypt(password_hash):
        return PasswordCosts(function=_BCRYPT, passes=int(password_hash.split("$")[2]))
    made = argon2.extract_parameters(password_hash)
    return PasswordCosts(
        function=f"argon2{made.type.name.lower()}",
        passes=made.time_cost,
        memory_kib=made.memory_cost,
        lanes=made.parallelism,
    )


def seconds_of(costs: PasswordCosts) -> float:
    """How long this thread takes to hash a password with these costs, at its better of two tries.

    A process tries while it starts, and its machine may be busier then than ever after.
    """
    return min(_once(costs), _once(costs))


def _once(costs: PasswordCosts) -> float:
    began = time.perf_counter()
    if costs.function == _BCRYPT:
        bcrypt.hashpw(_NOBODY, bcrypt.gensalt(costs.passes))
    else:
        argon2.PasswordHasher(
            time_cost=costs.passes,
            memory_cost=costs.memory_kib,
            parallelism=costs.lanes,
            type=argon2.Type[costs.function.removeprefix("argon2").upper()],
        ).hash(_NOBODY)
    return time.perf_counter() - began
