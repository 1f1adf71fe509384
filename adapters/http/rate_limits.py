"""The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10."""

import math

from adapters.http.answers import Header
from application.limits import Allowance


def rate_limit_headers(allowance: Allowance) -> list[Header]:
    """What a check has left, in whole seconds, rounded so that obeying it is never too early."""
    policy, verdict = allowance.policy, allowance.verdict
    name = policy.name
    window = max(1, math.ceil(policy.window))
    reset = max(0, math.ceil(verdict.reset_after))
    return [
        (b"ratelimit-policy", f'"{name}";q={policy.limit};w={window}'.encode()),
        (b"ratelimit", f'"{name}";r={max(0, verdict.remaining)};t={reset}'.encode()),
    ]
