"""Running the product as its users do: real processes, the real client."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import psutil
from openai import OpenAI

from bluey_adapters.home import Home

PATIENCE = 120.0
"""Seconds that anything here may take on a slow machine. Nothing is asserted of it."""


@dataclass
class Bluey:
    """A server process and the command line, on one home."""

    home: Home
    process: "subprocess.Popen[bytes]"
    url: str

    @property
    def client(self) -> OpenAI:
        """The client, told not to hide failures by trying again."""
        return OpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0, timeout=PATIENCE)

    def say(self, model: str, text: str, **options: Any) -> str:
        """The greedy answer of a model."""
        given: dict[str, Any] = {"temperature": 0, "max_tokens": 40, **options}
        answer = self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], **given
        )
        return answer.choices[0].message.content or ""

    def status(self) -> dict[str, Any]:
        """/admin/status."""
        status: dict[str, Any] = self.admin_page("/admin/status").json()
        return status

    def admin_page(self, path: str) -> httpx.Response:
        """A page that the admin key opens, which the server has put into the home."""
        key = self.home.admin_key.read_text().strip()
        headers = {"authorization": f"Bearer {key}"}
        return httpx.get(f"{self.url}{path}", headers=headers).raise_for_status()

    def admin(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `bluey-admin` to its end."""
        return subprocess.run(
            admin_command(*arguments),
            env=environment(self.home),
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
            **options,
        )

    def start_admin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run `bluey-admin` beside what follows."""
        return subprocess.Popen(
            admin_command(*arguments),
            env=environment(self.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def admin_command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "bluey_admin.cli", *arguments]


def environment(home: Home) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BLUEY_")}
    return {**clean, "BLUEY_HOME": str(home.root)}


def eventually(
    probe: Callable[[], Any], what: str, *, patience: float = PATIENCE, pause: float = 0.1
) -> Any:
    """The first true thing that `probe` gives."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"in {patience:.0f} s there was no {what}")


@contextlib.contextmanager
def serving(home: Home, *flags: str) -> Iterator[Bluey]:
    """A server on a free port, ended by SIGTERM, which must leave nothing behind."""
    command = [sys.executable, "-P", "-m", "bluey_server.cli", "--port", "0", *flags]
    process = subprocess.Popen(command, env=environment(home))
    try:

        def written() -> str | None:
            assert process.poll() is None, "the server ended instead of serving"
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                told = msgspec.json.decode(home.server_file.read_bytes())
                return str(told["url"]) if told["pid"] == process.pid else None
            return None

        url = eventually(written, "server.json")
        children = psutil.Process(process.pid).children(recursive=True)
        yield Bluey(home, process, url)
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        assert not alive, "the server's end left processes behind"
        assert not home.server_file.exists()
    finally:
        process.kill()
        process.wait()
