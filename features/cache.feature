Feature: Cache
  What was expensive to find out is kept, until its time has passed or what it was made of changes.

  Rule: What was put is read back as it was, while it may be used

    Scenario: A value with its type
      When a program puts a value under "prices/eu/7"
      Then it reads the same bytes of the same type
      And the answer says how old it is and for how long it was put

    Scenario: A value that the reader has already
      Given a value under "prices/eu/7"
      When the program reads it with the tag that it was given
      Then it is told that nothing has changed

    Scenario: A value whose time has passed
      Given a value that may be used for 1 ms
      When the program reads it
      Then there is nothing

    Scenario Outline: Any text is a key
      When a program puts a value under "<key>"
      Then it reads the same bytes of the same type
      And no other key has it

      Examples:
        | key                  |
        | ../../../etc/passwd  |
        | /                    |
        | a//b/./c/..          |
        | Ünïcödé ☃ 値          |
        | a?b#c%2Fd&e=f        |
        | .                    |

    Scenario: A key that is too long
      When a program puts a value under 513 bytes
      Then it is refused as invalid

  Rule: What is dropped is gone for everybody

    Scenario: By tag
      Given 3 values tagged "shop" and 2 others
      When the tag "shop" is dropped
      Then 3 values were dropped
      And only the others are there
      And the history says who has dropped it

    Scenario: Everything
      Given an empty cache
      And 3 values tagged "shop" and 2 others
      When everything is dropped
      Then 5 values were dropped

    Scenario: Dropping again under the same key
      Given 3 values tagged "shop" and 2 others
      When the tag "shop" is dropped twice under one idempotency key
      Then both answers are the same

    Scenario: What was being found out meanwhile
      Given a program that has missed a value
      And the tag "shop" was dropped since
      When it puts what it has found out, tagged "shop", with its ticket
      Then there is nothing

    Scenario: A thing that it was made of has changed
      Given a flag that is on
      And a value that was made of the flag
      When an admin switches it off
      Then there is nothing for whoever has seen that

  Rule: Only who administers the tenant may

    Scenario: Somebody else
      Given an authenticated user
      When the user reads the cache
      Then the refusal names the permission "cache:read"

  Rule: Its use is counted

    Scenario: Hits and misses
      When a program puts 3 values, reads them, and reads 2 that are not there
      Then there are 3 entries, 3 hits and 2 misses more
