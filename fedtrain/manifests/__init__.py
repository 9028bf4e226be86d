"""Pure builders of Kubernetes objects: TrainingTasks, PyTorchJobs, Jobs and their pods."""
