"""What the parts hand to each other: records in the ledger, their names in it, and the work orders of the trainer.

Parts never import each other; they meet here and in the ledger.
"""
