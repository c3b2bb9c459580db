"""The server, as the CLI sees it: a process of its own, found by a file in the home."""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from bluey_adapters.home import Home
from bluey_adapters.lifeline import Lifeline
from bluey_adapters.server_file import ServerFile, read_server_file
from bluey_admin.client import Client
from bluey_admin.failures import Failure

_START = 60.0  # seconds that a server may take to answer
_STOP = 20.0  # seconds that it may take to end
REFUSAL = "Error: "  # how `bluey-server` begins the line that says why it won't start


class ServerProcess:
    """A server that this process has started, and that ends when this process does."""

    def __init__(
        self,
        home: Home,
        arguments: Sequence[str],
        api_key: str | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Start it; `on_line` gets each line that it writes, in a thread."""
        self._home = home
        self._lines: deque[str] = deque(maxlen=50)
        self._lifeline = Lifeline()
        fd = self._lifeline.child_end
        # -P: a file in the user's current folder must not stand in for a module.
        command = [sys.executable, "-P", "-m", "bluey_server.cli", "--lifeline", str(fd)]
        self._process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what it says there, we say ourselves
            stderr=subprocess.PIPE,
            # The key goes by the environment: anybody can read a command line.
            env={
                **os.environ,
                "BLUEY_HOME": str(home.root),
                **({"BLUEY_API_KEY": api_key} if api_key else {}),
            },
            pass_fds=(fd,),
            # Ctrl-C in the terminal is ours: the server ends when we say so.
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._lifeline.hand_over()
        self._reader = threading.Thread(target=self._relay, args=(on_line,), daemon=True)
        self._reader.start()

    def wait_until_up(self) -> ServerFile:
        """Where it answers. Raises Failure, with its own last words, when it ends instead."""
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            found = read_server_file(self._home)
            if found is not None and found.pid == self._process.pid:
                with Client(found.url) as client:
                    if client.healthy():
                        return found
            if self.ended(0.05):
                raise Failure(self.last_words())
        self.stop()
        raise Failure(f"the server did not answer within {_START:.0f} s")

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or does so within so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self) -> str:
        """Why a server has ended, as far as it said so, in one line."""
        self._reader.join(2.0)
        said = [line for line in self._lines if line.strip()]
        reasons = [line[len(REFUSAL) :] for line in said if line.startswith(REFUSAL)]
        if reasons:
            return reasons[-1]
        status = self._process.returncode
        ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return f"{ending}{'; ' if said else ''}{said[-1] if said else ''}"

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2.0)

    def _relay(self, on_line: Callable[[str], None] | None) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self._lines.append(line.rstrip())
                if on_line is not None:
                    on_line(line.rstrip())
