"""`bluey-admin` on an empty home in a folder with a space in its name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_admin.cli import cli
from tests.adapters.conftest import adapter_folder

Admin = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "a home")
    for name in ("BLUEY_HOST", "BLUEY_PORT", "BLUEY_API_KEY", "BLUEY_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEY_HOME", str(home.root))
    # The user's own hub cache must not decide what these tests find.
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return home


@pytest.fixture
def admin(home: Home) -> Admin:
    """Run `bluey-admin` in this process; what unforeseen it raises, the test sees."""

    def admin(*arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(cli, list(arguments), input=stdin, prog_name="bluey-admin")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    del home  # needed for the environment that it sets
    return admin


@pytest.fixture
def adapters(home: Home, tmp_path: Path) -> Iterator[Registry]:
    """A home with pup@1, pup@2 (which `pup` means) and cat@1, whose files are pup@1's."""
    with Registry(home) as registry:
        for name, content in (("pup", "a"), ("pup", "b"), ("cat", "a")):
            folder = adapter_folder(tmp_path / f"adapter-{content}", content)
            registry.adapters.publish(
                name,
                digest=registry.store.publish(folder),
                base="tiny-it",
                base_fingerprint="f" * 64,
                dataset_digest="d" * 64,
                hyperparameters={"rank": 8},
                metrics={"train_loss_last": 1.5},
                job_id=None,
                promote=True,
            )
        yield registry


def fails(result: Result, *words: str, code: int = 1) -> None:
    """It failed with one clear line on stderr, and printed no result."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line
