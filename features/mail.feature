Feature: Mail
  People are told what becomes of their accounts. A letter is never lost, and without a mail server
  whoever tries the platform out still gets the token that stands in it.

  Rule: A letter goes out with what it tells of

    Scenario: A letter arrives
      Given a person who wants to register
      When they register
      Then a letter with a token comes to their address
      And the owner sees that it was sent, but not what it says

    Scenario: The mail server was away
      Given a mail server that takes nothing for now
      When a person registers
      Then the same letter comes once the server takes letters again

  Rule: Without a mail server letters stay in the outbox

    Scenario: The token is read in the outbox
      Given a platform without a mail server
      When a person registers there
      Then the owner reads the token in the outbox
      And the platform's log tells of the letter, but not what it says
      And nobody else reads the outbox
