"""Second factors: enrolled by a person, and asked for where that person proves who they are.

`authenticators`, `recovery` and `passkeys` enrol and remove them, by what `changing` has in common.
`checking` uses one within what it opens, `signing_in` opens sessions so. `challenges` are what
somebody has to answer, and `ports` what codes and signatures are checked by.
"""
