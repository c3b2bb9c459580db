"""Fewer examples of a data set."""

from pathlib import Path

import pytest

from bluey_adapters.errors import SettingsError
from bluey_admin.experiment.subset import write_subset
from bluey_data.catalog import find_training_data
from bluey_data.examples import read_dataset


def _prompts(path: Path) -> list[str]:
    return [example.messages[0].content for example in read_dataset(path).examples]


def test_more_examples_hold_the_fewer(tmp_path: Path) -> None:
    few = write_subset("bluey", 10, tmp_path / "10")
    many = write_subset("bluey", 40, tmp_path / "40")
    assert len(_prompts(few)) == 10 and len(_prompts(many)) == 40
    assert set(_prompts(few)) < set(_prompts(many)) < set(_prompts(find_training_data("bluey")[0]))


def test_the_held_out_lines_go_with_them(tmp_path: Path) -> None:
    few = write_subset("bluey", 3, tmp_path)
    train, valid = find_training_data(str(few))
    assert train == few
    assert valid is not None
    assert _prompts(valid) == _prompts(find_training_data("bluey")[1] or Path())


@pytest.mark.parametrize("count", [0, -1, 112])
def test_more_than_there_are(tmp_path: Path, count: int) -> None:
    with pytest.raises(SettingsError, match=f"examples is {count}; bluey has 111"):
        write_subset("bluey", count, tmp_path)
