"""The inner loops over an update's values: compiled C where it was built, else numpy, with the same bits.

`square_sums(values)` returns the sum of the squares of each CHUNK of float32 values; the last chunk may be shorter.
`add_scaled(totals, values, factor)` adds factor * value to each float64 of `totals`, product and sum rounded
separately, and returns the sums of squares from the same pass over the values. `add_rounded` adds the integer nearest
to factor * value instead, which must be below 2^51. `add_noise(totals, words, std, scale)` adds the integer nearest to
std * sample to each total and multiplies it by `scale`; `words`: those of the samples (`NoiseStream.words`). All let
other threads run.
"""

from fedtrain_aggregator.kernels.portable import CHUNK

try:
    from fedtrain_aggregator.kernels.compiled import add_noise, add_rounded, add_scaled, square_sums

    COMPILED = True
except ImportError:
    from fedtrain_aggregator.kernels.portable import add_noise, add_rounded, add_scaled, square_sums

    COMPILED = False

__all__ = ["CHUNK", "COMPILED", "add_noise", "add_rounded", "add_scaled", "square_sums"]
