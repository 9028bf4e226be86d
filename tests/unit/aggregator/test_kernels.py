"""The compiled kernels and those in numpy agree to the last bit."""

import numpy as np
import pytest
from fedtrain_aggregator import kernels
from fedtrain_aggregator.kernels import CHUNK, portable

from fedtrain.privacy.gaussian_noise import NoiseStream
from fedtrain.privacy.noise import REACH

if not kernels.COMPILED:
    pytest.skip("the kernels were built without a C compiler", allow_module_level=True)

COUNTS = [1, 2, 7, 8, 9, 127, 128, 129, 250, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 129, 9 * CHUNK + 5]


def some_values(count: int) -> np.ndarray:
    """Values of all magnitudes, at an odd address, as a file may hold them."""
    random = np.random.default_rng(count)
    values = random.standard_normal(count) * 10.0 ** random.integers(-25, 5, count)
    return np.frombuffer(b"\0" + values.astype(np.float32).tobytes(), np.float32, offset=1)


@pytest.mark.parametrize("count", COUNTS)
def test_sums_of_squares_have_the_same_bits(count: int):
    values = some_values(count)
    found = kernels.square_sums(values)
    assert found.tobytes() == portable.square_sums(values).tobytes()
    assert len(found) == -(-count // CHUNK)


@pytest.mark.parametrize("count", COUNTS)
def test_weighted_sums_have_the_same_bits(count: int):
    values = some_values(count)
    compiled, plain = np.full(count, 1 / 3), np.full(count, 1 / 3)
    for factor in (0.1, 1 / 7, 1e-30):
        found = kernels.add_scaled(compiled, values, factor)
        assert found.tobytes() == portable.add_scaled(plain, values, factor).tobytes()
    assert compiled.tobytes() == plain.tobytes()


@pytest.mark.parametrize("count", COUNTS)
def test_rounded_sums_are_of_the_nearest_integers_and_have_the_same_squares(count: int):
    values = some_values(count)
    for factor in (0.5, 1e3, 2.0**20):  # 0.5: ties of odd integers
        exact = np.rint(values.astype(np.float64) * factor) + 3.0
        for module in (kernels, portable):
            found = np.full(count, 3.0)
            squares = module.add_rounded(found, values, factor)
            assert found.tobytes() == exact.tobytes()
            assert squares.tobytes() == portable.square_sums(values).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("at", [0, 200, CHUNK + 77])
def test_a_bad_value_shows_in_the_sum_of_its_chunk(bad: float, at: int):
    values = np.ones(CHUNK + 100, np.float32)
    values[at] = bad
    sums = kernels.square_sums(values)
    assert not sums[at // CHUNK] <= 65504.0**2
    assert sums[1 - at // CHUNK] == (CHUNK if at >= CHUNK else 100)


def test_arrays_of_another_type_or_length_are_refused():
    with pytest.raises(TypeError, match="contiguous float32"):
        kernels.square_sums(np.ones(8))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="contiguous float32"):
        kernels.square_sums(np.ones(8, np.float32)[::2])
    with pytest.raises(ValueError, match="8 values cannot be added to 7"):
        kernels.add_scaled(np.zeros(7), np.ones(8, np.float32), 1.0)
    with pytest.raises(ValueError, match="8 values cannot be added to 7"):
        kernels.add_rounded(np.zeros(7), np.ones(8, np.float32), 1.0)


@pytest.mark.parametrize("count", [*COUNTS, 100_001])
def test_noise_has_the_same_bits_and_that_of_its_stream(count: int):
    stream, std, scale = NoiseStream(bytes(range(32)), "kernels"), 1.7 * 2.0**30, 2.0**-31 / 3
    sums = np.rint(np.random.default_rng(count).standard_normal(count) * 2.0**33)
    compiled, plain = sums.copy(), sums.copy()
    kernels.add_noise(compiled, stream.words(0, count), std, scale)
    portable.add_noise(plain, stream.words(0, count), std, scale)
    assert compiled.tobytes() == plain.tobytes()
    assert np.array_equal(plain, (sums + np.rint(stream.samples(0, count) * std)) * scale)


def test_noise_of_extreme_words_has_the_same_bits():
    words = np.array([0, 0, 2**64 - 1, 2**64 - 1, 2047, 1, 2**63, 2**63, 1, 2**64 - 2], np.uint64)
    compiled, plain = np.zeros(10), np.zeros(10)
    kernels.add_noise(compiled, words, 2.0**31, 1.0)
    portable.add_noise(plain, words, 2.0**31, 1.0)
    assert compiled.tobytes() == plain.tobytes()
    assert np.abs(plain).max() == pytest.approx(REACH * 2.0**31, rel=1e-3)
    with pytest.raises(ValueError, match="10 words cannot be noise on 7 totals"):
        kernels.add_noise(np.zeros(7), words, 1.0, 1.0)
