"""The claim stage: results enter the ledger, first writer wins."""
