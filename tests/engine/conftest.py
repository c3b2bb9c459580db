"""Adapters with random weights on the embedded base: what is served need not make sense here."""

import json
from pathlib import Path

import pytest

from bluey_adapters.home import Home
from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.model_folder import fingerprint
from bluey_adapters.store import AdapterCard, LocalStore, write_card
from bluey_data.catalog import embedded_model


@pytest.fixture(scope="session")
def blas(tmp_path_factory: pytest.TempPathFactory) -> None:
    """MLX may be imported by whoever asked for this."""
    import sys

    if "mlx.core" not in sys.modules:
        prepare_mlx(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def base() -> Path:
    """The embedded base's folder."""
    return embedded_model("tiny-it")


@pytest.fixture(scope="session")
def base_fingerprint(base: Path) -> str:
    """What the base's files hash to."""
    return fingerprint(base)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home, with a space in its path."""
    return Home(tmp_path / "a home").make()


def make_adapter(
    folder: Path, base: Path, *, seed: int, rank: int, layers: int, fingerprint: str = "none"
) -> Path:
    """Write a random adapter, as mlx-lm lays it out, with our card beside it.

    Strong enough to change what the base says, too weak to drown the prompt.
    """
    import mlx.core as mx
    import mlx_lm
    from mlx.utils import tree_flatten
    from mlx_lm.tuner.utils import linear_to_lora_layers

    parameters = {"rank": rank, "scale": 4.0, "dropout": 0.0}
    model, _ = mlx_lm.load(str(base))
    model.freeze()
    linear_to_lora_layers(model, layers, parameters)
    mx.random.seed(seed)
    tensors = {
        name: mx.random.normal(tensor.shape) * 0.06
        for name, tensor in tree_flatten(model.trainable_parameters())
    }
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "adapters.safetensors"), tensors)
    config = {"fine_tune_type": "lora", "num_layers": layers, "lora_parameters": parameters}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    write_card(folder, AdapterCard(base_fingerprint=fingerprint, base="tiny-it", chat_template=""))
    return folder


@pytest.fixture
def adapters(
    blas: None,  # noqa: ARG001 - MLX is imported below
    base: Path,
    base_fingerprint: str,
    tmp_path: Path,
) -> list[Path]:
    """Three adapters of different rank and reach."""
    shapes = [(1, 4, -1), (2, 8, 2), (3, 16, -1)]
    return [
        make_adapter(
            tmp_path / f"adapter-{seed}",
            base,
            seed=seed,
            rank=rank,
            layers=layers,
            fingerprint=base_fingerprint,
        )
        for seed, rank, layers in shapes
    ]


@pytest.fixture
def stored(home: Home, adapters: list[Path]) -> list[str]:
    """The same three, published in the home's store; their digests."""
    store = LocalStore(home.store)
    return [store.publish(folder) for folder in adapters]
