"""An engine on a real Backend, on a bench: no process, no socket, one step at a time."""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bluey_server.engine.compiler import compiled
from bluey_server.engine.engine import Engine
from bluey_server.engine.grammar import Grammars
from bluey_server.engine.loader import Checked, Unusable
from bluey_server.messages import (
    Cancel,
    EngineStatus,
    Failed,
    FromEngine,
    Generate,
    Sampling,
    Score,
    Scored,
    Started,
    Step,
    TokenLogprobs,
)

GREEDY = Sampling(temperature=0)


class RealBench:
    """An engine over real MLX. Adapters are digests with a folder; each arrives `delay` steps
    after the engine has asked for it."""

    def __init__(
        self,
        base: Path,
        folders: Mapping[str, Path] | None = None,
        *,
        slots: int = 2,
        max_rows: int = 8,
        memory: int = 2 << 30,
        delay: int = 0,
    ) -> None:
        from bluey_server.engine.backend import Backend

        self.backend = Backend(base, memory=memory)
        self.engine = Engine(
            self.backend,
            slots=slots,
            max_rows=max_rows,
            fetch=self._fetch,
            compile=self._compile,
            send=self._hear,
        )
        self._grammars = Grammars(base / "tokenizer.json", self.backend.vocabulary)
        self.folders = dict(folders or {})
        self.fetched: list[str] = []
        self.steps = 0
        self.answers: dict[int, list[int]] = {}
        self.born: dict[int, int] = {}  # request to the step of its first token
        self.finished: dict[int, str] = {}
        self.failures: dict[int, Failed] = {}
        self.logprobs: dict[int, list[TokenLogprobs]] = {}  # of answers, and of prompts scored
        self.pieces: dict[int, int] = {}  # in how many messages a prompt was scored
        self.started: dict[int, Started] = {}  # in the order of starting
        self.latest: list[int] = []  # requests that the latest step gave a token
        self._delay = delay
        self._loaders: dict[str, Callable[[str, int], None]] = {}
        self._coming: list[tuple[int, Checked | Unusable]] = []

    def ask(
        self,
        number: int,
        prompt: Sequence[int],
        adapter: str | None = None,
        *,
        max_tokens: int = 8,
        end_ids: tuple[int, ...] = (),
        sampling: Sampling = GREEDY,
        **options: Any,
    ) -> None:
        """Hand a request to the engine."""
        self.answers[number] = []
        self.engine.receive(
            Generate(
                id=number,
                prompt=list(prompt),
                adapter=adapter,
                max_tokens=max_tokens,
                end_ids=end_ids,
                sampling=sampling,
                **options,
            )
        )

    def score(
        self, number: int, prompt: Sequence[int], adapter: str | None = None, *, logprobs: int = 0
    ) -> None:
        """Have a prompt scored."""
        self.engine.receive(
            Score(id=number, prompt=list(prompt), adapter=adapter, logprobs=logprobs)
        )

    def cancel(self, number: int) -> None:
        """Take a request back."""
        self.engine.receive(Cancel(number))

    def step(self) -> None:
        """Let arrive what is due, then one step."""
        self.latest = []
        due = [message for when, message in self._coming if when <= self.steps]
        self._coming = [(when, message) for when, message in self._coming if when > self.steps]
        for message in due:
            self.receive(message)
        self.engine.step()
        self.steps += 1

    def receive(self, message: Checked | Unusable) -> None:
        """Hand over what the loader found; a test may come between."""
        self.engine.receive(message)

    def load_by(self, fetch: Callable[[str, int], None], *, only: str) -> None:
        """Leave the finding of one adapter to a loader; the test hands over what it finds."""
        self._loaders[only] = fetch

    def run(self, limit: int = 2000) -> None:
        """Step until everything asked for is over; `limit` steps must do."""
        for _ in range(limit):
            if self.quiet:
                return
            self.step()
        raise AssertionError(f"not over after {limit} steps: {self.engine.status()}")

    def give(self, number: int, prompt: Sequence[int], *others: Any, **options: Any) -> list[int]:
        """Ask, run until all is quiet, and return the answer."""
        self.ask(number, prompt, *others, **options)
        self.run()
        return self.answers[number]

    @property
    def quiet(self) -> bool:
        """Whether nothing runs, waits, or is being loaded."""
        status = self.engine.status()
        return not (status.running or status.waiting or self._coming)

    def close(self) -> None:
        """End with MLX, asserting that nothing was left behind."""
        assert_nothing_left(self.engine.status())
        self.backend.close()

    def _compile(self, request: Generate) -> None:
        self.engine.receive(compiled(self._grammars, request))

    def _fetch(self, adapter: str, slot: int) -> None:
        self.fetched.append(adapter)
        if adapter in self._loaders:
            self._loaders[adapter](adapter, slot)
            return
        checked = Checked(adapter, slot, self.folders[adapter])
        self._coming.append((self.steps + 1 + self._delay, checked))

    def _hear(self, message: FromEngine) -> None:
        match message:
            case Started(id=number):
                assert number not in self.started, f"request {number} started twice"
                self.started[number] = message
            case Failed(id=number):
                self._end(number)
                self.failures[number] = message
            case Scored(id=number, logprobs=told, last=last):
                assert number not in self.finished and number not in self.failures
                self.logprobs.setdefault(number, []).extend(told)
                self.pieces[number] = self.pieces.get(number, 0) + 1
                if last:
                    self._end(number)
                    self.finished[number] = "scored"
            case Step(tokens=tokens, finished=finished, logprobs=logprobs):
                for number, one in logprobs:
                    self.logprobs.setdefault(number, []).append(one)
                for number, token in tokens:
                    assert number not in self.finished and number not in self.failures
                    self.answers[number].append(token)
                    self.born.setdefault(number, self.steps)
                    self.latest.append(number)
                for number, reason in finished:
                    self._end(number)
                    self.finished[number] = reason
            case _:
                raise AssertionError(f"an engine on a bench says no {message}")

    def _end(self, number: int) -> None:
        assert number not in self.finished, f"request {number} ended twice"
        assert number not in self.failures, f"request {number} ended twice"


def assert_nothing_left(status: EngineStatus) -> None:
    """After everything is over: no row, no wait, no slot in use, no bytes reserved for rows."""
    assert status.running == []
    assert status.waiting == []
    assert [slot for slot in status.slots if slot.requests] == []
    assert status.kv_bytes == 0


def some_prompt(seed: int, length: int) -> list[int]:
    """Token ids without a meaning, the same for the same seed, the shorter a prefix of the
    longer."""
    draw = random.Random(seed)
    return [draw.randrange(8, 4096) for _ in range(length)]


def how_many(variable: str, default: int) -> int:
    """A number that `make test-all` raises by an environment variable."""
    return int(os.environ.get(variable, default))
