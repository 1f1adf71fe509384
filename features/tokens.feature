Feature: Tokens
  A program acts for a person with tokens that are good for minutes and renew themselves.

  Rule: Whoever signs in can have tokens

    Scenario: Exchanging a password
      Given a registered user
      When the user exchanges the password for tokens
      Then the access token opens a protected route
      And the published keys verify it

    Scenario: Exchanging a session
      Given an authenticated user
      When the user exchanges the session for tokens
      Then the access token opens a protected route

    Scenario: A token that somebody has made
      Given a user with tokens
      When somebody signs the same claims with another key
      Then the answer is the same as for no credential at all

  Rule: A refresh token counts once

    Scenario: A copied refresh token
      Given a user with tokens
      And a thief who has copied the refresh token and used it
      When the user renews the tokens
      Then neither of them gets in any more
      And the log tells that the tokens were reused

    Scenario: Two programs renew with the same token
      Given a user with tokens
      When the tokens are renewed in two processes at the same time
      Then exactly one of them is answered
      And neither of them gets in any more

    Scenario: An answer that was lost
      Given a user with tokens
      When the user renews the tokens twice under one key
      Then both answers are the same
      And the access token opens a protected route

  Rule: Tokens end with their session, in every process

    Scenario: Signing out
      Given a user with tokens
      When the user signs out
      Then the access token opens nothing in any process
      And the tokens cannot be renewed

    Scenario: The sessions are lost and come back from the log
      Given a user with tokens
      When Redis loses everything
      Then the access token opens nothing until the session is back
      And the tokens can be renewed

  Rule: Signing keys are rotated without anybody noticing

    Scenario: A new key
      Given a user with tokens
      When the owner rotates the signing key
      Then old and new tokens are good in every process
      And both keys are published
