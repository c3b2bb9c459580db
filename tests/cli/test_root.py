"""The command line as a whole: what it costs, what it says when it is used wrongly."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bluey_admin.cli import COMMANDS, cli
from tests.cli.conftest import Admin, fails

ROOT = Path(__file__).parents[2]


def _all_commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, each) for each in sorted(command.commands)]
    return found


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
from bluey_admin.cli import cli
try:
    cli.main(["--help"], prog_name="bluey-admin")
finally:
    heavy = {"mlx", "mlx_lm", "rich", "litestar", "httpx", "msgspec", "tokenizers", "sqlite3"}
    print("imported:", sorted(heavy & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "imported: []"


def test_no_command_imports_mlx() -> None:
    modules = [f"bluey_admin.commands.{name}" for name in COMMANDS]
    script = f"""
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
print(sorted({{"mlx", "mlx_lm", "transformers", "litestar", "openai"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("command", _all_commands(), ids=" ".join)
def test_every_command_has_help_and_makes_no_home(
    admin: Admin, command: tuple[str, ...], tmp_path: Path
) -> None:
    result = admin(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: bluey-admin {' '.join(command)} ")
    assert not (tmp_path / "a home").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_is_the_commands_own(name: str) -> None:
    command: click.Command = importlib.import_module(f"bluey_admin.commands.{name}").command
    assert COMMANDS[name] == command.get_short_help_str(limit=200)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bogus"], ["--bogus", "bluey-admin --help"]),
        (["nothing"], ["'nothing'"]),
        (["adapters", "nothing"], ["'nothing'", "bluey-admin adapters --help"]),
        (["adapters", "show"], ["NAME", "bluey-admin adapters show --help"]),
        (["adapters", "list", "--bogus"], ["--bogus"]),
        (["data", "show", "bluey", "--line", "x"], ["--line", "'x'"]),
        (["bases", "use", "tiny", "--as", "x"], ["--as"]),
        (["up", "--port", "70000"], ["70000"]),
        (["chat", "it", "--temperature", "3"], ["--temperature"]),
    ],
)
def test_a_wrong_command_line_is_one_line(
    admin: Admin, arguments: list[str], words: list[str]
) -> None:
    fails(admin(*arguments), *words, code=2)


def test_a_home_that_cannot_be_written(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BLUEY_HOME", str(tmp_path / "file" / "home"))
    for command in (["adapters", "list"], ["bases", "list"], ["up"], ["train", "it"]):
        fails(admin(*command), "can't be written", "BLUEY_HOME")


@pytest.mark.parametrize(
    ("config", "words"),
    [("port = ", "can't be read"), ("prot = 1", "unknown key 'prot'"), ('port = "1"', "type int")],
)
def test_a_broken_config_stops_what_uses_it_and_nothing_else(
    admin: Admin, tmp_path: Path, config: str, words: str
) -> None:
    (tmp_path / "a home").mkdir()
    (tmp_path / "a home" / "config.toml").write_text(config)
    for command in (["up"], ["chat", "it"]):
        fails(admin(*command), "config.toml", words)
    assert admin("bases", "list").exit_code == 0


def test_without_home_and_without_a_user_it_says_what_to_set() -> None:
    script = """
import os, pathlib
os.environ.pop("BLUEY_HOME", None)
def nobody():
    raise RuntimeError
pathlib.Path.home = nobody
from bluey_admin.cli import main
main()
"""
    run = subprocess.run(
        [sys.executable, "-c", script, "bases", "list"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert "set BLUEY_HOME" in run.stderr


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    run = subprocess.run(
        ["sh", "-c", '"$0" -m bluey_admin.cli data show bluey | head -n 1', sys.executable],
        env={"PATH": "/usr/bin:/bin", "BLUEY_HOME": str(tmp_path), **_python_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("--- line 1")
    assert run.stderr == ""


def test_the_readme_and_the_commands_agree() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    mentioned = set(re.findall(r"bluey-admin ([a-z]+)", readme))
    assert mentioned - {"is"} == set(COMMANDS)
    for group, command in (pair for pair in _all_commands() if len(pair) == 2):
        pattern = rf"bluey-admin {group} [a-z|\\]*\b{command}\b"
        assert re.search(pattern, readme), f"README.md says nothing of {group} {command}"


def _python_path() -> dict[str, str]:
    import os

    return {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
