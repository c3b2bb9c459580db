"""Where the device is the CPU, its memory is the host's: NumPy reads MLX's arrays as they lie."""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt


def on_host() -> bool:
    """Whether the device is the CPU."""
    return mx.default_device().type == mx.DeviceType.cpu


def in_float32(logits: mx.array) -> mx.array:
    """The same, for NumPy, which has no bfloat16."""
    return logits if logits.dtype == mx.float32 else logits.astype(mx.float32)


def as_numpy(array: mx.array) -> npt.NDArray[Any]:
    """An array without a copy, once it is computed. Not to be written to."""
    return np.array(array, copy=False)
