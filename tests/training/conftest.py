"""A base small enough to train in a second, in a home of its own; real workers, real signals."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.home import Home
from bluey_adapters.jobs import JobEvent
from bluey_adapters.mlx_setup import prepare_mlx
from bluey_adapters.registry import Registry
from bluey_data.catalog import gemma_chat_template

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")
ANSWERS = (
    "the cat sat on the mat",
    "a dog ran to the park",
    "we like to play all day",
    "no",
    "yes",
)


def write_rows(path: Path, count: int, *, answer: str | None = None) -> Path:
    """A data file of `count` different rows."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"question number {index} please"},
                {"role": "assistant", "content": answer or ANSWERS[index % len(ANSWERS)]},
            ]
        }
        for index in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def mini_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gemma3_text base with random weights: 2 blocks, 32 wide."""
    folder = tmp_path_factory.mktemp("mini base")
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*ANSWERS, "question number please"] * 5, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    wide, inner, vocabulary = 32, 64, tokenizer.get_vocab_size()
    config = {
        "model_type": "gemma3_text",
        "vocab_size": vocabulary,
        "hidden_size": wide,
        "num_hidden_layers": 2,
        "intermediate_size": inner,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "query_pre_attn_scalar": 16,
        "sliding_window": 64,
        "sliding_window_pattern": 2,
        "max_position_embeddings": 512,
        "eos_token_id": [1, 5],
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<bos>"}))
    (folder / "chat_template.jinja").write_text(gemma_chat_template())
    lora = {"rank": 4, "scale": 4.0, "learning_rate": 0.01, "epochs": 3, "batch_size": 4}
    (folder / "bluey.json").write_text(json.dumps({"lora": lora}))
    chance = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return (chance.standard_normal(shape) * 0.1).astype(np.float32)

    weights = {"model.embed_tokens.weight": draw(vocabulary, wide), "model.norm.weight": draw(wide)}
    for block in range(2):
        at = f"model.layers.{block}."
        for name, out, into in (
            ("self_attn.q_proj", 32, wide),
            ("self_attn.k_proj", 16, wide),
            ("self_attn.v_proj", 16, wide),
            ("self_attn.o_proj", wide, 32),
            ("mlp.gate_proj", inner, wide),
            ("mlp.up_proj", inner, wide),
            ("mlp.down_proj", wide, inner),
        ):
            weights[f"{at}{name}.weight"] = draw(out, into)
        for name in ("self_attn.q_norm", "self_attn.k_norm"):
            weights[f"{at}{name}.weight"] = draw(16)
        for name in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            weights[f"{at}{name}_layernorm.weight"] = draw(wide)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept between tests, so that the BLAS is prepared once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    root = tmp_path / "a home"
    root.mkdir()
    (root / "cache").symlink_to(cache)
    monkeypatch.setenv("BLUEY_HOME", str(root))
    return Home(root)


@pytest.fixture
def registry(home: Home, mini_folder: Path) -> Iterator[Registry]:
    with Registry(home) as registry:
        registry.bases.add(Base(name="mini", source=f"path:{mini_folder}"))
        yield registry


@pytest.fixture
def mini(registry: Registry) -> OpenBase:
    base = registry.bases.identify(registry.catalog().require_base("mini"))
    return open_base(base, base.fingerprint or "")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "pet.jsonl", 24)


@pytest.fixture
def mlx(cache: Path) -> None:
    """For tests that compute in this very process."""
    if "mlx.core" not in sys.modules:
        prepare_mlx(cache)


class CommandLine:
    """`bluey-admin`, run as users run it."""

    def __init__(self, home: Home) -> None:
        self._environment = {**os.environ, "BLUEY_HOME": str(home.root)}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "bluey_admin.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def admin(home: Home) -> CommandLine:
    return CommandLine(home)


def wait_for(
    registry: Registry, job_id: str, wanted: Callable[[JobEvent], bool], seconds: float = 30.0
) -> JobEvent:
    """The first event of a job that is wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for event in registry.jobs.events(job_id):
            if wanted(event):
                return event
        time.sleep(0.02)
    raise AssertionError([event.message for event in registry.jobs.events(job_id)])


def step_reached(step: int) -> Callable[[JobEvent], bool]:
    return lambda event: event.data.get("step", 0) >= step
