Feature: Rate limits
  A limit protects what is behind it from too many requests, and tells a refused caller when to
  come back.

  Rule: A limit is counted for each value of its scope

    Scenario: Requests under the limit succeed
      Given a client address and a limit of 10 requests per minute
      When 5 requests come from that address
      Then all of them succeed

    Scenario: The request after the last one allowed is refused
      Given a client address and a limit of 10 requests per minute
      And 10 requests have come from that address
      When another request comes from that address
      Then it is refused with HTTP 429
      And it is told when to come back

    Scenario: Another address has its own allowance
      Given a client address and a limit of 10 requests per minute
      And 10 requests have come from that address
      When a request comes from another address
      Then it succeeds

  Rule: Only who administers the tenant defines limits

    Scenario: A member may not
      Given an authenticated user
      When the user defines a limit
      Then the refusal names the permission "limits:write"
