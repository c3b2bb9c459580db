"""The processes that are measured: started on free ports, watched, and ended for certain."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.weights import Weights
from bluey_adapters.home import Home
from bluey_adapters.lifeline import Lifeline

_ROOT = Path(__file__).parent.parent
_START = 300.0  # seconds that a server may take to answer
_STOP = 15.0  # seconds that it may take to end

_SETTLED = 2.5  # seconds; an engine tells its state every second

Messages = list[dict[str, str]]


class ServerFailed(Exception):
    """A process ended, or didn't come up; with its last words."""


class Process:
    """A child process with all of its own children; none outlives this one."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        home: Home | None = None,
        stdin: int = subprocess.DEVNULL,
        log: Path | None = None,
    ) -> None:
        """`command` is what follows `python`; "{lifeline}" in it becomes a descriptor at whose
        end of file the process ends."""
        lifeline = Lifeline()
        words = [word.format(lifeline=lifeline.child_end) for word in command]
        self._log = log
        with Path(log or os.devnull).open("wb") as errors:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", *words],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(home),
                pass_fds=(lifeline.child_end,),
                start_new_session=True,  # Ctrl-C is ours: we end them in order
            )
        lifeline.hand_over()
        self._lifeline = lifeline
        self.ps = psutil.Process(self.popen.pid)

    def line(self) -> str:
        """The next line that it prints. Raises ServerFailed when it ends instead."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline().decode()
        if not line:
            raise ServerFailed(self.last_words())
        return line

    def last_words(self) -> str:
        """The end of its log."""
        said = self._log.read_text(errors="replace") if self._log else ""
        return f"{' '.join(map(str, self.popen.args[1:5]))}… ended: {said[-2000:]}"  # type: ignore[index]

    def cpu_seconds(self, *, alone: bool = False) -> float:
        """User and system time so far, of its children as well unless `alone`."""
        family = [self.ps, *([] if alone else self.ps.children(recursive=True))]
        total = 0.0
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def stop(self) -> None:
        """End it and wait until it and all it started are gone."""
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = self.ps.children(recursive=True)
        self.popen.terminate()
        try:
            self.popen.wait(_STOP)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._lifeline.cut()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


@dataclass
class Server:
    """A server that answers chat completions."""

    process: Process
    url: str
    write: Callable[[Messages, int | None, int], dict[str, Any]]
    """Messages, an adapter's number or None, and a length in tokens, to a request's body."""
    device: str = "CPU"  # as our engine names it
    home: Home | None = None  # of ours

    def body(
        self, messages: Messages | str, adapter: int | None, tokens: int, **more: object
    ) -> bytes:
        """A greedy, streamed request whose answer has exactly so many tokens."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        options = {"stream": True, "stream_options": {"include_usage": True}, "temperature": 0}
        return json.dumps(options | self.write(messages, adapter, tokens) | more).encode()

    def status(self) -> dict[str, Any]:
        """The first engine in our /admin/status, once it tells of all that has ended."""
        time.sleep(_SETTLED)
        assert self.home is not None, "a peer has no such page"
        return _engine(self.url, self.home)


@contextlib.contextmanager
def ours(weights: Weights, home: Home, *, slots: int | None = None) -> Iterator[Server]:
    """`bluey-server` with the base loaded. `slots` holds where there is a flag for it."""

    def write(messages: Messages, adapter: int | None, tokens: int) -> dict[str, Any]:
        model = weights.base if adapter is None else weights.adapter(adapter)
        # The template ends turns by a token of its own: it is kept out for as long as asked for.
        lengths = {"max_tokens": tokens, "min_tokens": tokens}
        return {"model": model, "messages": messages, **lengths}

    flags = ["--preload", weights.base, "--lifeline", "{lifeline}"]
    if slots is not None and (flag := slots_flag()):
        flags += [flag, str(slots)]
    command = ["-m", "bluey_server.cli", "--port", "0", "--log-level", "warning", *flags]
    process = Process(command, home=home, log=home.root / "server.log")
    try:
        url = _url_in(process.line())
        _wait(process, lambda: httpx.get(f"{url}/ready", timeout=10).status_code == 200)
        yield Server(process, url, write, str(_engine(url, home)["device"] or "CPU"), home)
    finally:
        process.stop()


@contextlib.contextmanager
def peer(weights: Weights, cache: Path, log: Path) -> Iterator[Server]:
    """`mlx_lm.server` with the same base loaded, at its own defaults."""

    def write(messages: Messages, adapter: int | None, tokens: int) -> dict[str, Any]:
        chosen = {} if adapter is None else {"adapters": str(weights.adapter_folder(adapter))}
        model = str(weights.model)  # by its path: with its default model it ignores `adapters`
        return {"model": model, "messages": messages, "max_tokens": tokens, **chosen}

    port = _free_port()
    options = ["--model", str(weights.model), "--port", str(port), "--log-level", "ERROR"]
    command = ["-m", "benchmarks.peer", str(cache), "{lifeline}", *options]
    process = Process(command, log=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, lambda: httpx.get(f"{url}/health", timeout=10).status_code == 200)
        yield Server(process, url, write)
    finally:
        process.stop()


class BareLoop:
    """The bare BatchGenerator loop, in a process of its own."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def run(self, prompts: Sequence[Sequence[int]], tokens: int) -> float:
        """Decode all prompts in one batch; tokens a second."""
        stdin = self.process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps({"prompts": prompts, "tokens": tokens}).encode() + b"\n")
        stdin.flush()
        answer = json.loads(self.process.line())
        return float(answer["tokens"] / answer["seconds"])


