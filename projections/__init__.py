"""Read models: their tables, how events change them and the queries on them."""
