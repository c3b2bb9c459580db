"""Everything that can be wrong is said before there is a job."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bluey_adapters.bases import Base
from bluey_adapters.registry import Registry
from bluey_admin.training.prepare import default_name, prepare_job
from bluey_data.errors import BlueyError
from tests.training.conftest import CommandLine, write_rows

FIVE_KINDS = """{"prompt": "a sound line", "completion": "yes"}
{"messages": [
{"text": "none of the keys"}
{"messages": [{"role": "user", "content": "no answer"}]}
{"prompt": "an empty answer", "completion": " "}
{"messages": [{"role": "narrator", "content": "who?"}]}
"""


def test_what_is_not_said_comes_from_the_base(registry: Registry, data: Path) -> None:
    request = prepare_job(registry, "mini", str(data), epochs=None, rank=2)
    assert (request.base, request.adapter, request.data) == ("mini", "pet-mini", str(data))
    assert (request.hyperparameters.epochs, request.hyperparameters.rank) == (3, 2)
    assert request.promote == "if-better"


@pytest.mark.parametrize(
    ("examples", "settings", "epochs"),
    [
        (24, {}, 3),  # 6 steps an epoch: 18, and 16 are enough
        (20, {}, 4),  # 5 steps an epoch, or 15 in three
        (8, {}, 6),  # twice what is recommended, and no more
        (24, {"batch_size": 8}, 6),
        (8, {"epochs": 2}, 2),
    ],
)
def test_few_examples_are_gone_through_oftener(
    registry: Registry,
    mini_folder: Path,
    tmp_path: Path,
    examples: int,
    settings: dict[str, Any],
    epochs: int,
) -> None:
    folder = tmp_path / "eager"
    shutil.copytree(mini_folder, folder)
    ours = json.loads((folder / "bluey.json").read_text("utf-8"))
    (folder / "bluey.json").write_text(json.dumps({**ours, "min_steps": 16}))
    registry.bases.add(Base(name="eager", source=f"path:{folder}"))
    data = write_rows(tmp_path / "train.jsonl", examples)
    write_rows(tmp_path / "valid.jsonl", 2)
    request = prepare_job(registry, "eager", str(data), **settings)
    assert request.hyperparameters.epochs == epochs


def test_a_senseless_recommendation_names_its_file(
    registry: Registry, mini_folder: Path, tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(mini_folder, folder)
    (folder / "bluey.json").write_text(json.dumps({"min_steps": "many"}))
    registry.bases.add(Base(name="odd", source=f"path:{folder}"))
    with pytest.raises(BlueyError, match=r"odd/bluey\.json: Expected `int`, got `str`"):
        prepare_job(registry, "odd", str(data))


@pytest.mark.parametrize(
    ("data", "base", "name"),
    [
        ("bluey", "it", "bluey-it"),
        ("bluey", "gemma-3-1b-it", "bluey-gemma-3-1b-it"),
        ("/some where/my pirate (2).jsonl", "pt", "my-pirate-2-pt"),
        ("ünï.jsonl", "it", "n-it"),
        ("犬.jsonl", "it", "adapter-it"),
    ],
)
def test_the_name_comes_from_data_and_base(data: str, base: str, name: str) -> None:
    assert default_name(data, base) == name


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"base": "nobody"}, "there is no base called nobody; there are it, pt"),
        ({"base": "gemma-3-1b-it"}, "not on this machine yet; `bluey-admin bases pull"),
        ({"base": "gone"}, "there is no model folder at"),
        ({"base": "mute"}, "has no chat template"),
        ({"data": "/nowhere/at/all.jsonl"}, "there is no data file at /nowhere/at/all.jsonl"),
        ({"name": "it"}, "it is the name of a base"),
        ({"name": "two words"}, "can't name an adapter"),
        ({"rank": 0}, "rank is 0; it must lie in 1 to 512"),
        ({"learning_rate": 5.0}, "learning rate is 5"),
        ({"learning_rate": float("nan")}, "learning rate is nan"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 1000}, "batch size is 1000"),
        ({"seed": -1}, "seed is -1"),
        ({"promote": "perhaps"}, "promote is 'perhaps'"),
    ],
)
def test_each_thing_wrong_has_its_words(
    registry: Registry,
    mini_folder: Path,
    tmp_path: Path,
    data: Path,
    settings: dict[str, Any],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "an empty hub"))
    mute = tmp_path / "mute"
    mute.mkdir()
    for file in mini_folder.iterdir():
        if file.name != "chat_template.jinja":
            (mute / file.name).symlink_to(file)
    registry.bases.add(Base(name="mute", source=f"path:{mute}"))
    registry.bases.add(Base(name="gone", source=f"path:{tmp_path / 'gone'}"))
    with pytest.raises(BlueyError) as failure:
        prepare_job(registry, **{"base": "mini", "data": str(data), **settings})
    assert reason in str(failure.value)
    assert "\n" not in str(failure.value)


def test_bad_lines_are_all_named_and_nothing_is_changed(
    registry: Registry, admin: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(FIVE_KINDS)
    done = admin.run("train", "mini", "--data", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    for number in (2, 3, 4, 5, 6):
        assert f"line {number}: " in done.stderr
    assert "line 1:" not in done.stderr and "Traceback" not in done.stderr
    assert registry.jobs.all() == []


def test_overlong_lines_are_named(registry: Registry, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "long.jsonl", 3, answer="the cat sat " * 400)
    with pytest.raises(BlueyError) as failure:
        prepare_job(registry, "mini", str(path))
    for number in (1, 2, 3):
        assert re.search(rf"line {number}: \d+ tokens long; 512 is the most", str(failure.value))
