"""FederatedTraining -> TrainingTasks and the hub's Jobs, by the decisions of `fedtrain.rounds`."""
