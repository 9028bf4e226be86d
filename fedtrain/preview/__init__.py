"""`fedtrain plan` and `fedtrain render`: what a run will do, before anything runs."""
