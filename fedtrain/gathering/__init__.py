"""Reading a run's ledger into the facts that a decision is made from; shared by every coordinator."""
