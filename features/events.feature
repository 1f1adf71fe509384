Feature: The event log
  Every change of state can be read back: in order, live, and by who asked for it.

  Rule: The log is read in order, without gaps

    Scenario: Following the tail
      Given a reader at the end of the log
      When a flag is defined
      Then the reader sees it once, with its cause and its actor

    Scenario: A live reader resumes
      Given a live reader that has seen a flag being defined
      When it is cut off and two more flags are defined
      Then it sees both after reconnecting, each once

  Rule: The log tells nothing that was typed in

    Scenario: Secrets and personal data
      Given an authenticated user
      When an admin reads every event
      Then no event shows a password or a token
