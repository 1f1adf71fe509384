Feature: Flags of other systems
  A team moves here, or away, with its flags: whole sets are read and written in the forms of Unleash
  and of flagd, nobody changes sides on the way, and what cannot be taken exactly is refused.

  Rule: Unleash's documents

    Scenario Outline: A set is imported, and answers as Unleash's client does
      Given Unleash's document of version <version>
      When it is imported
      Then 60 people are answered as by Unleash's client
      And its export has the same features

      Examples:
        | version |
        | 1       |
        | 2       |

    Scenario: What is imported again changes nothing
      Given Unleash's document of version 2
      When it is imported twice
      Then the second import has changed nothing

  Rule: flagd's definitions

    Scenario: Targeting
      Given flagd's definitions with targeting and fractions
      When it is imported
      Then it answers as flagd does
      And its export has the same definitions

  Rule: An import is planned, and is carried out whole or not at all

    Scenario: A plan
      Given Unleash's document of version 2
      When it is imported for a try
      Then the plan names every flag, and nothing was changed

    Scenario: Merging leaves other flags alone
      Given an environment with a flag of its own
      When a document without that flag is merged
      Then the flag is still on

    Scenario: Replacing empties other flags in that environment alone
      Given an environment with a flag of its own
      When a document without that flag replaces it
      Then the flag is off there and on elsewhere

    Scenario Outline: One wrong feature
      Given Unleash's document of version 2
      And one of its features has <fault>
      When it is imported
      Then that is refused at <pointer>
      And none of its features is there

      Examples:
        | fault                | pointer                                             |
        | bad weights          | /document/features/1/variants                       |
        | itself as its parent | /document/features/1 |
        | no name              | /document/features/1/name                           |

    Scenario Outline: A flag that works is not broken
      Given Unleash's document of version 2
      When it is imported
      And it is imported again when one of its features has <fault>
      Then that is refused at <pointer>
      And 60 people are answered as before

      Examples:
        | fault               | pointer                                                  |
        | an unknown operator | /document/features/1/strategies/0/constraints/0/operator |
        | an unknown segment  | /document/features/1/strategies/0/segments/0             |