@contextlib.contextmanager
def bare_loop(weights: Weights, cache: Path, log: Path) -> Iterator[BareLoop]:
    """The ceiling."""
    command = ["-m", "benchmarks.bare_loop", str(weights.model), str(cache)]
    process = Process(command, stdin=subprocess.PIPE, log=log)
    try:
        yield BareLoop(process)
    finally:
        process.stop()


@contextlib.contextmanager
def bare_stream(recording: Path, period: float, log: Path) -> Iterator[Server]:
    """A Litestar application that sends a recorded answer, an event every `period` seconds."""
    port = _free_port()
    command = ["-m", "benchmarks.bare_stream", str(recording), str(period), str(port), "{lifeline}"]
    process = Process(command, log=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, lambda: bool(httpx.get(f"{url}/", timeout=10)))
        yield Server(process, url, lambda *_: {})
    finally:
        process.stop()


def seconds_to_end(*words: str) -> float:
    """Wall time of `python …` from start to end."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-P", *words],
        check=True,
        env=_environment(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return time.perf_counter() - started


def start_ours(home: Home) -> tuple[Process, str, float]:
    """Start `bluey-server`, nothing preloaded: its process, its URL, seconds until it listened."""
    started = time.perf_counter()
    command = ["-m", "bluey_server.cli", "--port", "0", "--lifeline", "{lifeline}"]
    process = Process(command, home=home, log=home.root / "server.log")
    try:
        return process, _url_in(process.line()), time.perf_counter() - started
    except BaseException:
        process.stop()
        raise


@cache
def slots_flag() -> str | None:
    """The flag of `bluey-server` that says how many adapters are resident, if it has one."""
    words = [sys.executable, "-P", "-m", "bluey_server.cli", "--help"]
    told = subprocess.run(words, check=True, capture_output=True, text=True, env=_environment(None))
    found = re.search(r"--[a-z-]*slots\b", told.stdout)
    return found.group() if found else None


def _engine(url: str, home: Home) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {home.admin_key.read_text().strip()}"}
    page = httpx.get(f"{url}/admin/status", headers=headers, timeout=60)
    answer = page.raise_for_status().json()
    engine: dict[str, Any] = answer["engines"][0]
    return engine


def _environment(home: Home | None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BLUEY_")}
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    clean["PYTHONPATH"] = os.pathsep.join(paths)
    clean["BLUEY_HOME"] = str(home.root) if home else os.devnull
    return clean


def _url_in(line: str) -> str:
    found = re.search(r"http://[^\s/]+", line)
    if found is None:
        raise ServerFailed(f"no URL in {line!r}")
    return found.group()


def _wait(process: Process, up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.popen.poll() is not None:
            raise ServerFailed(process.last_words())
        with contextlib.suppress(httpx.TransportError):
            if up():
                return
        time.sleep(0.1)
    raise ServerFailed(f"did not answer within {_START:.0f} s: {process.last_words()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
