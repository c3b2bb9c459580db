"""What comes with bluey: the data set `bluey` and the embedded models, found by name."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bluey_data.errors import DataError

_ROOT = Path(str(resources.files("bluey_data")))


@dataclass(frozen=True)
class PackagedDataset:
    """A data set that comes with bluey: training lines and, beside them, its companions."""

    name: str
    folder: Path

    @property
    def train(self) -> Path:
        """The examples to train on."""
        return self.folder / "train.jsonl"

    @property
    def valid(self) -> Path:
        """Examples held out of training."""
        return self.folder / "valid.jsonl"


@dataclass(frozen=True)
class Probe:
    """A prompt found in no training data, and words one of which an answer on topic would hold."""

    id: str
    prompt: str
    on_topic: tuple[str, ...]


def packaged_datasets() -> dict[str, PackagedDataset]:
    """Every data set that comes with bluey, by name."""
    folders = sorted(path.parent for path in _ROOT.glob("*/train.jsonl"))
    return {folder.name: PackagedDataset(folder.name, folder) for folder in folders}


def find_training_data(name_or_path: str) -> tuple[Path, Path | None]:
    """The training file meant by a packaged name or a path, and the validation file that goes
    with it, if it comes with one: a `valid.jsonl` beside a file called `train.jsonl`.

    Raises DataError when it is neither.
    """
    packaged = packaged_datasets().get(name_or_path)
    if packaged is not None:
        return packaged.train, packaged.valid if packaged.valid.is_file() else None
    path = Path(name_or_path).expanduser()
    if path.is_file():
        beside = path.with_name("valid.jsonl")
        return path, beside if path.name == "train.jsonl" and beside.is_file() else None
    known = ", ".join(packaged_datasets())
    raise DataError(
        f"there is no data file at {name_or_path}, and no data set of that name ({known})"
    )


def read_probes(name: str) -> list[Probe]:
    """The probes of a packaged data set."""
    lines = (packaged_datasets()[name].folder / "probes.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [Probe(row["id"], row["prompt"], tuple(row["on_topic"])) for row in rows]


def embedded_model(name: str) -> Path:
    """The folder of an embedded model, in the Hugging Face layout."""
    return _ROOT / "models" / name


def gemma_chat_template() -> str:
    """The chat template that goes with Gemma's turn format, for bases that carry none."""
    return (_ROOT / "models" / "gemma-chat-template.jinja").read_text("utf-8")
