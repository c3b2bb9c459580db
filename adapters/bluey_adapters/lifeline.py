"""A lifeline: a pipe by which a child learns that its parent is gone, however it went.

A signal can't be caught when it is SIGKILL, and PR_SET_PDEATHSIG is Linux's alone. A pipe whose
writing end only the parent holds reads end-of-file when the parent ends, everywhere.
"""

import os
import threading
from collections.abc import Callable


class Lifeline:
    """The parent's end. Keep it as long as the child should live."""

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    def hand_over(self) -> None:
        """Close the parent's copy of the child's end, once the child has been started."""
        os.close(self.child_end)

    def cut(self) -> None:
        """Let the child see that it should end."""
        os.close(self._own_end)


def on_parent_gone(descriptor: int, act: Callable[[], None]) -> None:
    """Call `act` in a thread of its own when the parent's end of the lifeline closes."""

    def watch() -> None:
        while os.read(descriptor, 1):
            pass
        act()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
