"""The API that users write: one frozen pydantic model a block of the file.

`federated_training.py` and `participant_policy.py` hold the two kinds; every block has a file of its own.
"""
