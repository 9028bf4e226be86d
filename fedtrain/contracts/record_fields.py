"""Types of the fields of records, with the bounds of what is read."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

MAX_SAMPLES = 20_000_000
"""Training or validation samples of one participant: bounds the memory that planning a round needs, 28 bytes
for each."""
MAX_COUNT = 2**53
"""Bytes, steps or tokens of one attempt: every float64 below is an exact integer."""
MAX_METRICS = 64
MAX_TEXT = 2000
"""Characters of a prompt or an answer that is kept to be shown."""

Digest = Annotated[str, Field(pattern=r"^blake3:[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Samples = Annotated[int, Field(ge=0, le=MAX_SAMPLES)]
Counted = Annotated[int, Field(ge=0, le=MAX_COUNT)]
DatasetName = Annotated[str, Field(max_length=40)]
Multiplier = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A noise multiplier."""
Norm = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""An L2 norm."""
Metrics = Annotated[Mapping[Annotated[str, Field(max_length=64)], Finite], Field(max_length=MAX_METRICS)]
UpdateFile = Annotated[str, Field(pattern=r"^[0-9A-Za-z][-0-9A-Za-z._]{0,199}$")]
"""A plain file name: no path, no leading dot."""
