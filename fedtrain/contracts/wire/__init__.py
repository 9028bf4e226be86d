"""The wire format between hub and participants: versioned apart from the user's API.

A receiver ignores optional fields that it does not know and refuses required features that it does not know
(`features.py`). A sender lists a feature when a receiver that ignores it would do something else.
"""
