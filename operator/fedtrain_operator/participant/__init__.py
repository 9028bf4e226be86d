"""TrainingTask + ParticipantPolicy -> PyTorchJob -> status, in the participant's namespace."""
