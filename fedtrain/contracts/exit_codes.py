"""Exit codes of tasks, of the trainer and of the aggregator. They decide whether an attempt is repeated."""

EXIT_DONE = 0
EXIT_RETRY = 75
"""The task may succeed when tried again (EX_TEMPFAIL): lost store, out of memory, interrupted."""
EXIT_LEDGER = 74
"""The ledger refused a read or a write (EX_IOERR): no permission, no space. The work is not at fault, and the same work
succeeds once somebody has fixed the store."""
EXIT_SPOOLED = 73
"""The update is trained and in the spool, but the store does not take it now (EX_CANTCREAT)."""
EXIT_REFUSED = 78
"""Trying again won't help (EX_CONFIG): bad data, an empty slice, NaN loss, a base that does not fit the adapter."""
