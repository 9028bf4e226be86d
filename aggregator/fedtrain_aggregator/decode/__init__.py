"""The decode stage, one file per codec."""

from fedtrain_aggregator.decode.base import Codec
from fedtrain_aggregator.decode.float32 import Float32

__all__ = ["Codec", "Float32"]
