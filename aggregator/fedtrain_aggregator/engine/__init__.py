"""The engine that reads updates block by block and runs the stages on them."""
