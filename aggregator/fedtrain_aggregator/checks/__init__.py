"""The check stage, one file per check. A check returns a reason in words that follows "participant: ", or None."""
