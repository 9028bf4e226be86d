"""The error of the accountants."""


class AccountingError(ValueError):
    """Epsilon cannot be computed, or no noise meets the budget. Nothing may be released then."""


class TooLarge(AccountingError):
    """Epsilon is too large to be computed: it is in no budget."""
