"""Conversations through a base model's chat template, without torch."""
