"""The marts: a dbt project, and what runs it."""
