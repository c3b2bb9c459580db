"""What is served: models and adapters with random weights, and a home that knows them.

Speed doesn't depend on what weights say, as long as nothing ends a turn early. So these models have
no end of turn of their own, and the rows of the (tied) embedding of all tokens that are not plain
words are zero: their logit is always 0, some other one is above it, greedy decoding never chooses
them. Then every answer has the length that was asked for, on every server, without a processor of
logits, and every token is text as soon as it is there.

Written without MLX: the harness must not load it beside the processes that it measures.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.large_tokenizer import large_tokenizer
from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.model_folder import fingerprint
from bluey_adapters.registry import Registry
from bluey_adapters.store import CONFIG, WEIGHTS, AdapterCard, LocalStore, write_card
from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model

RANK = 8
_SCALE = 4.0
_STRENGTH = 0.06
"""Standard deviation of an adapter's entries: enough to change what the base says."""

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Shape:
    """A Gemma 3 text model's."""

    name: str
    what: str
    vocabulary: int = 4096
    hidden: int = 256
    layers: int = 4
    intermediate: int = 512
    heads: int = 4
    kv_heads: int = 1
    head_dim: int = 64
    pattern: int = 2  # every so many layers, one that sees everything
    window: int = 512
    dtype: str = "F32"
    embedded: bool = False  # tiny-it's own weights
    spread: float = 1.0
    """Standard deviation of the logits. At 1 they are nearly alike; at 5 the 40 likeliest of
    262,144 tokens hold some 85 % of the probability, and 80 of them 90 %."""
    large_tokenizer: bool = False  # one of our own making, instead of tiny-it's

    def linears(self) -> dict[str, tuple[int, int]]:
        """(in, out) of each linear map of a layer."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "self_attn.q_proj": (self.hidden, queries),
            "self_attn.k_proj": (self.hidden, keys),
            "self_attn.v_proj": (self.hidden, keys),
            "self_attn.o_proj": (queries, self.hidden),
            "mlp.gate_proj": (self.hidden, self.intermediate),
            "mlp.up_proj": (self.hidden, self.intermediate),
            "mlp.down_proj": (self.intermediate, self.hidden),
        }

    @property
    def parameters(self) -> int:
        """All entries of all matrices."""
        layer = sum(rows * columns for rows, columns in self.linears().values())
        return self.vocabulary * self.hidden + self.layers * layer


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", "`tiny-it`, 3.3 M parameters, fp32", embedded=True),
        Shape(
            "60m",
            "random weights, 60 M parameters, fp32",
            hidden=768,
            layers=9,
            intermediate=2304,
            head_dim=128,
            pattern=3,
        ),
        Shape(
            "152k",
            "random weights, 20 M parameters, 151,936 tokens (Qwen 3's number), fp32",
            vocabulary=151_936,
            hidden=128,
            spread=5.0,
            large_tokenizer=True,
        ),
        Shape(
            "262k",
            "random weights, 34 M parameters, 262,144 tokens (Gemma 3's number), fp32",
            vocabulary=262_144,
            hidden=128,
            spread=5.0,
            large_tokenizer=True,
        ),
        Shape(
            "gemma-3-1b",
            "random weights of Gemma 3 1B's shape, bf16",
            vocabulary=262144,
            hidden=1152,
            layers=26,
            intermediate=6912,
            head_dim=256,
            pattern=6,
            dtype="BF16",
        ),
    )
}


@dataclass(frozen=True)
class Weights:
    """One model and its adapters, in a folder of files that any number of homes may share."""

    shape: Shape
    model: Path
    store: Path
    fingerprint: str
    digests: tuple[str, ...]

    @property
    def base(self) -> str:
        """The base's name in a home."""
        return f"bench-{self.shape.name}"

    def adapter(self, number: int) -> str:
        """An adapter's name in a home."""
        return f"{self.base}-adapter-{number}"

    def adapter_folder(self, number: int) -> Path:
        """An adapter's files, as mlx-lm reads them."""
        return LocalStore(self.store).path(self.digests[number])

    def adapter_bytes(self) -> int:
        """Size of one adapter's tensors on disk; they are fp32 in memory as well."""
        return (self.adapter_folder(0) / WEIGHTS).stat().st_size

    def make_home(self, root: Path, cache: Path) -> Home:
        """A home of its own that knows these weights. The files themselves are shared."""
        root.mkdir(parents=True)
        (root / "store").symlink_to(self.store)
        (root / "cache").symlink_to(cache)
        home = Home(root)
        with Registry(home) as registry:
            registry.bases.add(Base(name=self.base, source=f"path:{self.model}"))
            for number, digest in enumerate(self.digests):
                registry.adapters.publish(
                    self.adapter(number),
                    digest=digest,
                    base=self.base,
                    base_fingerprint=self.fingerprint,
                    dataset_digest=None,
                    hyperparameters={},
                    metrics={},
                    job_id=None,
                    promote=True,
                )
        return home


def make_weights(folder: Path, shape: Shape, *, adapters: int) -> Weights:
    """Write a model of `shape` and so many random adapters for it into an empty folder."""
    model = folder / "model"
    _write_model(model, shape)
    store = folder / "store"
    store.mkdir()
    mark = fingerprint(model)
    template = (model / "chat_template.jinja").read_text("utf-8")
    card = AdapterCard(base_fingerprint=mark, base=f"bench-{shape.name}", chat_template=template)
    digests = tuple(
        _publish_adapter(LocalStore(store), folder / "staging", shape, card, seed)
        for seed in range(adapters)
    )
    return Weights(shape, model, store, mark, digests)


