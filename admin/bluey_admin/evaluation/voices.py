"""The two voices of a data set: its character's, and a plain assistant's to the same prompts."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bluey_admin.failures import Failure
from bluey_data.catalog import Probe, packaged_datasets, read_probes
from bluey_data.examples import Example, read_dataset

EVERYDAY = "bluey"  # its probes are about everyday life, and fit any character


@dataclass(frozen=True)
class Voices:
    """The replies of conversation after conversation; both about the same prompts, in order."""

    character: list[list[str]]
    plain: list[list[str]]

    @property
    def replies(self) -> list[str]:
        """All that the character says."""
        return [reply for conversation in self.character for reply in conversation]

    @property
    def plain_replies(self) -> list[str]:
        """All that the plain assistant says."""
        return [reply for conversation in self.plain for reply in conversation]


def read_voices(dataset: str | Path) -> Voices:
    """Read `train.jsonl` and, beside it, `contrast.jsonl`.

    `dataset` is the name of a packaged data set, a folder, or a training file. Raises Failure when
    the contrast set is missing or answers other prompts, DataError for lines that can't be used.
    """
    train = _training_file(dataset)
    contrast = train.with_name("contrast.jsonl")
    if not contrast.is_file():
        raise Failure(
            f"there is no {contrast}: without plain answers to the prompts of {train.name}, in the "
            "same order, nothing shows what the character's voice is; write that file"
        )
    character, plain = read_dataset(train).examples, read_dataset(contrast).examples
    if len(character) != len(plain):
        raise Failure(
            f"{contrast} has {len(plain)} conversations and {train.name} has {len(character)}: "
            "it must answer the same prompts in the same order"
        )
    for ours, theirs in zip(character, plain, strict=True):
        if _asked(ours) != _asked(theirs):
            raise Failure(
                f"{contrast}: line {theirs.line} answers another prompt than line {ours.line} of "
                f"{train.name}; the prompts must be the same, in the same order"
            )
    return Voices([e.replies for e in character], [e.replies for e in plain])


def training_examples(dataset: str | Path) -> tuple[Example, ...]:
    """The character's conversations. Raises DataError."""
    return read_dataset(_training_file(dataset)).examples


def dataset_files(dataset: str | Path) -> list[Path]:
    """Everything that scores depend on, whether or not it is there."""
    train = _training_file(dataset)
    names = ("contrast.jsonl", "valid.jsonl", "probes.jsonl")
    return [train, *(train.with_name(name) for name in names)]


def held_out_files(dataset: str | Path) -> dict[str, Path]:
    """What no adapter was trained on, by whose lines they are; files that aren't there are left
    out."""
    train = _training_file(dataset)
    files = {
        "character": train.with_name("valid.jsonl"),
        "plain": train.with_name("contrast.jsonl"),
    }
    return {kind: path for kind, path in files.items() if path.is_file()}


def probes_of(dataset: str | Path) -> list[Probe]:
    """The probes that come with a data set, or else those of `bluey`.

    Raises Failure with the number of the first line that is no probe.
    """
    path = _training_file(dataset).with_name("probes.jsonl")
    if not path.is_file():
        return read_probes(EVERYDAY)
    lines = enumerate(path.read_bytes().split(b"\n"), start=1)
    probes = [_probe(path, number, line) for number, line in lines if line.strip()]
    if not probes:
        raise Failure(f"{path} holds no probes; write some, or remove it to use everyday ones")
    twice = {p.id for p in probes if sum(p.id == other.id for other in probes) > 1}
    if twice:
        raise Failure(f"{path}: more than one probe is called {min(twice)!r}; ids must differ")
    return probes


class _Row(msgspec.Struct):
    id: str
    prompt: str
    on_topic: list[str] = []


def _probe(path: Path, number: int, line: bytes) -> Probe:
    try:
        row = msgspec.json.decode(line, type=_Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(
            f'{path}: line {number} is no probe like {{"id": "sad", "prompt": "I\'m sad", '
            f'"on_topic": ["hug"]}}: {error}'
        ) from None
    return Probe(row.id, row.prompt, tuple(row.on_topic))


def _training_file(dataset: str | Path) -> Path:
    packaged = packaged_datasets().get(str(dataset))
    if packaged is not None:
        return packaged.train
    path = Path(dataset).expanduser()
    return path / "train.jsonl" if path.is_dir() else path


def _asked(example: Example) -> list[str]:
    return [turn.content for turn in example.messages if turn.role == "user"]
