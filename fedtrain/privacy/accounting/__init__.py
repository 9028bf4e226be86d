"""Accounting: from noisy releases to epsilon, and from a budget to the noise. Needs neither dp-accounting nor scipy."""

from fedtrain.privacy.accounting.accountant import Accountant, Relation
from fedtrain.privacy.accounting.bounded_epsilon import bounded_epsilon
from fedtrain.privacy.accounting.budget import multiplier_for, rounded_up
from fedtrain.privacy.accounting.delta import check_delta, is_small_delta, small_delta
from fedtrain.privacy.accounting.epsilon_of_releases import epsilon
from fedtrain.privacy.accounting.errors import AccountingError, DeltaTooLarge, TooLarge
from fedtrain.privacy.accounting.forecast import affordable_rounds, after, epsilon_by_round
from fedtrain.privacy.accounting.range_of_samples import check_range_of_samples, covers_range_of_samples
from fedtrain.privacy.accounting.registry import accountant_for, register
from fedtrain.privacy.accounting.release import AllRounds, Poisson, Release, Sampling

__all__ = [
    "Accountant",
    "AccountingError",
    "AllRounds",
    "DeltaTooLarge",
    "Poisson",
    "Relation",
    "Release",
    "Sampling",
    "TooLarge",
    "accountant_for",
    "affordable_rounds",
    "after",
    "bounded_epsilon",
    "check_delta",
    "check_range_of_samples",
    "covers_range_of_samples",
    "epsilon",
    "epsilon_by_round",
    "is_small_delta",
    "multiplier_for",
    "register",
    "rounded_up",
    "small_delta",
]
