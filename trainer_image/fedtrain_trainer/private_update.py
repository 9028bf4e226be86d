"""What a participant does to its update before it leaves: clip, then add its share of the noise.

The noise is drawn from the participant's secret key, the plan, the size of the share and the clipped update itself. The
same update thus has the same noise in every attempt, and another update has independent noise: a retried attempt never
gives the hub two draws over one update, which it could average, nor one draw over two updates, which it could subtract.
A share of another size has independent noise, too: the hub could solve two multiples of one draw for the update.
"""

from collections.abc import Mapping
from math import fsum, isfinite, sqrt
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray

from fedtrain.contracts.tasks import NoiseShare, Task, Train
from fedtrain.privacy.clipping import clip_factor, stated_norm
from fedtrain.privacy.gaussian_noise import SEED_BYTES, NoiseStream, granularity, std_in_steps
from fedtrain.privacy.noise_shares import share_multiplier
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.secret_files import secret_in

Update = Mapping[str, torch.Tensor]
_BELOW = 1 - 2.0**-20
"""Keeps the norm of a clipped update below the bound when its values are rounded to float32."""
_BLOCK = 2**20
"""Noise samples drawn at a time; even."""


def private_update(
    task: Task, work: Train, update: Update, noise_key: str | None
) -> tuple[dict[str, torch.Tensor], float | None]:
    """Return the update as it leaves, and the record's `within_bound`. `noise_key`: file with the participant's key.
    Raises Refused."""
    if work.clipping is None:
        return dict(update), None
    bound, names = work.clipping.bound, sorted(update)
    values = np.concatenate([update[name].detach().cpu().numpy().ravel() for name in names]).astype(np.float64)
    norm = float(np.linalg.norm(values))
    within = norm <= bound * _BELOW
    if not within:
        values *= clip_factor(norm, bound * _BELOW)
    indicator = float(within)
    if work.noise is not None:
        stream = _seed(task, work, values, indicator, noise_key)
        indicator = _with_noise(work.noise, bound, values, indicator, stream)
    return _tensors(update, names, values), indicator if work.clipping.reports_within else None


def stated(update: Update) -> float | None:
    """Return the norm that the record of an update as it leaves states; None if it has none, because a value is not
    finite."""
    sent = (tensor.detach().to("cpu", torch.float32).numpy() for tensor in update.values())
    squares = (float(np.sum(np.square(values, dtype=np.float64))) for values in sent)
    norm = sqrt(fsum(squares))
    return stated_norm(norm) if isfinite(norm) else None


def _with_noise(noise: NoiseShare, bound: float, values: NDArray[np.float64], indicator: float, seed: bytes) -> float:
    """Add the share of noise to `values` in place; return the indicator with its share. Values and noise are whole
    steps of a granularity (`fedtrain.privacy.gaussian_noise`) before they are rounded to float32."""
    share = share_multiplier(noise.multiplier, noise.updates)
    step, std = granularity(share, bound), std_in_steps(share, bound, len(values))
    stream = NoiseStream(seed, "updates")
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        block /= step
        np.rint(block, out=block)
        samples = stream.samples(start, len(block))
        samples *= std
        np.rint(samples, out=samples)
        block += samples
        block *= step
    if noise.indicator_noise is None:
        return indicator
    own = share_multiplier(noise.indicator_noise, noise.updates)
    return indicator + NoiseStream(seed, "indicators").on_count(own)


def _seed(task: Task, work: Train, values: NDArray[np.float64], indicator: float, noise_key: str | None) -> bytes:
    """The seed of the noise on this update. Raises Refused without a key."""
    assert work.noise is not None
    if work.noise.testing_seed is not None:
        secret = f"testing-seed/{work.noise.testing_seed}".encode()
    elif noise_key is None:
        raise Refused("the task asks for a share of noise, but this participant has no noise key; update fedtrain here")
    else:
        secret = secret_in(Path(noise_key), "noise key")
    assert work.clipping is not None
    size = f"{work.clipping.bound!r}/{work.noise.multiplier!r}/{work.noise.updates}/{work.noise.indicator_noise!r}"
    about = f"{task.run_id}/{work.plan}/{task.participant}/{indicator}/{size}/"
    keyed = blake3(about.encode(), key=blake3(secret).digest())
    return keyed.update(values.tobytes()).digest(SEED_BYTES)


def _tensors(update: Update, names: list[str], values: NDArray[np.float64]) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    start = 0
    for name in names:
        shape, count = update[name].shape, update[name].numel()
        found[name] = torch.from_numpy(values[start : start + count].astype(np.float32)).reshape(shape)
        start += count
    return found
