"""Reading a run for people and programs: its summary, the adapter as a folder, the report, and the comparison with
training alone. It makes no decisions, and all of it can be recreated from the ledger."""
