"""What a comparison is to ask, fixed before the first question, and the folder it fills."""

import hashlib
import re
import time
from pathlib import Path

import msgspec

from bluey_adapters.files import write_atomically
from bluey_admin.evaluation.asking import Sampling
from bluey_admin.evaluation.contestants import Contestant

_FILE = "plan.json"


class JudgePlan(msgspec.Struct, frozen=True):
    """Who judges, and where."""

    model: str
    url: str | None  # ending in /v1; None is this home's server


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the answers depend on: the same plan would be told the same."""

    dataset: str
    dataset_digest: str  # of what is scored against, sha256
    seeds: list[int]
    sampling: Sampling
    contestants: list[Contestant]
    judge: JudgePlan | None = None

    @property
    def title(self) -> str:
        """`it, pt and bluey-it`."""
        names = [contestant.name for contestant in self.contestants]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def open_folder(
    reports: Path, plan: msgspec.Struct, title: str, *, fresh: bool = False
) -> tuple[Path, bool]:
    """The newest folder of this very plan, and True; or a new one, and False.

    `fresh` asks for a new one.
    """
    content = msgspec.json.encode(plan)
    if not fresh:
        for folder in sorted(reports.glob("*/"), reverse=True):
            if (folder / _FILE).is_file() and (folder / _FILE).read_bytes() == content:
                return folder, True
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-._")[:48]
    digest = hashlib.sha256(content).hexdigest()[:6]
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    names = (f"{stamp}-{slug}-{digest}{twin}" for twin in ("", *(f"-{n}" for n in range(2, 99))))
    folder = next(reports / name for name in names if not (reports / name).exists())
    folder.mkdir(parents=True)
    write_atomically(folder / _FILE, content)
    return folder, False


def digest_of(*files: Path) -> str:
    """sha256 over files that may be missing, hex."""
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes() if file.is_file() else b""
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()
