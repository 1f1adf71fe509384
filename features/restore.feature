Feature: Restores
  A mistake that was recorded cannot be taken out of the log. So the log is replaced as a whole by a
  backup of it, up to a moment before the mistake: knowingly, with nothing half done, and the log
  that is replaced is kept.

  Rule: Nothing goes that nobody has seen

    Scenario: What would go is listed first
      Given a backup
      And a flag that was defined since
      When the owner asks what a restore would do
      Then that flag's events are among what would go
      And nothing has changed

    Scenario: A confirmation of what has changed since is refused
      Given a backup
      And the owner has asked what a restore would do
      And a flag that was defined since
      When the owner confirms what was listed
      Then the confirmation is refused, and the new list has another word

    Scenario: A person who may not is refused
      Given a backup
      And an authenticated user
      When that user asks what a restore would do
      Then the refusal names the permission "backups:write"

    Scenario: A place before the backup's end is not taken
      Given a backup
      When the owner asks for a place before the backup's end
      Then the fault is found at "/position"

  Rule: The log is replaced as a whole, and says so

    Scenario: The log is as it was when the backup was made
      Given a backup
      And a flag that was defined since
      When the owner restores the backup
      Then there is no such flag
      And the first event of the new log is the restore, with who asked for it and why
      And the restore is listed as completed, with the database where the old log is kept
      And a place in the old log is gone, and tells where to begin again

    Scenario: The log ends at the wished position
      Given a backup
      And a flag that was defined since
      And another flag that was defined since
      When the owner restores the backup up to the first flag
      Then there is the first flag, and not the other

    Scenario: A command that comes too early succeeds when it comes again
      Given a backup
      When the owner restores the backup while a user goes on defining flags
      Then every flag that was refused was refused as an outage that says when to come again
      And every flag that was accepted is there or was listed as gone

  Rule: What was asked of the world is not asked again by itself

    Scenario: A job that was not done when the backup was made waits for a person
      Given an action whose target does not answer yet
      And a queued job of it
      And a backup
      And the job has been done since
      When the owner restores the backup
      Then the job is parked
      And its target is called again only once the owner has released it

  Rule: Who was erased stays erased

    Scenario: A person is erased after the backup was made
      Given an authenticated user
      And a backup
      And that user has been erased since
      When the owner restores the backup
      Then the new log says that they are erased
      And neither their session nor their password opens anything
      And somebody else registers with their address
