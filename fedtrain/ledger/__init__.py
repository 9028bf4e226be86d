"""The run's record in object storage: stores, the commit protocol, and its verification."""
