"""The encode stage: the files of the next global adapter and the server's state."""
