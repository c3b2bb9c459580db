"""`bluey-admin doctor`."""

import json
from pathlib import Path

import pytest

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from tests.cli.conftest import Admin

NAMES = ["platform", "python", "bluey", "home", "disk", "settings", "database", "mlx"]
NAMES += ["device", "blas", "mx.compile", "memory", "tiny-it", "tiny-pt", "server"]


def _verdicts(stdout: str) -> dict[str, str]:
    return {finding["name"]: finding["verdict"] for finding in json.loads(stdout)}


def test_a_well_machine(admin: Admin) -> None:
    result = admin("doctor", "--json")
    assert result.exit_code == 0
    findings = json.loads(result.stdout)
    assert [finding["name"] for finding in findings] == NAMES
    assert "fail" not in {finding["verdict"] for finding in findings}
    assert all(finding["cure"] for finding in findings if finding["verdict"] == "warn")


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the seconds of trying MLX where it isn't the matter."""
    monkeypatch.setattr("bluey_admin.checkup._mlx", lambda _: iter(()))


@pytest.mark.usefixtures("no_probe")
def test_what_is_wrong_is_named_with_its_cure(admin: Admin, home: Home) -> None:
    Registry(home).close()
    home.registry.write_bytes(b"not a database" * 100)
    home.config.write_text("prot = 1")
    result = admin("doctor")
    assert result.exit_code == 1
    assert result.stderr == "error: not fit to serve and train: settings, database\n"
    assert "unknown key 'prot'" in result.stdout
    assert f"move {home.registry} away" in result.stdout


@pytest.mark.usefixtures("no_probe")
def test_a_home_that_cannot_be_written(
    admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BLUEY_HOME", str(tmp_path / "file" / "home"))
    result = admin("doctor", "--json")
    assert result.exit_code == 1
    assert _verdicts(result.stdout)["home"] == "fail"


@pytest.mark.usefixtures("no_probe")
@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [("Darwin", "x86_64", "Intel Macs are not supported"), ("Windows", "AMD64", "not supported")],
)
def test_platforms_that_cannot_be(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, words: str
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    result = admin("doctor")
    assert result.exit_code == 1
    assert words in result.stdout
    assert "platform" in result.stderr


def test_a_probe_that_dies_is_a_finding(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    result = admin("doctor", "--json")
    assert _verdicts(result.stdout)["mlx"] == "fail"
