Feature: Tenants
  One installation serves many organisations, and none of them can tell that there are others.

  Rule: Who is asked by mail may join

    Scenario: Accepting an invitation
      Given a tenant with an owner
      And somebody who was invited by mail
      When they accept the invitation
      Then they are a member
      And the token opens nothing any more

    Scenario: A mail that was passed on
      Given a tenant with an owner
      And somebody who was invited by mail
      When somebody else accepts the invitation
      Then the token opens nothing to them

  Rule: A person picks where to work

    Scenario: In one request
      Given a tenant with an owner
      When the owner asks for a flag of the tenant
      Then the flag is shown there and nowhere else

    Scenario: Where one is nobody
      Given a tenant with an owner
      When a stranger names the tenant
      Then the answer is that of a tenant which is not there

  Rule: A tenant is never without an owner

    Scenario: The last owner leaves
      Given a tenant with an owner
      When the owner leaves
      Then the owner stays

  Rule: A suspended tenant serves nobody

    Scenario: Suspended and resumed
      Given a tenant with an owner
      When the tenant is suspended
      Then nothing is to be had there
      But after it was resumed everything is there again
