"""What a training run is set to; each base carries what was found to suit it."""

import msgspec

from bluey_adapters.errors import SettingsError


class Hyperparameters(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one training run, all of them, so that a run can be done again."""

    epochs: int = 5
    batch_size: int = 4
    learning_rate: float = 2e-4  # the peak; it warms up over `warmup_steps`, then decays by cosine
    warmup_steps: int = 5
    rank: int = 8
    scale: float = 2.0  # y + scale * (x A) B; PEFT's alpha is scale * rank
    dropout: float = 0.0
    num_layers: int = -1  # the last N blocks; -1 is all of them
    max_length: int = 1024  # tokens; a longer example is refused by name, never cut
    weight_decay: float = 0.0
    # The loss is that of logits divided by this: above 1, what is learned is said more surely.
    temperature: float = 1.0
    seed: int = 0

    def check(self) -> "Hyperparameters":
        """Return self. Raises SettingsError naming the value that is out of its range."""
        limits: dict[str, tuple[float, float]] = {
            "epochs": (1, 1000),
            "batch_size": (1, 256),
            "learning_rate": (1e-8, 1.0),
            "warmup_steps": (0, 100_000),
            "rank": (1, 512),
            "scale": (1e-3, 1000.0),
            "dropout": (0.0, 0.95),
            "max_length": (16, 1_000_000),
            "weight_decay": (0.0, 1.0),
            "temperature": (0.1, 10.0),
            "seed": (0, 2**63 - 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(
                    f"{name.replace('_', ' ')} is {value:g}; it must lie in {low:g} to {high:g}"
                )
        if self.num_layers == 0 or self.num_layers < -1:
            raise SettingsError(f"num layers is {self.num_layers}; use -1 for all, or 1 and more")
        return self
