"""The error of the accountants."""


class AccountingError(ValueError):
    """Epsilon cannot be computed, or no noise meets the budget. Nothing may be released then."""


class DeltaTooLarge(AccountingError):
    """Delta is not below 1 / number of units."""


class TooLarge(AccountingError):
    """Epsilon is too large to be computed: it is in no budget."""
