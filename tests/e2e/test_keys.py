"""Keys between real processes: the server, the command line, OpenAI's client."""

import stat
import subprocess
import sys

import httpx
import openai
import pytest
from openai import OpenAI

from bluey_adapters.home import Home
from tests.e2e.running import PATIENCE, Bluey, environment, serving


def models(bluey: Bluey, key: str) -> list[str]:
    """What a client with this key sees."""
    with OpenAI(base_url=f"{bluey.url}/v1", api_key=key, max_retries=0) as client:
        return [model.id for model in client.models.list()]


def test_keys_are_made_and_removed_under_a_running_server(bluey: Bluey) -> None:
    assert "it" in models(bluey, "any")
    key = bluey.admin("keys", "add", "marie").stdout.strip()
    assert "it" in models(bluey, key)
    with pytest.raises(openai.AuthenticationError) as refused:
        models(bluey, "any")
    assert refused.value.status_code == 401
    assert refused.value.code == "invalid_api_key"
    # The command line needs none: it has the home's own.
    said = bluey.admin("chat", "it", "--max-tokens", "4", input="Hello\n")
    assert said.returncode == 0, said.stderr
    assert bluey.admin("keys", "rm", "marie").returncode == 0
    assert "it" in models(bluey, "any")


def test_the_admin_key_is_there_from_the_first_start(bluey: Bluey) -> None:
    file = bluey.home.admin_key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert httpx.get(f"{bluey.url}/admin/status").status_code == 401
    assert bluey.status()["pid"] == bluey.process.pid


def test_the_same_admin_key_after_a_restart(home: Home) -> None:
    with serving(home):
        key = home.admin_key.read_text()
    with serving(home) as bluey:
        assert home.admin_key.read_text() == key
        assert bluey.status()["version"]


def test_a_given_admin_key_is_not_written_down(home: Home) -> None:
    with serving(home, "--admin-key", "sesame") as bluey:
        assert not home.admin_key.exists()
        headers = {"authorization": "Bearer sesame"}
        assert httpx.get(f"{bluey.url}/admin/status", headers=headers).status_code == 200


def start(home: Home, *flags: str) -> "subprocess.CompletedProcess[str]":
    """The server, where it doesn't get as far as serving."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "bluey_server.cli", "--port", "0", *flags],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_listening_for_others_wants_a_key_or_a_word(home: Home) -> None:
    refused = start(home, "--host", "0.0.0.0")
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    for word in ("0.0.0.0", "keys add NAME", "--api-key", "--host 127.0.0.1", "--insecure"):
        assert word in line
    assert not home.server_file.exists()
    with serving(home, "--host", "0.0.0.0", "--insecure") as bluey:
        assert "it" in models(bluey, "any")
    with serving(home, "--host", "0.0.0.0", "--api-key", "sesame") as bluey:
        assert "it" in models(bluey, "sesame")
    key = bluey.admin("keys", "add", "marie").stdout.strip()
    with serving(home, "--host", "0.0.0.0") as bluey:
        assert "it" in models(bluey, key)
        bluey.admin("keys", "rm", "marie")
        for shown in (key, "any"):
            with pytest.raises(openai.AuthenticationError):
                models(bluey, shown)
