Feature: Flags for SDKs
  Applications keep the SDK that they have: OpenFeature's provider for remote evaluation and
  Unleash's client work unmodified, by a changed URL, and answer as the platform does.

  Rule: OpenFeature's provider evaluates remotely

    Scenario: Values of every type
      Given flags of every type
      Then OpenFeature gives each value with its variant and reason

    Scenario: A flag that nobody defined
      Then OpenFeature gives the caller's default and says that the flag was not found

    Scenario: A flag that is off and declares no default
      Given flags of every type that are off
      Then OpenFeature gives the caller's defaults

    Scenario: Too many questions
      Given a limit of one evaluation a minute
      When OpenFeature asks twice
      Then the second answer is the caller's default, and nothing is asked until it may be again

    Scenario: All flags at once
      Given flags of every type
      When all flags are evaluated twice with the tag of the first answer
      Then the second answer is that nothing has changed
      And after a change everything is answered anew

  Rule: Unleash's client evaluates by itself, as the platform does

    Scenario: Every person in the same bucket
      Given flags with rules, segments, variants and a prerequisite
      Then Unleash's client and the platform agree on 60 people

    Scenario: A change is fetched
      Given Unleash's client that polls, and a flag that is on
      When an admin switches it off
      Then the client sees it off

    Scenario: A change is streamed
      Given Unleash's client that listens, and a flag that is on
      When an admin switches it off
      Then the client sees it off

    Scenario: Environments are told by the token
      Given a flag that is on in production alone
      Then only the client of production sees it on

  Rule: Streams tell of changes and resume

    Scenario: Somebody was away
      Given a reader of the stream of changes who goes away
      When an admin switches a flag while the reader is away
      Then the reader is told at once on coming back with the last id
