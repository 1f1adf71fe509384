"""Buckets: which share of a rollout, and which variant, a subject falls to.

Unleash's are a normalised murmur3 of group and subject, to the bit as its SDKs reckon it
(https://docs.getunleash.io/reference/stickiness), so that moving from there moves nobody. flagd's
`fractional` spreads the whole 32 bits over the weights' sum
(https://flagd.dev/reference/custom-operations/fractional-operation/).
"""

import mmh3

from domain.flags.context import Context

EVERYBODY = 100
VARIANT_SEED = 86028157
"""Unleash's seed for variants, so that a rollout's share says nothing about the variant."""

DEFAULT_STICKINESS = "default"
RANDOM_STICKINESS = "random"
_KEYED = "$flagd.flagKey "


def bucket(group: str, subject: str) -> int:
    """The bucket of a subject in rollouts, 1 to 100."""
    return mmh3.hash(f"{group}:{subject}", 0, False) % EVERYBODY + 1


def variant_bucket(group: str, subject: str, total: int) -> int:
    """The bucket of a subject among variants, 1 to the sum of their weights."""
    return mmh3.hash(f"{group}:{subject}", VARIANT_SEED, False) % total + 1


def fractional_bucket(value: str, total: int) -> int:
    """The bucket of a value in flagd's `fractional`, 1 to the sum of the weights."""
    return (mmh3.hash(value, 0, False) * total >> 32) + 1


def chance(context: Context, salt: str) -> str:
    """A subject that is another for each request and each salt: what Unleash leaves to chance."""
    return f"{context.seed}:{salt}"


def rollout_subject(context: Context, stickiness: str, salt: str) -> str | None:
    """Whom a rollout holds on to; None where the context does not say."""
    if stickiness == RANDOM_STICKINESS:
        return chance(context, salt)
    if stickiness == DEFAULT_STICKINESS:
        return _somebody(context, salt)
    return context.fields[stickiness]


def variant_subject(context: Context, stickiness: str, salt: str) -> str:
    """Whom a variant holds on to; chance where the context does not say."""
    if stickiness == RANDOM_STICKINESS:
        return chance(context, salt)
    if stickiness == DEFAULT_STICKINESS:
        return _somebody(context, salt)
    subject = context.fields[stickiness]
    return chance(context, salt) if subject is None else subject


def fractional_value(context: Context, key: str, stickiness: str) -> str | None:
    """What flagd hashes: a field's text, or the flag's key and the targeting key.

    A stickiness of `$flagd.flagKey` and the name of a field, with a blank between them, is the
    flag's key and the field's text, as flagd's users often write it. A field that is not there
    stands for the default; None where there is no targeting key either.
    """
    keyed = stickiness.startswith(_KEYED)
    field = stickiness[len(_KEYED) :] if keyed else stickiness
    if field != DEFAULT_STICKINESS:
        text = context.fields[field]
        if text is not None:
            return key + text if keyed else text
    targeting_key = context.fields["targetingKey"]
    return None if targeting_key is None else key + targeting_key


def _somebody(context: Context, salt: str) -> str:
    user = context.fields["userId"]
    if user is not None:
        return user
    session = context.fields["sessionId"]
    return chance(context, salt) if session is None else session
