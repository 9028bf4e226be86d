"""Messages about metrics name all types that the API has."""

from typing import get_args

from fedtrain.api.evaluation import Metric, MetricType
from fedtrain.api.reading.metric_types import MEANINGS, computed, is_metric_type
from fedtrain.api.shapes import fields_of


def test_each_type_of_the_api_has_a_meaning():
    assert set(MEANINGS) == set(get_args(MetricType))
    assert all(f"`{one}` (" in computed() for one in get_args(MetricType))
    assert is_metric_type(fields_of(Metric)["type"].shape.choices)
