Feature: Flags
  A feature is switched on for everybody, for some, or for nobody, without a deployment.

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

  Rule: A rollout is sticky

    Scenario: A gradual rollout
      Given an action behind a flag that is rolled out to 50 percent
      When 12 users trigger it twice
      Then each user is answered the same both times
