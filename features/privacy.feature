Feature: What was typed in stays unreadable
  Whoever gets hold of the databases, but not of the master key, learns nothing that a person typed
  in and no secret.

  Rule: No value and no secret stands in Postgres or Redis as it was typed in

    Scenario: A dump after everything has happened
      Given a person who has registered, signed in and triggered an action
      And an action whose target needs a secret header
      When Postgres and Redis are dumped
      Then neither dump holds the address, the passwords, the input, the token or the header
      And what was dumped are the right databases
