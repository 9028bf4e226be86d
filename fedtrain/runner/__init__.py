"""`fedtrain run`: a federation on one machine, with warm worker processes."""
