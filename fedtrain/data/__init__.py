"""Row formats, readers and validation: what a data set is, without torch."""
