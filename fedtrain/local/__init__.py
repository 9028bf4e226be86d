"""The embedded runner: the same decisions on one machine, with warm workers for hands."""
