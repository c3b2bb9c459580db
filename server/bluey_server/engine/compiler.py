"""Making grammars ready, off the thread that owns MLX.

A large schema takes a second or more, in which no stream may stand still.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bluey_server.engine.grammar import Constraint, GrammarError, Grammars
from bluey_server.messages import Generate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compiled:
    """A request's grammar is ready."""

    request: int
    constraint: Constraint


@dataclass(frozen=True)
class NotCompiled:
    """A request's grammar is of no use."""

    request: int
    message: str


class GrammarCompiler:
    """One thread that compiles grammars in the order asked; the library lets go of the interpreter
    while it is at it."""

    def __init__(
        self, grammars: Grammars, report: Callable[[Compiled | NotCompiled], None]
    ) -> None:
        self._grammars = grammars
        self._report = report
        self._wanted: queue.SimpleQueue[Generate] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="grammar-compiler", daemon=True).start()

    def compile(self, request: Generate) -> None:
        """Ask for a request's constraint; the answer comes by `report`."""
        self._wanted.put(request)

    def _run(self) -> None:
        while True:
            self._report(compiled(self._grammars, self._wanted.get()))


def compiled(grammars: Grammars, request: Generate) -> Compiled | NotCompiled:
    """What became of the grammar of a request that has one."""
    assert request.grammar is not None
    try:
        return Compiled(request.id, grammars.constraint(request.grammar, request.end_ids))
    except GrammarError as error:
        return NotCompiled(request.id, f"the grammar can't be used: {error}")
    except Exception as error:  # this thread must not end
        log.exception("the grammar of request %d could not be compiled", request.id)
        return NotCompiled(request.id, f"the grammar could not be compiled: {error}")
