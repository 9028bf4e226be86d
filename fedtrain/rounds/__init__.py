"""The pure state machine of a run: snapshot -> decide -> plan. No I/O, no clock, no randomness."""
