"""The trainer: one function, `run_task`, turns a work order into a record in the ledger and an exit code.

`python -m fedtrain_trainer --assignment FILE` runs one task (also under torchrun), `python -m fedtrain_trainer.worker`
one after another.
"""
