Feature: Usage of flags
  Who owns a flag sees how often it is asked for, what it answers, and when it was asked for last.

  Rule: Each evaluation counts, whoever makes it

    Scenario: A flag that is evaluated here
      Given a flag with two variants
      When it is evaluated 5 times
      Then its usage shows 5 evaluations, by variant and by the hour
      And it was seen last just now

    Scenario: A flag that a client evaluates by itself
      Given a flag with two variants
      When a client reports 7 times yes and 3 times no
      Then its usage shows 7 times yes and 3 times no

    Scenario: A flag that Unleash's SDK evaluates
      Given a flag with two variants
      When an application asks Unleash's SDK for it 4 times
      Then its usage shows 4 times yes and 0 times no

  Rule: Looking back is no usage

    Scenario: A flag that is only looked at
      Given a flag with two variants
      When it is explained and evaluated as it was
      And it is evaluated 1 time
      Then its usage shows 1 evaluations, by variant and by the hour

  Rule: Drafts are tried on whom the flag was evaluated for

    Scenario: What a draft would change
      Given a flag with two variants
      When it is evaluated 5 times
      Then a draft that switches it off flips all 5 users
      And none once what was recorded is erased

  Rule: Lists tell which flags should be looked at

    Scenario: A flag that has served its purpose
      Given a flag with two variants
      When it is evaluated 1 time
      And somebody marks it as stale
      Then it is listed as stale, with when it was made and seen last
