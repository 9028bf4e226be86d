"""Experiment trackers: each reads a run's values through its own library."""

from fedtrain.results.tracking.tracker import TRACKERS, Tracker, track

__all__ = ["TRACKERS", "Tracker", "track"]
