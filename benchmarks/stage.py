"""One model's stage: the servers that are up, the prompts, and who has had which turn."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks import servers
from benchmarks.load import Load, LoadFailed, ask_all, run
from benchmarks.servers import BareLoop, Server
from benchmarks.weights import Weights
from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.home import Home

T = TypeVar("T")

_WORDS = """
the dog ran over a green hill and saw his friend at the water with some bread in her hand so they
sat down to eat it all before the sun was gone and then went home to tell their mother what a good
day it had been for them both by the old tree
""".split()  # noqa: SIM905 - as a list it would take a line a word


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    rounds: int = 5
    streams: tuple[int, ...] = (16,)
    prompt: int = 64  # tokens
    tokens: int = 64  # tokens an answer
    adapters: int = 8  # in use at once, in P1, P2, P3 and P6
    singles: int = 12  # requests one after another, a turn
    resident: int = 64  # P7
    cliff: tuple[int, ...] = (8, 32, 64, 128)  # P8: adapters in use
    cliff_requests: int = 96
    cliff_tokens: int = 24
    long_prompt: int = 2000  # P12
    streamed: int = 384  # P10: tokens an answer


SIZES = {
    "tiny": Sizes(tokens=96),
    "60m": Sizes(rounds=4, prompt=48, tokens=48, cliff_requests=48, cliff_tokens=16),
    "152k": Sizes(rounds=4, streams=(1, 16), prompt=24, adapters=1),
    "262k": Sizes(rounds=4, streams=(1, 16), prompt=24, adapters=1),
    "gemma-3-1b": Sizes(streams=(1, 8, 32, 64), tokens=128),
}

QUICK = Sizes(
    rounds=2,
    prompt=24,
    tokens=16,
    singles=4,
    resident=8,
    cliff=(8, 40),
    cliff_requests=24,
    cliff_tokens=4,
    long_prompt=600,
    streamed=48,
)


@dataclass
class Spent:
    """CPU time while a measure's loads ran, in seconds."""

    wall: float = 0.0
    client: float = 0.0
    servers: float = 0.0
    machine: float = 0.0  # all that any program used

    @property
    def client_share(self) -> float | None:
        """The client's part of what the measured processes and it used."""
        ours = self.client + self.servers
        return self.client / ours if ours else None

    @property
    def neighbours(self) -> float | None:
        """Cores that others kept busy."""
        if not self.wall:
            return None
        return max(0.0, self.machine - self.client - self.servers) / self.wall


