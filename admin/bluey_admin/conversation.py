"""A conversation with a server's models, kept on this side."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from bluey_admin.client import Client


class Conversation:
    """Turns so far, and who answers the next one."""

    def __init__(
        self, client: Client, model: str, *, system: str | None = None, **options: Any
    ) -> None:
        """`options` go with every request; those that are None don't."""
        self._client = client
        self._system = system
        self._options = options
        self._turns: list[dict[str, str]] = []
        self.model = model

    def swap(self, model: str) -> None:
        """Let `model` answer from now on. Raises Failure, and swaps nothing, if there is none."""
        self._client.check_model(model)
        self.model = model

    def reset(self) -> None:
        """Forget the turns."""
        self._turns.clear()

    def ask(self, text: str) -> Generator[str, None, None]:
        """The answer to `text`, in pieces; close the iterator to stop it.

        What was said of a stopped answer stays in the conversation. A turn that failed leaves no
        trace, so that it can be tried again. Raises Failure.
        """
        self._turns.append({"role": "user", "content": text})
        said: list[str] = []
        whole_or_stopped = False
        try:
            # Closed at once, not whenever it is collected: so the server learns of it.
            with closing(
                self._client.chat(self.model, self._messages(), **self._options)
            ) as pieces:
                for piece in pieces:
                    said.append(piece)
                    yield piece
            whole_or_stopped = True
        except (GeneratorExit, KeyboardInterrupt):
            whole_or_stopped = bool(said)
            raise
        finally:
            if whole_or_stopped:
                self._turns.append({"role": "assistant", "content": "".join(said)})
            else:
                self._turns.pop()

    def _messages(self) -> list[dict[str, str]]:
        system = [{"role": "system", "content": self._system}] if self._system else []
        return [*system, *self._turns]
