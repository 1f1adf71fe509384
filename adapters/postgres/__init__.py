"""The log on Postgres: connections, migrations, the store and the upkeep of its partitions."""
