"""The learning rate at each step."""

import math

from bluey_adapters.hyperparameters import Hyperparameters


def learning_rate(step: int, total_steps: int, settings: Hyperparameters) -> float:
    """The rate of step `step`, counted from 1: rising in a line to the peak over the warm-up,
    then falling along half a cosine, which would reach 0 one step after the last."""
    warmup = min(settings.warmup_steps, total_steps - 1)
    if step <= warmup:
        return settings.learning_rate * step / (warmup + 1)
    done = (step - 1 - warmup) / (total_steps - warmup)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