def _write_model(folder: Path, shape: Shape) -> None:
    source = embedded_model("tiny-it")
    folder.mkdir(parents=True)
    for name in _TOKENIZER:
        shutil.copyfile(source / name, folder / name)
    if shape.large_tokenizer:
        large_tokenizer(shape.vocabulary).save(str(folder / "tokenizer.json"))
    _drop_key(folder / "tokenizer_config.json", "eos_token")
    config = json.loads((source / "config.json").read_text("utf-8"))
    config.update(config_of(shape), eos_token_id=[])
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if shape.embedded:
        shutil.copyfile(source / "model.safetensors", folder / "model.safetensors")
    else:
        tensors = model_tensors(shape, _words(folder))
        write_safetensors(folder / "model.safetensors", shape.dtype, tensors)


def _drop_key(path: Path, key: str) -> None:
    content = json.loads(path.read_text("utf-8"))
    content.pop(key, None)
    path.write_text(json.dumps(content), "utf-8")


def config_of(shape: Shape) -> dict[str, Any]:
    """What a config.json says of a shape, beside what all Gemma 3 text models share."""
    return {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "intermediate_size": shape.intermediate,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "query_pre_attn_scalar": shape.head_dim,
        "sliding_window": shape.window,
        "sliding_window_pattern": shape.pattern,
        "torch_dtype": "bfloat16" if shape.dtype == "BF16" else "float32",
    }


def model_tensors(
    shape: Shape, spoken: Iterable[int] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Random weights by name, float32. Where `spoken` is given, only its tokens have rows of the
    embedding that aren't zero."""
    rng = np.random.default_rng(0)

    def normal(*size: int, deviation: float) -> np.ndarray:
        return rng.standard_normal(size, dtype=np.float32) * np.float32(deviation)

    embedding = normal(shape.vocabulary, shape.hidden, deviation=shape.hidden**-0.5)
    if spoken is not None:
        silent = np.ones(shape.vocabulary, bool)
        silent[list(spoken)] = False
        embedding[silent] = 0
    yield "model.embed_tokens.weight", embedding
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}"
        for name, (inputs, outputs) in shape.linears().items():
            yield f"{prefix}.{name}.weight", normal(outputs, inputs, deviation=inputs**-0.5)
        for name, size in _norms(shape):
            yield f"{prefix}.{name}.weight", np.zeros(size, np.float32)
    # What is added to 1 there multiplies the logits; those of 1 would be spread by 1.
    yield "model.norm.weight", np.full(shape.hidden, shape.spread - 1, np.float32)


def _norms(shape: Shape) -> list[tuple[str, int]]:
    around = ("input", "post_attention", "pre_feedforward", "post_feedforward")
    return [
        ("self_attn.q_norm", shape.head_dim),
        ("self_attn.k_norm", shape.head_dim),
        *((f"{name}_layernorm", shape.hidden) for name in around),
    ]


def _words(folder: Path) -> Iterator[int]:
    """Ids whose text is letters only."""
    vocabulary = Tokenizer.load(folder).vocabulary()
    for token in range(vocabulary.size):
        text = vocabulary.text_of(token).strip()
        if text.isalpha():
            yield token


def _publish_adapter(
    store: LocalStore, staging: Path, shape: Shape, card: AdapterCard, seed: int
) -> str:
    rng = np.random.default_rng(seed)
    staging.mkdir()
    write_safetensors(staging / WEIGHTS, "F32", _adapter_tensors(shape, rng))
    parameters = {"rank": RANK, "scale": _SCALE, "dropout": 0.0}
    config = {"fine_tune_type": "lora", "num_layers": -1, "lora_parameters": parameters}
    (staging / CONFIG).write_text(json.dumps(config), "utf-8")
    write_card(staging, card)
    digest = store.publish(staging)
    shutil.rmtree(staging)
    return digest


def _adapter_tensors(shape: Shape, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    for layer in range(shape.layers):
        for name, (inputs, outputs) in shape.linears().items():
            where = f"model.layers.{layer}.{name}"
            for part, size in (("lora_a", (inputs, RANK)), ("lora_b", (RANK, outputs))):
                entries = rng.standard_normal(size, dtype=np.float32) * np.float32(_STRENGTH)
                yield f"{where}.{part}", entries


def write_safetensors(path: Path, dtype: str, tensors: Iterator[tuple[str, np.ndarray]]) -> None:
    """Write fp32 arrays as F32 or, cut down to their upper half, as BF16 (a type that numpy
    lacks). The format: a length of 8 bytes, a JSON header, the entries.
    Source: https://github.com/huggingface/safetensors#format"""
    header: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    body = path.with_suffix(".body")
    offset = 0
    with body.open("wb") as out:
        for name, tensor in tensors:
            raw = tensor.astype("<f4", copy=False)
            data = (raw.view("<u4") >> 16).astype("<u2") if dtype == "BF16" else raw
            out.write(data.tobytes())
            end = offset + data.nbytes
            header[name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end]}
            offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out, body.open("rb") as entries:
        out.write(len(text).to_bytes(8, "little") + text)
        shutil.copyfileobj(entries, out)
    body.unlink()
