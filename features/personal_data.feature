Feature: Personal data
  People can have everything that is known about them, and can be forgotten: also by backups, and by
  whoever knows every key that is left.

  Rule: Everything about a person is theirs to have

    Scenario: The export holds whatever they left behind
      Given a person who has left traces everywhere
      When they ask for everything about them
      Then every trace is in it, and nothing that opens something

  Rule: Who is erased is nobody any more

    Scenario: No trace is left anywhere
      Given a person who has left traces everywhere
      When they are erased
      Then their sessions, tokens and memberships open nothing
      And a dump of Postgres and Redis holds no trace, nor do the platform's lines
      And nobody can be shown a trace, whatever they may see
      And all of that is so after every read model was built anew

    Scenario: The address is free
      Given a person who has left traces everywhere
      When they are erased
      Then somebody else registers with their address
      And mail to them can be read

    Scenario: Who is erased is told so, by the last letter there is
      Given a person who has left traces everywhere
      When they are erased
      Then the last letter to them says so

    Scenario: Only who knows the password is erased
      Given a person who has left traces everywhere
      When somebody who found their session open wants them erased
      Then they are not

  Rule: Who cannot sign in asks whoever runs the installation

    Scenario: A copy for somebody whose account was closed
      Given a person who has left traces everywhere
      And their account was closed
      When the installation's owner asks for everything about them
      Then every trace is in it, and nothing that opens something

    Scenario: The end of an account that was closed
      Given a person who has left traces everywhere
      And their account was closed
      When the installation's owner erases them because they asked for it
      Then the log tells that somebody else did so, and why
      And the last letter to them says so
      And nobody can be shown a trace, whatever they may see
      And somebody else registers with their address
