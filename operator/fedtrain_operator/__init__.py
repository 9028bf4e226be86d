"""The operator: a federation on Kubernetes. Two controllers that meet in the API server and in the ledger alone.

`coordinator/` turns a FederatedTraining into TrainingTasks and the hub's Jobs; `participant/` turns a TrainingTask and
a ParticipantPolicy into a PyTorchJob; `shared/` is what both stand on.
"""
