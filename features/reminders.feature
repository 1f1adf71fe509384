Feature: Reminders
  Somebody is told something at its time: once or by a schedule, by the way that they choose, and
  exactly once for each time, whatever happens to the platform in between.

  Rule: What is due is delivered, once and signed

    Scenario: A reminder comes as a signed webhook
      Given a receiver of webhooks
      When somebody is to be reminded there in a moment
      Then the receiver gets what was to be said, signed with the reminder's secret
      And the reminder says that it has fired

    Scenario: A reminder comes into the inbox
      Given an authenticated user
      And the user watches the inbox
      When the user is to be reminded in a moment
      Then the item appears in the inbox as it is watched
      And the user can mark it as read

    Scenario: A reminder comes by e-mail
      Given an authenticated user
      When the user is to be reminded by e-mail
      Then a message arrives at the user's own address

    Scenario: A reminder comes by a schedule
      When somebody is to be reminded every minute
      Then it is due at the next full minute in the time zone

  Rule: What cannot be delivered is tried again, and then waits for somebody

    Scenario: A receiver that fails at first
      Given a receiver that fails 2 times
      When somebody is to be reminded there in a moment
      Then the receiver gets it at attempt 3, each under the same id

    Scenario: A receiver that is gone
      Given a receiver that always fails
      When somebody is to be reminded there in a moment
      Then the delivery is a dead letter

    Scenario: A dead letter is sent elsewhere
      Given a dead letter
      When the reminder is given another receiver and the dead letter is queued again
      Then the other receiver gets it

  Rule: A reminder can be changed until it has fired

    Scenario: A reminder is put off
      Given a reminder for tomorrow
      When it is rescheduled to next week
      Then it is due next week
      And it can be seen as it was before

    Scenario: A reminder is snoozed
      Given a reminder that has fired
      When it is snoozed for a moment
      Then it comes a second time

    Scenario: A reminder is cancelled
      Given a reminder for tomorrow
      When it is cancelled
      Then it can be neither changed nor snoozed

    Scenario: A reminder that has changed since it was read
      Given a reminder for tomorrow
      And somebody else has rescheduled it
      When it is changed as it was read
      Then the change to the reminder is refused as stale

    Scenario: The same request twice
      When the same reminder is asked for twice under one key
      Then there is one reminder

  Rule: Everybody has their own, and an admin has them all

    Scenario: Another user's reminder
      Given an authenticated user
      And a reminder of another user's
      Then the user can neither see nor change it
      And an admin can

    Scenario: A message to a stranger
      Given an authenticated user
      When the user wants to have somebody else reminded
      Then it is refused

  Rule: What is not right is refused whole

    Scenario Outline: A reminder that cannot be followed
      When somebody is to be reminded with <input>
      Then the refusal points to <pointer>
      And nothing was recorded

      Examples:
        | input                                                    | pointer     |
        | {"cron": "61 * * * *"}                                   | /cron       |
        | {"cron": "0 9 * * *", "time_zone": "Mars/Base"}          | /time_zone  |
        | {"due_at": "2020-01-01T00:00:00Z"}                       | /due_at     |
        | {"due_at": "0001-01-01T00:00:00+14:00"}                  | /due_at     |
        | {"in": "soon"}                                           | /in         |
        | {"in": "1s", "cron": "0 9 * * *"}                        | /cron       |
        | {"in": "1s", "title": ""}                                | /title      |
        | {"in": "1s", "channel": {"kind": "webhook", "url": "x"}} | /channel/url |
        | {"in": "1s", "channel": {"kind": "pigeon"}}              | /channel/kind |
        | {}                                                       |             |

  Rule: Reminders are found by their state and by when they are due

    Scenario: Looking for what is due tomorrow
      Given an authenticated user
      And the user's reminders for today, tomorrow and next week
      Then asking page by page for what is due tomorrow finds that one alone
      And asking for what has been cancelled finds none
