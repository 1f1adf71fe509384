Feature: Experiments
  A team learns which variant of a flag people do better with, by counting who was served what and
  who then did what was hoped for.

  Rule: Who is served a variant takes part

    Scenario: An experiment is told by evaluations alone
      Given an experiment on a flag that is running
      When 60 users are served the flag, and those with blue buy
      Then the results count each user once, and all conversions of blue
      And blue does more than red, however often one looks

    Scenario: Who was served two variants
      Given an experiment on a flag that is running
      When a client says that one user was served both variants, and another one red
      Then one user takes part, and one is excluded

  Rule: Only what happens after it is caused

    Scenario: Who has bought before
      Given an experiment on a flag that is running
      When a user buys, is served red, and another one is served red and buys
      Then one of the two has converted

    Scenario: Who buys after the end
      Given an experiment on a flag that is running
      When a user is served red, the experiment is stopped, and the user buys
      Then nobody has converted

  Rule: A split that is not as planned is told

    Scenario: Something loses users
      Given an experiment on a flag that is running
      When a client says that 90 users were served red and 10 blue
      Then the results are not to be trusted

  Rule: Values are compared by their means

    Scenario: How much is spent
      Given an experiment on how much is spent
      When users of red spend 1, 2 and 3, and users of blue spend nothing, 10 and 20 in two parts
      Then the means are 2 and 10

  Rule: Results can be seen as they were

    Scenario: Looking back
      Given an experiment on a flag that is running
      When a client says that 3 users were served red and 3 blue
      And later that 4 users were served red and 4 blue
      Then the results as they were have 6 users, and now 14
