Feature: Accounts
  Whoever has an address can have an account, prove that the address is theirs, and get back in when
  they forget their password. Nobody else learns from it who has an account, or can keep them out.

  Rule: A token from a mail opens one thing once

    Scenario: The address is verified
      Given a person who has registered
      When they show the token that was mailed to them
      Then their account says that the address is verified
      And the token opens nothing any more

    Scenario: A forgotten password is replaced
      Given a person who is signed in
      When they choose a new password with a token that was mailed to them
      Then only the new password opens the account
      And the session from before opens nothing
      And they are told by mail that the password was changed

  Rule: What one signs in with changes with the current password alone

    Scenario: The password
      Given a person who is signed in twice
      When they change the password in one of the sessions
      Then that session goes on under another token
      And the other session opens nothing

    Scenario: The address
      Given a person who is signed in
      When they change the address and show the token that was mailed to the new one
      Then only the new address opens the account
      And the old address is told

  Rule: A closed account opens nothing

    Scenario: It is closed and opened again
      Given a person who is signed in
      When they close their account
      Then neither the session nor the password opens anything
      And the password opens it again once an admin has reopened it

  Rule: Accounts come along with the passwords that they had

    Scenario: An account with a bcrypt hash is imported
      Given an account from elsewhere, whose password is kept as bcrypt
      When its person signs in with the password that they had
      Then a session is opened
      And the log says that the hash was replaced
      And the owner finds the account by its address, however that is written

  Rule: Where addresses have to be verified nobody learns who has an account

    Scenario: A registered and a free address look the same
      Given a platform where addresses have to be verified
      When somebody registers, signs in and asks for a new password with a known and a free address
      Then both are answered alike
      And whoever has the known address is told by mail

  Rule: A stranger cannot keep a person out

    Scenario: Somebody guesses a password from elsewhere
      Given a platform that knows clients by their addresses
      When a stranger guesses the password of a person until locked out
      Then the stranger is told when to come back
      And the person signs in from where they are
