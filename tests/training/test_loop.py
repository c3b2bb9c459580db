"""The arithmetic, in this process: against mlx-lm's own model code, and its two ways against each
other."""

import math
from pathlib import Path

import msgspec
import pytest

from bluey_adapters.bases import OpenBase
from bluey_adapters.hyperparameters import Hyperparameters
from bluey_admin.training.material import Material, read_material

SETTINGS = Hyperparameters(epochs=2, rank=4, scale=4.0, learning_rate=0.01, dropout=0.1)

pytestmark = pytest.mark.usefixtures("mlx")


@pytest.fixture
def material(mini: OpenBase, data: Path) -> Material:
    return read_material(mini, str(data), SETTINGS)


def test_lanes_and_batches_agree(mini: OpenBase, material: Material) -> None:
    import mlx.core as mx
    import mlx.optimizers as optim
    import numpy as np

    from bluey_admin.training.compute import Batched
    from bluey_admin.training.lanes import Lanes
    from bluey_admin.training.model import LoraModel, load_base

    mx.disable_compile()  # a matter of speed on accelerators; here it would run g++ for 20 s
    results = []
    settings = Hyperparameters(rank=4, seed=3)
    for kind in (Lanes, Batched):
        model = LoraModel(load_base(mini), settings)
        optimizer = optim.AdamW(learning_rate=0.01)
        optimizer.init(model.module.trainable_parameters())
        compute = kind(model.module, optimizer, temperature=1.5)
        before = [compute.update(material.train[start : start + 4], 1) for start in (0, 4, 8)]
        after = compute.losses(material.valid)
        compute.close()
        results.append([*before, *after])
    mx.enable_compile()
    np.testing.assert_allclose(results[0], results[1], rtol=2e-5)


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_the_loss_is_that_of_mlx_lms_model(
    mini: OpenBase, material: Material, temperature: float
) -> None:
    import mlx.core as mx
    import numpy as np
    from mlx_lm.utils import load_model

    from bluey_admin.training.loop import Trainer
    from bluey_admin.training.model import LoraModel, load_base

    settings = msgspec.structs.replace(SETTINGS, temperature=temperature)
    with Trainer(LoraModel(load_base(mini), settings), settings, material.train) as trainer:
        measured = trainer.measure(material.valid)
    plain = load_model(mini.facts.folder)[0]
    for example, loss in zip(material.valid, measured.rows, strict=True):
        logits = np.asarray(plain(mx.array([example.ids]))[0], dtype=np.float64) / temperature
        chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        costs = [-chances[i - 1, example.ids[i]] for i in range(1, len(example.ids))]
        learned = [cost for cost, yes in zip(costs, example.learned[1:], strict=True) if yes]
        assert loss == pytest.approx(sum(learned) / len(learned), rel=1e-4)


def test_the_same_seed_gives_the_same_bits_dropout_on(mini: OpenBase, material: Material) -> None:
    first, second, other = (losses(mini, material, seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def losses(mini: OpenBase, material: Material, seed: int) -> list[float]:
    import msgspec

    from bluey_admin.training.loop import Trainer
    from bluey_admin.training.model import LoraModel, load_base

    settings = msgspec.structs.replace(SETTINGS, seed=seed)
    with Trainer(LoraModel(load_base(mini), settings), settings, material.train) as trainer:
        return [step.train_loss for step in trainer.run()]


def test_training_lowers_the_loss(mini: OpenBase, material: Material) -> None:
    curve = losses(mini, material, 0)
    assert sum(curve[-4:]) < 0.9 * sum(curve[:4])


def test_nan_stops_the_run_and_names_the_step(mini: OpenBase, material: Material) -> None:
    import mlx.core as mx

    from bluey_admin.training.loop import Trainer
    from bluey_admin.training.model import LoraModel, load_base
    from bluey_admin.training.watch import TrainingError

    with Trainer(LoraModel(load_base(mini), SETTINGS), SETTINGS, material.train) as trainer:
        block = trainer.model.module.layers[1].mlp.down_proj
        with pytest.raises(TrainingError, match="stopped at step 3: the loss is nan"):
            for step in trainer.run():
                if step.step == 2:
                    block.lora_b = block.lora_b * mx.array(math.nan)
