Feature: The webhook inbox
  A provider's message is worth something only if it really is the provider's, is kept before it is
  acknowledged, and has its effect once, however often the provider sends it.

  Rule: What is genuine is kept and has its effect

    Scenario Outline: <provider> sends a message
      Given a source of the preset "<preset>" that runs an action
      When the provider sends a message
      Then the message is acknowledged
      And the action is run once on what the message says
      And the receipt shows the message, its verdict and the job

      Examples:
        | provider          | preset            |
        | Standard Webhooks | standard-webhooks |
        | GitHub            | github            |
        | Stripe            | stripe            |
        | Slack             | slack             |
        | Some other shop   | generic           |

    Scenario: A source that only keeps a log
      Given a source of the preset "github" that writes to the log
      When the provider sends a message
      Then the message is acknowledged
      And the receipt says that it went to the log

    Scenario: A megabyte of anything
      Given a source of the preset "github" that writes to the log
      When the provider sends a megabyte of bytes that are no text
      Then the message is acknowledged
      And the very same bytes can be fetched

    Scenario: What a person asks about a provider's event
      Given a source of the preset "stripe" that writes to the log
      When the provider sends a message
      Then the message is found by the provider's own id

  Rule: A copy of a message causes nothing

    Scenario: The provider repeats itself
      Given a source of the preset "standard-webhooks" that runs an action
      When the provider sends the same message 3 times
      Then every copy is acknowledged with the same receipt
      And the action is run once on what the message says

    Scenario: A thousand copies at the same time
      Given a source of the preset "stripe" that runs an action
      When the provider sends 1000 copies over 16 connections
      Then every copy is acknowledged with the same receipt
      And the action is run once on what the message says

  Rule: What is not genuine leaves no trace but one

    Scenario Outline: A message <fault>
      Given a source of the preset "slack" that runs an action
      When the provider sends a message <fault>
      Then it is refused as "<problem>"
      And nothing was received

      Examples:
        | fault                         | problem         |
        | signed with another secret    | bad-signature   |
        | changed on its way            | bad-signature   |
        | without a signature           | bad-signature   |
        | signed an hour ago            | stale-timestamp |
        | signed an hour ahead          | stale-timestamp |

    Scenario: A flood of forged messages
      Given a source of the preset "github" that runs an action
      When 300 forged messages are sent
      Then all are refused and the log has grown by two events at most

    Scenario: More than a megabyte
      Given a source of the preset "github" that runs an action
      When somebody announces a message of more than a megabyte
      Then it is refused before any of it was sent
      And nothing was received

    Scenario: An address that was never given
      When somebody sends a message to an address that was never given
      Then nothing answers there

  Rule: A message that is not as it must be waits for a person

    Scenario: The payload is not by the schema that the source names
      Given a source of the preset "github" that names a schema
      When the provider sends a message that the schema refuses
      Then the receipt is parked and says what is wrong

    Scenario: It is replayed once the schema is mended
      Given a source of the preset "github" that names a schema
      And the provider has sent a message that the schema refuses
      When the schema is mended and the message is replayed
      Then the action is run once on what the message says

    Scenario: The flag in front of the action is off
      Given a source of the preset "github" that runs an action behind a flag that is off
      When the provider sends a message
      Then the receipt is parked because of "flag-off"

    Scenario: A limit only delays
      Given a source of the preset "github" that runs an action 1 time per second
      When the provider sends 2 different messages
      Then the action is run on both

  Rule: A replay has its effect again

    Scenario: A message is replayed
      Given a source of the preset "github" that runs an action
      And the provider has sent a message
      When it is replayed
      Then the action is run twice, by two jobs that the receipt shows

  Rule: The address stays and secrets change without a gap

    Scenario: A rotation
      Given a source of the preset "standard-webhooks" that writes to the log
      When a second secret becomes active and then the first one is withdrawn
      Then messages by the second are taken all the time and by the first until the end
      And the address has stayed the same
      And the list of sources shows it

  Rule: What a provider sends is readable for nobody but who may

    Scenario: A dump of Postgres
      Given a source of the preset "stripe" that runs an action
      When the provider sends a message
      Then the action is run once on what the message says
      And a dump of Postgres shows nothing of the message or the secret
