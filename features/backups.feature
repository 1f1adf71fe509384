Feature: Backups
  A backup is the log as it was at one moment, in a place that outlives the database. It is only
  worth something if it can be trusted, so it can be looked at, and it goes only when that was said.

  Rule: A backup is made beside everything else

    Scenario: A backup that was asked for is made
      Given an event that somebody has caused
      When the owner asks for a backup called "before the move"
      Then it is made, and holds that event
      And it is in the list as "before the move"
      And its history says when it was started and completed

    Scenario: To ask again with the same key makes no second one
      When the owner asks twice for a backup, with one idempotency key
      Then both answers are the same

    Scenario: What a backup holds is told by the repository alone
      Given a backup
      When its manifest is read from the repository
      Then it tells the version, the log's position and the size as the list does

  Rule: A backup can be looked at

    Scenario: A sound backup is found sound
      Given a backup
      When the owner has it verified
      Then it is found sound

    Scenario: A single bit that has changed is found
      Given a backup in which one bit has changed
      When the owner has it verified
      Then it is found damaged, and the file is named

    Scenario: A backup whose files are gone is missed
      Given a backup whose files are gone
      Then the list says that it is missing

  Rule: A backup goes when somebody says so, or by the policy

    Scenario: A backup is called otherwise
      Given a backup
      When the owner calls it "kept for the auditors"
      Then it is in the list as "kept for the auditors"
      And the repository calls it so, too

    Scenario: A backup is deleted
      Given a backup
      When the owner deletes it
      Then it is in no list and in no repository
      And it was in the list at the time before

    Scenario: The policy lets old backups go
      Given three backups
      When the owner sets a policy that keeps the last 2
      And the owner prunes
      Then the newest 2 are left

    Scenario: A policy whose schedule cannot be followed changes nothing
      When the owner sets a policy with the schedule "at dawn" in "Europe/Atlantis"
      Then it is refused, with the faults at "/schedule/cron" and "/schedule/time_zone"
      And the policy is what it was

  Rule: Only the owner decides about backups

    Scenario: A member may not
      Given an authenticated user
      When the user asks for a backup
      Then the refusal names the permission "backups:write"

    Scenario: What is not there cannot be looked at
      When the owner has a backup verified that was never made
      Then there is no such backup
