"""The labels that the metric Choices compares at the hub."""

from typing import Annotated

from pydantic import Field

from fedtrain.api.base import Block
from fedtrain.contracts.record_fields import Counted


class AnswerLabels(Block):
    """`count`: different answers in the hub's data. `commonest`: share of the rows that have the most common one, which
    is the accuracy of a model that always gives this answer."""

    count: Counted
    commonest: Annotated[float, Field(ge=0, le=1)]
