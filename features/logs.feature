Feature: Logs
  What programs have written is read where it lies: searched, followed, counted, and tied to the
  events of the request that it was written for.

  Rule: A source is what its files say, however they are written and rotated

    Scenario: Files and their rotations are one log
      Given an application whose log was rotated and compressed
      When an admin registers its files
      Then the lines are read newest first, across all files
      And the list of sources tells its format, files and size

    Scenario: Looking for one thing among many
      Given an application that has written 500 lines of all levels
      When an admin registers its files
      Then time, level, text, pattern and field each find theirs
      And the pages lead through all lines once

    Scenario: A traceback is one message
      Given an application that has failed with a traceback
      When an admin registers its files
      Then the traceback is one message with all its lines

    Scenario: A log over time
      Given an application that has written 500 lines of all levels
      When an admin registers its files
      Then they are counted by level over time

    Scenario: A source as it was
      Given a registered log
      When an admin registers other files under its name and then removes it
      Then it can be seen as it was, and its history tells all three

  Rule: Nobody reads more than the operator has opened

    Scenario: Files elsewhere
      When an admin registers files outside of the allowed directories
      Then the refusal points at each of them and nothing is registered

    Scenario: A link that leads out
      Given a link in an allowed directory that leads to the owner's key
      When an admin registers it
      Then nothing of the key is shown

    Scenario: A member
      Given an authenticated user
      When the user reads the platform's own lines
      Then the refusal names the permission "logs:read"

    Scenario: Reading is known
      Given a registered log
      When an admin reads it three times within a minute
      Then the reading is recorded once for each minute, with who it was

  Rule: A log can be followed

    Scenario: Through a rotation
      Given a registered log that somebody follows
      When lines are written, the file is rotated, and more are written
      Then the follower sees every line once, in order, and hears of the rotation

    Scenario: A follower resumes
      Given a registered log that somebody follows
      When the follower is cut off while lines are written
      Then it sees the others after reconnecting, each once

  Rule: A request can be followed through the platform

    Scenario: From a line to the events and back
      Given an authenticated user
      And an action that succeeds
      When the user triggers it under a correlation id
      Then the platform's own lines tell of the request and of the attempt
      And they lead to the request's events, and the events lead to them
