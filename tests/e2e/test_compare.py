"""`compare` and `experiment` on the real pair: asked, scored, reported; stopped and resumed."""

import json
import signal
from pathlib import Path

import pytest

from bluey_adapters.home import Home
from bluey_data.catalog import packaged_datasets
from tests.e2e.running import PATIENCE, Bluey, eventually

LINES = 12
PROBES = 6
SCORES = {"character", "on_topic", "words", "cut_short", "by_heart", "variety"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small data set like `bluey`, in a folder with a space in its name."""
    folder = tmp_path / "small set"
    folder.mkdir()
    source = packaged_datasets()["bluey"].folder
    for name, count in (("train", LINES), ("contrast", LINES), ("valid", 4), ("probes", PROBES)):
        lines = (source / f"{name}.jsonl").read_text("utf-8").splitlines()[:count]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def _asked(home: Home) -> int:
    return sum(
        len(path.read_text("utf-8").splitlines()) for path in home.reports.glob("*/answers-*.jsonl")
    )


def test_compare_prints_json_and_keeps_a_page(bluey: Bluey, data: Path) -> None:
    command = ("compare", "it", "pt", "--data", str(data), "--seeds", "2", "--json")
    done = bluey.admin(*command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["probes"] == PROBES and list(found["models"]) == ["it", "pt"]
    for model in found["models"].values():
        assert set(model) >= SCORES
        for score in SCORES:
            assert set(model[score]) == {"value", "low", "high"}
            assert model[score]["low"] <= model[score]["value"] <= model[score]["high"]
        assert model["perplexity"]["character"]["value"] > 1
    [report] = bluey.admin_page("/admin/reports").json()
    page = bluey.admin_page(report["url"]).text
    assert "<svg" in page and "pt" in page
    # The same again asks nothing again; another endpoint's models are asked over there.
    answers = _asked(bluey.home)
    assert bluey.admin(*command).returncode == 0
    assert _asked(bluey.home) == answers == 2 * 2 * PROBES
    there = bluey.admin(
        *("compare", "pt", "--at", f"{bluey.url}/v1=it", "--data", str(data), "--seeds", "1")
    )
    assert there.returncode == 0, there.stderr
    assert "it" in there.stdout and "report" in there.stdout + there.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_experiment_stopped_goes_on_where_it_was(
    bluey: Bluey, data: Path, how: signal.Signals
) -> None:
    train = str(data / "train.jsonl")
    command = ("experiment", "--data", train, "--epochs", "2", "--seeds", "2", "--json")
    reports = bluey.home.reports

    def trained() -> list[dict[str, object]]:
        found = bluey.admin("adapters", "list", "--json")
        return list(json.loads(found.stdout))

    # Stopped in the second training, then while it asks, then left alone.
    with bluey.start_admin(*command) as running:
        eventually(lambda: len(_started(reports)) == 2, "second training")
        running.send_signal(how)
        running.wait(PATIENCE)
    assert running.returncode == (130 if how is signal.SIGINT else -how)
    assert len(trained()) == 1
    with bluey.start_admin(*command) as running:
        eventually(lambda: _asked(bluey.home) >= 3, "answers")
        running.send_signal(how)
        running.wait(PATIENCE)
    versions, answers = trained(), _asked(bluey.home)
    assert len(versions) == 2 and answers >= 3
    done = bluey.admin(*command)
    assert done.returncode == 0, done.stderr
    assert trained() == versions
    assert len(_started(reports)) in (2, 3)  # the one that was killed was begun again
    assert _asked(bluey.home) == 4 * 2 * PROBES  # none twice
    found = json.loads(done.stdout)
    assert list(found["models"]) == ["pt", "it", "train-pt", "train-it"]
    [trainings] = [m["trainings"] for name, m in found["models"].items() if name == "train-it"]
    assert trainings[0]["seconds"] > 0 and trainings[0]["curve"]["train"]
    [folder] = reports.glob("*/")
    assert (folder / "report.html").is_file()


def _started(reports: Path) -> list[str]:
    return [
        line for path in reports.glob("*/trainings.jsonl") for line in path.read_text().splitlines()
    ]
