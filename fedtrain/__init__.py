"""fedtrain: federated fine-tuning of large language models across organisations."""

__version__ = "0.1.0"
