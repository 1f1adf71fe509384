Feature: Sessions
  A person signs in once and is known until the session ends, wherever it is asked for.

  Rule: Valid credentials create a session

    Scenario: Signing in
      Given a registered user
      When the user signs in with valid credentials
      Then a session is created
      And the session opens a protected route

    Scenario: A wrong password
      Given a registered user
      When the user signs in with a wrong password
      Then the answer is the same as for somebody unknown

    Scenario: Guessing passwords
      Given a registered user
      When somebody guesses passwords until locked out
      Then the user is told when to come back
      And the log holds one lock-out and no single failure

  Rule: A session ends

    Scenario: An expired session
      Given an expired session
      When it is used on a protected route
      Then access is denied

    Scenario: Signing out
      Given an authenticated user
      When the user signs out
      Then the session opens nothing any more

    Scenario: Signing out everywhere else
      Given somebody who is signed in on three devices
      When they end all other sessions
      Then the list shows this device alone
      And the other two open nothing any more

    Scenario: A lost phone
      Given somebody who is signed in on three devices
      When they end the session of one device in the list
      Then that device opens nothing any more
      And the other two open a protected route

    Scenario: A session that nobody uses
      Given a session that may not be idle for longer than a second
      When nobody uses it for so long
      Then it opens nothing any more

    Scenario: A browser signs in again
      Given an authenticated user with a cookie
      When the browser signs in again
      Then its first session opens nothing any more

    Scenario: A role is taken away
      Given an admin who is signed in
      When the owner makes the admin a member
      Then the session opens nothing any more
      And the next session may not define a limit

    Scenario: The sessions are lost and come back from the log
      Given an authenticated user
      And a user whose role has changed since signing in
      When Redis loses everything
      Then the first session opens a protected route again
      And the other one opens nothing

  Rule: A cookie only counts where it was meant to

    Scenario: A foreign page sends a form
      Given an authenticated user with a cookie
      When a foreign page triggers an action with that cookie
      Then the request is refused as cross-site

    Scenario: A foreign page signs somebody in
      Given a registered user
      When a foreign page signs the browser in as that user
      Then the request is refused as cross-site

  Rule: What is sensitive needs a fresh proof

    Scenario: Proving it again
      Given an authenticated user
      When the user proves it again with the password
      Then a session is created
      And the first one opens nothing any more

    Scenario: Proving it with a wrong password
      Given an authenticated user
      When the user proves it again with a wrong password
      Then the answer is that the password is wrong
      And the session still opens a protected route

  Rule: Who was signed in can be told afterwards

    Scenario: Yesterday's session
      Given a user who has signed in and out again
      When an admin asks who was signed in between
      Then the session is told, with the role of that time

  Rule: An address belongs to one account

    Scenario: Two people register the same address at once
      Given an address that nobody has registered
      When it is registered twice at the same time
      Then exactly one registration succeeds
