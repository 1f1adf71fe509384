"""Feature flags: typed values, decided by rules, for each environment.

A rollout is sticky: the bucket of a subject follows from a group and the subject alone, by the same
normalised murmur3 as Unleash's strategies, so that moving from there moves nobody
(https://docs.getunleash.io/reference/activation-strategies).

`variants`, `conditions`, `rules` and `state` say what a flag is; `events`, `edits`, `commands` and
`decider` how it changes; `evaluation` what it answers, `explaining` why; `segments` are conditions
with a name. `unleash` and `flagd` read and write other systems' documents.
"""
