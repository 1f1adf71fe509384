Feature: Changes of flags
  A change of a flag can be agreed upon by two people, wait for its time, and come in steps, so that
  nobody has to be awake for it and everybody can see what is going to happen.

  Rule: A protected flag changes only when somebody else has approved

    Scenario: A change is approved by another person
      Given a protected flag that is off
      And somebody has proposed to switch it on
      When another admin approves
      Then the flag is on
      And its history tells who approved

    Scenario: Nobody approves their own change
      Given a protected flag that is off
      And somebody has proposed to switch it on
      When the same person approves
      Then it is refused, because another must
      And the flag is still off

    Scenario: A change is rejected
      Given a protected flag that is off
      And somebody has proposed to switch it on
      When another admin rejects it
      Then nobody can approve it any more
      And the flag is still off

    Scenario: A direct change of a protected flag
      Given a protected flag that is off
      When an admin wants it switched on at once
      Then it is refused, and the answer says how to propose it

  Rule: A scheduled change happens at its time, once

    Scenario: A flag is switched on in a moment
      Given an unprotected flag that is off
      When it is to be switched on in a moment
      Then it is off until then, and on afterwards
      And it has been switched on once

    Scenario: A scheduled change is cancelled
      Given an unprotected flag that is off
      And it is to be switched on tomorrow
      When the change is cancelled
      Then it is not among the scheduled changes any more
      And it can be seen as it was scheduled

    Scenario: A change whose flag was archived meanwhile
      Given an unprotected flag that is off
      And it is to be switched on when somebody says so
      And the flag has been archived
      When somebody says so
      Then the change has failed, and says why

  Rule: A rollout goes up step by step

    Scenario: A person ends a pause
      Given an unprotected flag that is on for nobody
      When it is rolled out to 10, then 50, then, when somebody says so, 100 percent
      Then it comes to 50 percent by itself and waits
      And once somebody advances it, it is on for everybody

    Scenario: A rollout that is stopped
      Given an unprotected flag that is on for nobody
      And it is being rolled out with an hour between the steps
      When somebody pauses the rollout
      Then nobody can advance it before it is resumed

  Rule: A change does not undo what it has not seen

    Scenario: A change of an old version
      Given an unprotected flag that is off
      And somebody else has changed it since it was read
      When a change is proposed for the version that was read
      Then it is refused as a draft of an old version

    Scenario: A flag that was changed while the change waited
      Given an unprotected flag that is off
      And its rules are to be replaced when somebody says so
      And somebody else has changed its rules
      When somebody says so
      Then the change has failed, because it was overtaken
      And the rules are those of somebody else

  Rule: What is not right is refused whole

    Scenario Outline: A change that cannot be carried out
      Given an unprotected flag that is off
      When a change is proposed with <body>
      Then the refusal of the change points to <pointer>

      Examples:
        | body                                                                | pointer           |
        | {"edits": []}                                                       | /edits            |
        | {"edits": [{"kind": "roll_out", "rollout": 101}]}                   | /edits/0/rollout  |
        | {"edits": [{"kind": "roll_out", "rollout": 5, "rule": "x"}]}        | /edits/0/rule     |
        | {"edits": [{"kind": "enable"}], "at": "2020-01-01T00:00:00Z"}       | /at               |
        | {"steps": [{"edits": [{"kind": "enable"}], "pause": "soon"}]}       | /steps/0/pause    |
