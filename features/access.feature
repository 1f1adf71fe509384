Feature: Access
  What a credential opens is what its holder may do in that moment, and never more.

  Rule: A role opens what it says, at once

    Scenario: A role that the tenant has defined
      Given a role that opens "limits:read"
      And a member in that role
      When the role is changed to open "flags:read"
      Then the member reads flags
      And the member may not read limits

    Scenario: A viewer
      Given a member in the role "viewer"
      When they change a flag
      Then the refusal names the permission "flags:write"

    Scenario: A role that somebody has
      Given a role that opens "limits:read"
      And a member in that role
      When the role is deleted
      Then it stays, and how many have it is told

  Rule: Nobody gives what they lack

    Scenario: An admin makes an owner
      Given a member in the role "admin"
      When they make somebody an owner
      Then the refusal names the permission "roles:write"

  Rule: A key opens its scopes, as far as its holder still may

    Scenario: A new key
      Given a member in the role "admin"
      When they make a key that opens "flags:read"
      Then the key reads flags
      And the key may not read limits
      And the list shows how it begins, and that it was used

    Scenario: The holder loses a role
      Given a member in the role "admin"
      And their key that opens "flags:read"
      When they are made a member in the role "member"
      Then the key may not read flags

    Scenario: A revoked key
      Given a member in the role "admin"
      And their key that opens "flags:read"
      When the key is revoked
      Then the key opens nothing

  Rule: A program acts under its own name

    Scenario: A service account
      Given a service account in the role "viewer"
      When it asks who it is
      Then it is told its name, and what its role opens
