"""How many samples each participant trains on in a round, and which: a strategy a file."""
