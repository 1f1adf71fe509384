Feature: Flags
  A feature is switched on for everybody, for some, or for nobody, without a deployment; whoever asks
  later learns what was in force, who changed it, and why somebody was served what they were.

  Rule: What is said about a flag holds for the next request

    Scenario: A flag is switched off
      Given a flag that is on
      When an admin switches it off
      Then it is off

    Scenario: A flag as it was
      Given a flag that is on
      When an admin switches it off
      Then it can be seen as it was before

    Scenario: A flag that has changed since it was read
      Given a flag that is on
      And somebody else has switched it off
      When an admin changes the version that was read
      Then the change is refused as stale

    Scenario: A kill switch goes before every setting
      Given a flag that is on in two environments
      When an admin kills it
      Then it is off in both
      And it is on again in both once it is released

    Scenario: An archived flag
      Given a flag that is on
      When an admin archives it
      Then it is off and left out of lists
      And it comes back as it was when it is revived

    Scenario: A change is taken back
      Given a flag that is on for Norwegians
      When an admin replaces its rules and takes that back
      Then it is on for Norwegians again, and the history has all of it

  Rule: A rollout is sticky

    Scenario: A gradual rollout
      Given an action behind a flag that is rolled out to 50 percent
      When 12 users trigger it twice
      Then each user is answered the same both times

    Scenario: A wider rollout takes nobody out
      Given a flag that is rolled out to 20 percent
      When an admin widens the rollout to 60 percent
      Then everybody who had it still has it, and others have it too

  Rule: The first rule that lets somebody in decides

    Scenario Outline: Constraints
      Given a flag that is on where <field> <operator> <value>
      Then it is on where that is <inside> and off where it is <outside>

      Examples:
        | field         | operator         | value                | inside                   | outside                  |
        | country       | IN               | NO                   | NO                       | SE                       |
        | country       | NOT_IN           | NO                   | SE                       | NO                       |
        | email         | STR_ENDS_WITH    | @example.org         | ada@example.org          | ada@example.com          |
        | email         | STR_STARTS_WITH  | ada                  | ada@example.org          | bob@example.org          |
        | email         | STR_CONTAINS     | example              | ada@example.org          | ada@test.org             |
        | age           | NUM_GTE          | 18                   | 18                       | 17.5                     |
        | currentTime   | DATE_AFTER       | 2026-06-01T00:00:00Z | 2026-06-01T00:00:01Z     | 2026-06-01T00:00:00Z     |
        | version       | SEMVER_GT        | 1.9.0                | 1.10.0                   | 1.9.0-beta.2             |
        | name          | REGEX            | ^a.c$                | abc                      | abcd                     |
        | remoteAddress | CIDR             | 10.0.0.0/8           | 10.1.2.3                 | 11.1.2.3                 |

    Scenario: Negation and case
      Given a flag whose constraint is inverted and folds case
      Then it is off for the value in another case, and on for everything else

    Scenario: Conditions are nested
      Given a flag for Norwegians, and for adults of the paid plan
      Then it is on for each of these and off for a foreign child

    Scenario: Rules in order
      Given a flag whose first rule serves testers red and whose second serves others blue
      Then a tester sees red and another person blue

    Scenario: Segments are shared
      Given two flags for the segment of beta testers
      When an admin lets somebody else into the segment
      Then both flags are on for them

    Scenario: A prerequisite
      Given a flag that depends on another
      When an admin switches the other one off
      Then both are off

  Rule: A flag serves values of its kind

    Scenario Outline: Typed values
      Given a flag of the kind <kind> that serves <value>, or <default> when it is off
      Then it serves <value>
      And it serves <default> once it is off

      Examples:
        | kind    | value         | default |
        | string  | "green"       | "grey"  |
        | number  | 12.5          | 3       |
        | json    | {"size": [1]} | {}      |

    Scenario: Variants by weight
      Given a flag with two variants of 75 and 25 percent
      Then about three of four people see the first, always the same

  Rule: What is wrong changes nothing

    Scenario Outline: Bad input
      Given a flag that is on
      When an admin gives it <what>
      Then that is refused at <pointer>
      And the flag has not changed

      Examples:
        | what                         | pointer                              |
        | a rule with a bad pattern    | /rules/0/condition/values/0          |
        | a rule with a bad version    | /rules/0/condition/values/0          |
        | a rule with a bad network    | /rules/0/condition/values/0          |
        | a rule for an unknown segment| /rules/0/condition/segment           |
        | weights that do not add up   | /variants                            |
        | an unknown strategy          | /rules/0/strategy                    |
        | itself as a prerequisite     | /prerequisites/0/flag                |
        | an unknown prerequisite      | /prerequisites/0/flag                |

    Scenario: A segment that is used
      Given two flags for the segment of beta testers
      When an admin archives the segment
      Then that is refused, naming the flags

  Rule: The past can be asked

    Scenario: Evaluated as it was
      Given a flag that is on for Norwegians
      When an admin makes it one for Swedes
      Then a Norwegian has it at the time before, and has not now

    Scenario: Explained
      Given a flag that is on for Norwegians
      Then the explanation for a Swede names the rule, the field and the value

    Scenario: Compared
      Given a flag that is on for Norwegians
      When an admin makes it one for Swedes
      Then the difference between the versions is that value

    Scenario: A draft is tried
      Given a flag that is on for Norwegians
      Then a draft for Swedes flips one Norwegian and one Swede, and changes nothing
