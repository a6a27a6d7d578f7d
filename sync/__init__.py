"""How a table is brought in step with the records: diff, plan, apply, and the tables."""
