"""Wording of the reason for which a participant is missing, after its name."""


def after_name(who: str, reason: str) -> str:
    """Return the reason as it follows the participant's name, without repeating it.

    >>> after_name("bank-b", "bank-b's policy (windows) lets the task wait")
    'its policy (windows) lets the task wait'
    """
    for name, pronoun in ((f"{who}'s ", "its "), (f"{who} ", "it ")):
        if reason.startswith(name):
            return pronoun + reason[len(name) :]
    return reason
