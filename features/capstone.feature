Feature: A guarded action, from the request to the end of its job
  A team puts an action behind a flag and a limit, lets its people trigger it, and can read back
  from the log alone what happened, in order and why.

  Background:
    Given an action behind the flag "beta" and a limit of 10 requests per minute

  Rule: Who is signed in, has the flag and stays under the limit may trigger the action

    Scenario: The action is carried out
      Given an authenticated user
      And the feature flag is enabled
      And the request is under the rate limit
      When the user triggers the action
      Then a job is queued
      And the job succeeds
      And its execution is logged
      And every step can be read back from the event log

    Scenario: The target fails twice
      Given an authenticated user
      And the feature flag is enabled
      And the target fails 2 times
      When the user triggers the action
      Then the job succeeds
      And the target was called 3 times with one idempotency key
      And each retry is logged with its cause

    Scenario: The target keeps failing
      Given an authenticated user
      And the feature flag is enabled
      And the target keeps failing
      When the user triggers the action
      Then the job becomes a dead letter
      And it succeeds when the target works again and it is requeued

    Scenario: The caller asks twice with one key
      Given an authenticated user
      And the feature flag is enabled
      When the user triggers the action twice with the same key
      Then both answers name the same job
      And the target is called once

    Scenario: A cancelled job is not tried again
      Given an authenticated user
      And the feature flag is enabled
      And the target keeps failing slowly
      When the user triggers the action and then cancels the job
      Then the job is cancelled

  Rule: Everybody else is told why not, and nothing is queued

    Scenario: Not signed in
      Given the feature flag is enabled
      When a stranger triggers the action
      Then the answer is that signing in is needed

    Scenario: The flag is off
      Given an authenticated user
      And the feature flag is disabled
      When the user triggers the action
      Then the refusal names the flag

    Scenario: Over the limit
      Given an authenticated user
      And the feature flag is enabled
      And the user has triggered the action 10 times
      When the user triggers the action
      Then the answer is to come back later

    Scenario: Bad input
      Given an authenticated user
      And the feature flag is enabled
      When the user triggers the action with bad input
      Then the answer points at what is wrong

    Scenario: An unknown action
      Given an authenticated user
      When the user triggers an action that nobody has defined
      Then the answer is that there is no such action

    Scenario: Somebody else's job
      Given an authenticated user
      And the feature flag is enabled
      And the user has triggered the action
      When another user asks for the job
      Then the answer is that there is no such job
