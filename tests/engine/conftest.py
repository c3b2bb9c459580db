"""Adapters with random weights on the embedded base: what is served need not make sense here."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bluey_adapters.home import Home
from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.model_folder import fingerprint
from bluey_adapters.store import AdapterCard, LocalStore, write_card
from bluey_data.catalog import embedded_model
from tests.engine.alone import Alone
from tests.engine.real import RealBench


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
    folder: Path,
    base: Path,
    *,
    seed: int,
    rank: int,
    layers: int,
    keys: tuple[str, ...] = (),
    fingerprint: str = "none",
) -> Path:
    """Write a random adapter, as mlx-lm lays it out, with our card beside it; `keys` are the
    Linear layers that it changes, all if none are named.

    Strong enough to change what the base says, too weak to drown the prompt.
    """
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.tuner.utils import linear_to_lora_layers
    from mlx_lm.utils import load_model

    parameters: dict[str, Any] = {"rank": rank, "scale": 4.0, "dropout": 0.0}
    if keys:
        parameters["keys"] = list(keys)
    model, _ = load_model(base)
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


_FIVE: tuple[dict[str, Any], ...] = (
    {"rank": 4, "layers": -1},
    {"rank": 8, "layers": 2},
    {"rank": 16, "layers": -1, "keys": ("self_attn.q_proj", "self_attn.v_proj")},
    {"rank": 2, "layers": 1},
    {"rank": 6, "layers": -1, "keys": ("mlp.down_proj",)},
)
"""Of different rank, on different layers: what one leaves in a slot, the next must not inherit."""


@pytest.fixture(scope="session")
def five(
    blas: None,  # noqa: ARG001 - MLX is imported below
    base: Path,
    base_fingerprint: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """Folders of five adapters, by what stands for their digests."""
    return make_five(tmp_path_factory.mktemp("five"), base, base_fingerprint)


def make_five(root: Path, base: Path, base_fingerprint: str) -> dict[str, Path]:
    """Write five adapters on a base into folders below `root`."""
    return {
        f"adapter-{seed}": make_adapter(
            root / f"adapter-{seed}", base, seed=seed, fingerprint=base_fingerprint, **shape
        )
        for seed, shape in enumerate(_FIVE, start=1)
    }


@pytest.fixture(scope="session")
def alone(blas: None, base: Path) -> Alone:  # noqa: ARG001 - MLX is imported by it
    """What a request to the embedded base, or to an adapter on it, gives alone."""
    return Alone(base)


@pytest.fixture
def bench(base: Path, five: dict[str, Path]) -> Iterator[Callable[..., RealBench]]:
    """Makes engines on real MLX, with the five adapters in reach; what is over is closed."""
    made: list[RealBench] = []

    def make(**options: Any) -> RealBench:
        made.append(RealBench(base, five, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
