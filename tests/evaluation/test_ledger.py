"""What is written down stays, whatever happens to the process."""

from pathlib import Path

import msgspec

from bluey_admin.evaluation.asking import Sampling
from bluey_admin.evaluation.contestants import Contestant
from bluey_admin.evaluation.ledger import Ledger
from bluey_admin.evaluation.plan import Plan, open_folder


class Note(msgspec.Struct, frozen=True):
    """An entry."""

    text: str


def test_entries_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "notes.jsonl"
    for text in ("one", "two\nlines", "drei ß"):
        with Ledger(path, Note) as ledger:
            ledger.add(Note(text))
    with Ledger(path, Note) as ledger:
        assert [note.text for note in ledger.entries] == ["one", "two\nlines", "drei ß"]


def test_a_line_cut_short_by_a_kill_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b'{"text":"whole"}\n{"text":"ha')
    with Ledger(path, Note) as ledger:
        assert ledger.entries == [Note("whole")]
        ledger.add(Note("next"))
    assert path.read_bytes() == b'{"text":"whole"}\n{"text":"next"}\n'


def _plan(temperature: float) -> Plan:
    return Plan(
        dataset="bluey",
        dataset_digest="d",
        seeds=[1],
        sampling=Sampling(temperature=temperature),
        contestants=[Contestant(name="it / pt", models=["it"])],
    )


def test_the_same_plan_finds_its_folder(tmp_path: Path) -> None:
    first, known = open_folder(tmp_path, _plan(0.5), "it / pt")
    assert not known and first.name.endswith(tuple("0123456789abcdef"))
    assert open_folder(tmp_path, _plan(0.5), "it / pt") == (first, True)
    assert open_folder(tmp_path, _plan(0.6), "it / pt")[1] is False
    other, known = open_folder(tmp_path, _plan(0.5), "it / pt", fresh=True)
    assert not known and other != first
