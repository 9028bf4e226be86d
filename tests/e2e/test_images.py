"""The images are what clusters with rules let in, and the operator's is small."""

import pytest

from hack.cluster.building import Description, describe, python_base
from hack.cluster.images import Image

MEGABYTE = 10**6


@pytest.fixture(params=["operator", "trainer"])
def described(request: pytest.FixtureRequest) -> Description:
    image: Image = request.getfixturevalue(f"{request.param}_image")
    return describe(image.reference)


def test_the_operators_image_adds_at_most_200_megabytes_to_its_base(operator_image: Image) -> None:
    base, own = describe(python_base()), describe(operator_image.reference)
    assert own.layers[: len(base.layers)] == base.layers
    assert sum(layer.size for layer in own.layers[len(base.layers) :]) <= 200 * MEGABYTE


def test_an_image_runs_as_a_user_without_rights(described: Description) -> None:
    assert described.user == "65532:65532"


def test_an_image_knows_nothing_of_the_machine_that_built_it(described: Description) -> None:
    known = {"PATH", "PYTHONUNBUFFERED", "MALLOC_ARENA_MAX"}
    assert {line.partition("=")[0] for line in described.environment} <= known
