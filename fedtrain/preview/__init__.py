"""Preview of a run, for `fedtrain plan` and `fedtrain render`."""
