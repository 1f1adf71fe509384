Feature: Schemas
  A team agrees once what its data looks like. The agreement has versions, everything that takes
  data can name it, and whoever changes it is told beforehand whom the change would break.

  Rule: A version is published unless it breaks what the schema promises

    Scenario: A schema that takes more is the next version
      Given a schema of orders that must stay backward compatible
      When its owner publishes a version that takes more
      Then the schema has 2 versions
      And the first version is still shown as it was published

    Scenario: A schema that takes less is refused where it does
      Given a schema of orders that must stay backward compatible
      When its owner publishes a version that takes less
      Then the refusal points at "/required" with the code "required-added"
      And the schema has 1 version

    Scenario: Two publishers at once make two versions, one after the other
      Given a schema of orders without any promise
      When 8 publishers publish 8 different versions at once
      Then the schema has 9 versions
      And every publisher was told another number

    Scenario: What was published is shown as it was then
      Given a schema of orders without any promise
      And a second version that was published later
      When somebody asks for the schema as it was before that
      Then the first version is shown

  Rule: A value is told everything that is wrong with it

    Scenario: Every fault has its place, its code and a sentence
      Given a schema of orders without any promise
      When an order with three faults is validated
      Then the faults are told at "/id", "/lines" and "/mail"

    Scenario: Many values are judged in one request
      Given a schema of orders without any promise
      When 1000 orders are validated at once, every tenth of them wrong
      Then exactly the wrong ones are told, by their line

    Scenario: A pattern that never ends cannot hold up anybody
      Given a schema whose pattern is known to run for ever
      When a text that it would run for ever on is validated
      Then the answer is that the pattern took too long

    Scenario: Values that readers would not agree about are refused by name
      Given a schema of orders without any promise
      When values with doubled members, not-a-number and boundless numbers are validated
      Then each of them has the code of what is wrong with it

  Rule: Actions hold their inputs against the schema that they name

    Scenario: A run whose input breaks the schema is not queued
      Given a schema of orders without any promise
      And an action that names the schema
      When the action is run with an input that breaks it
      Then the refusal points at "/input/id" with the code "type"

    Scenario: An action cannot name what is not there
      When an action is defined that names an unknown schema
      Then the refusal points at "/schema" with the code "no-such-schema"

    Scenario: A newer version holds for the next run
      Given a schema of orders without any promise
      And an action that names the schema
      When a version is published that also takes texts as ids
      Then the action takes an input with a text as its id

  Rule: A draft is tried on what was taken before

    Scenario: What a draft would have refused is listed
      Given a schema of orders without any promise
      And an action that names the schema
      And the action has run with 5 inputs, two of them without mail
      When a draft that requires mail is tried
      Then the 2 runs without mail are listed with what is missing
      And nothing was published

    Scenario: A long past is gone through page by page
      Given a schema of orders without any promise
      And an action that names the schema
      And the action has run with 5 inputs, two of them without mail
      When a draft that requires mail is tried one refusal at a time
      Then the 2 runs without mail are listed with what is missing

  Rule: Only who administers the tenant sees and changes schemas

    Scenario: A member may not
      Given an authenticated user
      When the user publishes a schema
      Then the refusal names the permission "schemas:write"
