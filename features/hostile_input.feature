Feature: Hostile input
  What a stranger sends must neither be half accepted nor stop anybody who reads the log later.

  Background:
    Given an action that takes any input

  Rule: What would poison a reader is refused where it comes in

    Scenario Outline: It refuses <kind>
      When a user sends <kind>
      Then it is refused and the answer says what is wrong

      Examples:
        | kind                      |
        | a null character          |
        | half a surrogate pair     |
        | more than a megabyte      |
        | a million nested arrays   |
        | a number that is not one  |
        | broken UTF-8              |
        | half a document           |
        | a field that nobody knows |

  Rule: Everything else passes through to the target and to every read model unchanged

    Scenario Outline: It passes <kind>
      When a user sends <kind>
      Then the target gets it unchanged
      And the job can be listed

      Examples:
        | kind                       |
        | a long text                |
        | text in many scripts       |
        | text that looks like SQL   |
        | 60 nested arrays           |
        | integers of 53 bits        |
        | every printable character  |
