"""The run ledger: what each run did, as tables in the warehouse."""