@dataclass
class Stage:
    """Where measures of one model take place. Servers are started when first asked for, and stay:
    while it is not their turn they wait and use no CPU."""

    weights: Weights
    sizes: Sizes
    folder: Path  # for homes and logs
    cache: Path
    on_turn: Callable[[], None] = lambda: None
    spent: Spent = field(default_factory=Spent)
    device: str = "CPU"  # where our engine computes, once it has said so

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        self._forget()
        self._homes = 0
        self._prompts = 0
        self._base: OpenBase = open_base(
            Base(name=self.weights.base, source=f"path:{self.weights.model}"),
            self.weights.fingerprint,
        )

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        """Stop what is up: a measure with servers of its own wants the memory."""
        self._stack.close()
        self._forget()

    def _forget(self) -> None:
        self._ours: Server | None = None
        self._peer: Server | None = None
        self._bare: BareLoop | None = None

    @property
    def shape(self) -> str:
        """The name of the model's shape."""
        return self.weights.shape.name

    @property
    def ours(self) -> Server:
        """`bluey-server`, every adapter known to it."""
        if self._ours is None:
            self._ours = self._stack.enter_context(self.fresh())
        return self._ours

    @property
    def peer(self) -> Server:
        """`mlx_lm.server`."""
        if self._peer is None:
            log = self.folder / "peer.log"
            self._peer = self._stack.enter_context(servers.peer(self.weights, self.cache, log))
        return self._peer

    @property
    def bare(self) -> BareLoop:
        """The batch loop without a server."""
        if self._bare is None:
            log = self.folder / "bare-loop.log"
            self._bare = self._stack.enter_context(servers.bare_loop(self.weights, self.cache, log))
        return self._bare

    def home(self) -> Home:
        """Another new home."""
        self._homes += 1
        return self.weights.make_home(self.folder / f"home-{self._homes}", self.cache)

    @contextmanager
    def fresh(self, slots: int | None = None) -> Iterator[Server]:
        """One more `bluey-server`, with nothing resident, for as long as the block runs."""
        with servers.ours(self.weights, self.home(), slots=slots) as server:
            self.device = server.device
            yield server

    def prompt(self, tokens: int | None = None) -> str:
        """A message that makes a prompt of about so many tokens, and that was never sent before:
        no prefix cache, ours or the peer's, knows more of it than the template's first tokens."""
        self._prompts += 1
        rng = random.Random(self._prompts)
        words = [f"{rng.randrange(10**6)} {self._prompts}"]
        wanted = tokens or self.sizes.prompt
        while (lacking := wanted - len(self.ids(" ".join(words)))) > 0:
            words += rng.choices(_WORDS, k=max(1, lacking * 3 // 4))
        return " ".join(words)

    def ids(self, message: str) -> list[int]:
        """A message as a prompt's token ids."""
        return self._base.encode_chat([{"role": "user", "content": message}])

    def streams(
        self,
        server: Server,
        count: int,
        adapters: Sequence[int | None],
        tokens: int | None = None,
        **options: object,
    ) -> Load:
        """So many streams at once, over these adapters in turn; `options` are fields of each
        request's body."""
        length = tokens or self.sizes.tokens
        bodies = [
            server.body(self.prompt(), adapters[number % len(adapters)], length, **options)
            for number in range(count)
        ]
        load = self.load(server, bodies, at_once=count)
        lengths = {answer.completion_tokens for answer in load.answers}
        if lengths != {length}:
            raise LoadFailed(f"answers of {sorted(lengths)} tokens instead of {length} each")
        return load

    def load(
        self, server: Server, bodies: Sequence[bytes], *, at_once: int, keep: bool = False
    ) -> Load:
        """Ask all, `at_once` together, and watch."""
        with self.watch(server):
            return Load(run(ask_all(server.url, bodies, at_once=at_once, keep=keep)))

    @contextmanager
    def watch(self, server: Server) -> Iterator[None]:
        """Note who uses the processors while the block runs."""
        own = psutil.Process()
        machine, client, theirs = _busy(), _cpu(own), server.process.cpu_seconds()
        started = time.perf_counter()
        yield
        self.spent.wall += time.perf_counter() - started
        self.spent.machine += _busy() - machine
        self.spent.client += _cpu(own) - client
        self.spent.servers += server.process.cpu_seconds() - theirs

    def touch(self, server: Server, adapters: Iterable[int | None]) -> None:
        """Make adapters resident, the last one most recently used."""
        bodies = [server.body(self.prompt(8), adapter, 1) for adapter in adapters]
        run(ask_all(server.url, bodies, at_once=1))

    def turns(
        self, sides: dict[str, Callable[[], T]], rounds: int | None = None
    ) -> dict[str, list[T]]:
        """Every side once a round, in turn: A B, A B, … One more round before is not counted: in
        it, kernels are compiled, caches grow, adapters are loaded."""
        results: dict[str, list[T]] = {name: [] for name in sides}
        for number in range((rounds or self.sizes.rounds) + 1):
            for name, side in sides.items():
                result = side()
                if number:
                    results[name].append(result)
                self.on_turn()
        return results


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy() -> float:
    times = psutil.cpu_times()._asdict()
    # On Linux a guest's time is counted in user's as well.
    idle = ("idle", "iowait", "guest", "guest_nice", "steal")
    return float(sum(seconds for name, seconds in times.items() if name not in idle))
