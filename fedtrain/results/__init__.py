"""Reading a run for people and programs: its summary, the adapter as a folder, the report, and the comparison with
training alone. Nothing here decides anything; all of it can be made again from the ledger."""
