Feature: Second factors
  A stolen password alone opens nothing: a person proves something more, or signs in with a passkey
  that no page but ours can use.

  Rule: A password is not enough where there is a second factor

    Scenario: Signing in with a code
      Given a user with an authenticator
      When the user signs in with a password and a code
      Then the user is signed in

    Scenario: A password alone
      Given a user with an authenticator
      When the user signs in with a password alone
      Then a second factor is asked for

    Scenario: A wrong password
      Given a user with an authenticator
      When somebody signs in with a wrong password
      Then nothing tells that there is a second factor

    Scenario: An authenticator that was never confirmed
      Given a user with an authenticator that has shown no code yet
      When the user signs in with a password alone
      Then the user is signed in

  Rule: Everything is used once

    Scenario: A code at several sign-ins at the same time
      Given a user with an authenticator
      When one code is used at several sign-ins at once
      Then exactly one of them succeeds

    Scenario: A recovery code
      Given a user with an authenticator
      When one recovery code is used at several sign-ins at once
      Then exactly one of them succeeds
      And nine recovery codes are left

    Scenario: A passkey's answer
      Given a user with a passkey
      When one answer of it is sent several times at once
      Then exactly one of them succeeds

  Rule: A passkey signs in by itself

    Scenario: Without a password
      Given a user with a passkey
      When the user signs in with the passkey
      Then the user is signed in

    Scenario: As second factor
      Given a user with a passkey
      When the user signs in with a password and the passkey
      Then the user is signed in

    Scenario: On a foreign page
      Given a user with a passkey
      When the passkey answers on a foreign page
      Then it opens nothing

    Scenario: A copy of it
      Given a user with a passkey
      And a copy of it that was used before
      When the passkey answers with a lower count than its copy
      Then it opens nothing

    Scenario: Once it was removed
      Given a user with a passkey
      When the user removes the passkey
      Then it opens nothing any more

  Rule: Guessing codes is guessing

    Scenario: Guessing codes
      Given a user with an authenticator
      When somebody who knows the password guesses codes until locked out
      Then the right code opens nothing, either

  Rule: The person is told of every change

    Scenario: An authenticator is enrolled
      Given a user with an authenticator
      Then a letter tells the user so
