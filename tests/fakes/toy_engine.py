"""A program in an engine's place: a real process on a real link, without a model and so without
the seconds and the memory that one takes. Started by `ToySpec`, told what to do by `Toy.plan`.

Every answer is one token, WORD; a request holds its row until the file `go` is there, if it is told
to be held.
"""

import argparse
import json
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_data.catalog import embedded_model
from bluey_server.engine_process import EngineSpec
from bluey_server.messages import (
    Alive,
    Cancel,
    EngineStatus,
    Fatal,
    FromEngine,
    Generate,
    Ready,
    Shutdown,
    Started,
    Step,
    ToEngine,
)
from bluey_server.wire import LENGTH_BYTES, body_length, frame, read_to_engine

WORD = 300
CACHED = 3

SERVE, DIE, FATAL, DIE_AT_WORK = "serve", "die", "fatal", "die at work"
BUSY, LOOP = "busy", "loop"
"""Computes without a word when asked: for BUSY_FOR, or for ever."""

BUSY_FOR = 1.0  # seconds of a core's time, which are more on a slow machine's clock


class ToySpec(EngineSpec):
    """An EngineSpec whose command is this file."""

    def command(self, descriptor: int) -> list[str]:
        """See EngineSpec."""
        _, _, _, _, *flags = super().command(descriptor)
        return [sys.executable, str(Path(__file__).resolve()), *flags]


@dataclass(frozen=True)
class Toy:
    """A base whose engine is a toy; its folder tells the process what to do."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *, weights: int = 100, **plan: Any) -> "Toy":
        """A base's folder with so many bytes of weights. See `plan`."""
        folder.mkdir(parents=True)
        source = embedded_model("tiny-it")
        for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes(
                (source / name).read_bytes() if name != "config.json" else b'{"vocab_size": 4096}'
            )
        (folder / "chat_template.jinja").write_bytes((source / "chat_template.jinja").read_bytes())
        (folder / "model.safetensors").write_bytes(folder.name.encode().ljust(weights))
        toy = cls(folder)
        toy.plan(**plan)
        return toy

    def plan(
        self,
        *starts: str,
        rows: int = 4,
        held: bool = False,
        slow: bool = False,
    ) -> None:
        """What each start does, the last one again and again; how many requests run at once;
        whether they are held; whether loading waits for the file `loaded`."""
        told = {"starts": starts or (SERVE,), "rows": rows, "held": held, "slow": slow}
        (self.folder / "toy.json").write_text(json.dumps(told))

    def open(self) -> OpenBase:
        """The base, its name being that of its folder and its fingerprint made up."""
        name = self.folder.name
        return open_base(Base(name=name, source=f"path:{self.folder}"), name.rjust(64, "0"))

    def set(self, name: str) -> None:
        """Make the file `go` or `loaded`."""
        (self.folder / name).touch()

    @property
    def starts(self) -> list[dict[str, int]]:
        """For each start so far: pid, memory, slots."""
        path = self.folder / "starts"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


class _Process:
    """The toy itself."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._folder = options.model
        self._plan = json.loads((self._folder / "toy.json").read_text())
        self._link = socket.socket(fileno=options.fd)
        self._link.settimeout(0.02)
        self._unread = b""
        self._waiting: list[int] = []
        self._running: list[int] = []
        self._out = 0
        with (self._folder / "starts").open("a") as starts:
            entry = {"memory": options.memory, "slots": options.slots}
            starts.write(json.dumps(entry) + "\n")
        done = len((self._folder / "starts").read_text().splitlines())
        self._act = self._plan["starts"][min(done, len(self._plan["starts"])) - 1]

    def run(self) -> None:
        if self._act == DIE:
            sys.exit(3)
        if self._act == FATAL:
            self._send(Fatal("the toy is broken"))
            sys.exit(1)
        while self._plan["slow"] and not (self._folder / "loaded").exists():
            for message in self._receive():
                self._take(message)
        self._send(Ready(device="toy", blas="none", load_seconds=0.0))
        told = 0.0
        while True:
            for message in self._receive():
                self._take(message)
            self._work()
            if time.monotonic() - told > 0.2:
                told = time.monotonic()
                self._send(Alive(self._status()))

    def _take(self, message: ToEngine) -> None:
        match message:
            case Generate():
                if self._act == DIE_AT_WORK:
                    sys.exit(4)
                if self._act in (BUSY, LOOP):
                    self._compute()
                self._waiting.append(message.id)
            case Cancel(number):
                for queue in (self._waiting, self._running):
                    if number in queue:
                        queue.remove(number)
            case Shutdown():
                sys.exit(0)

    def _compute(self) -> None:
        end = time.process_time() + BUSY_FOR
        while self._act == LOOP or time.process_time() < end:
            sum(range(100_000))

    def _work(self) -> None:
        while self._waiting and len(self._running) < self._plan["rows"]:
            self._running.append(self._waiting.pop(0))
            self._send(Started(self._running[-1], CACHED))
        if self._running and (not self._plan["held"] or (self._folder / "go").exists()):
            done, self._running = self._running, []
            self._out += len(done)
            self._send(
                Step([(number, WORD) for number in done], [(number, "stop") for number in done])
            )
            self._send(Alive(self._status()))

    def _status(self) -> EngineStatus:
        return EngineStatus(
            running=self._running,
            waiting=self._waiting,
            slots=[],
            slots_total=4,
            memory_bytes=1000,
            tokens_out=self._out,
            steps=self._out,
        )

    def _send(self, message: FromEngine) -> None:
        self._link.sendall(frame(message))

    def _receive(self) -> list[ToEngine]:
        try:
            got = self._link.recv(65536)
        except TimeoutError:
            return []
        if not got:
            sys.exit(0)
        self._unread += got
        messages = []
        while len(self._unread) >= LENGTH_BYTES:
            end = LENGTH_BYTES + body_length(self._unread[:LENGTH_BYTES])
            if len(self._unread) < end:
                break
            messages.append(read_to_engine(self._unread[LENGTH_BYTES:end]))
            self._unread = self._unread[end:]
        return messages


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--slots", type=int)
    _Process(parser.parse_known_args()[0]).run()


if __name__ == "__main__":
    _main()
