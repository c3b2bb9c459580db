"""How the server starts and ends; the command line."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from bluey_adapters.errors import HomeError
from bluey_adapters.home import Home
from bluey_adapters.lifeline import Lifeline
from bluey_adapters.server_file import (
    ServerFile,
    find_running_server,
    only_server,
    write_server_file,
)
from bluey_admin.failures import Failure
from bluey_admin.server_process import ServerProcess
from bluey_server.cli import main
from bluey_server.http.listening import bind, url_of
from bluey_server.http.service import Timings
from tests.fakes.scripted_engine import Say, Wait
from tests.http.rig import Launch

HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, home: Home) -> Iterator[None]:
    """Nothing of the developer's; and logging as it was, whatever the command does to it."""
    for name in ("BLUEY_HOST", "BLUEY_PORT", "BLUEY_API_KEY", "BLUEY_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLUEY_HOME", str(home.root))
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_draining_lets_streams_finish(launch: Launch) -> None:
    rig = launch(timings=Timings(drain=30))
    gate = Wait()
    rig.engine.enqueue(Say("One "), gate, Say("two"))
    stream = rig.openai().chat.completions.create(model="it", messages=HI, stream=True)  # type: ignore[call-overload]
    chunks = iter(stream)
    next(chunks)
    rig.serving.stop()
    assert rig.service.not_ready() == ["draining: the server is about to stop"]
    gate.event.set()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "One two"
    rig.thread.join(20)
    assert rig.engine.closed
    with pytest.raises(httpx.ConnectError):
        rig.get("/health")


def test_streams_that_take_too_long_fail_properly(launch: Launch) -> None:
    rig = launch(timings=Timings(drain=0.05))
    rig.engine.enqueue(Say("One "), Wait())
    stream = rig.openai().chat.completions.create(model="it", messages=HI, stream=True)  # type: ignore[call-overload]
    chunks = iter(stream)
    next(chunks)
    rig.serving.stop()
    with pytest.raises(openai.APIError, match="engine was closed"):
        list(chunks)


def test_new_requests_are_refused_while_draining(launch: Launch) -> None:
    rig = launch()
    rig.service.draining = True
    response = rig.chat()
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert rig.get("/ready").status_code == 503


def test_a_second_stop_ends_it_at_once(launch: Launch) -> None:
    rig = launch(timings=Timings(drain=600))
    rig.engine.enqueue(Say("One "), Wait())
    stream = rig.openai().chat.completions.create(model="it", messages=HI, stream=True)  # type: ignore[call-overload]
    next(iter(stream))
    rig.serving.stop()
    rig.serving.stop()
    rig.thread.join(20)
    assert not rig.thread.is_alive()
    assert rig.engine.closed
    stream.close()


def run(*arguments: str) -> Result:
    """The command, where it doesn't get as far as serving."""
    return CliRunner().invoke(main, arguments)


def one_line(result: Result) -> str:
    """What a failed command said."""
    assert result.exit_code != 0
    line: str = result.stderr.strip()
    assert "\n" not in line
    assert result.stdout == ""
    return line


def test_a_port_in_use(home: Home) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        said = one_line(run("--port", str(port)))
    assert f"port {port} of 127.0.0.1 is in use by process {os.getpid()}" in said
    assert "--port" in said
    assert not home.root.exists()


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BLUEY_HOME", str(tmp_path / "file" / "home"))
    assert "BLUEY_HOME" in one_line(run("--port", "0"))


def test_a_config_with_an_unknown_key(home: Home) -> None:
    home.make().config.write_text("prot = 1")
    assert "unknown key 'prot'" in one_line(run())


def test_the_config_lies_below_the_flags(home: Home) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        home.make().config.write_text(f"port = {port}")
        assert f"port {port}" in one_line(run())
        assert "no host" in one_line(run("--host", "no.such.host.invalid", "--port", "0"))


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--slots", "0"),
        ("--memory", "0"),
        ("--idle-timeout", "-1"),
        ("--max-waiting", "0"),
        ("--request-timeout", "soon"),
    ],
)
def test_limits_that_are_none(flag: str, value: str) -> None:
    result = run(flag, value)
    assert result.exit_code == 2
    assert flag in result.stderr


def test_limits_in_the_config(home: Home) -> None:
    with bind("127.0.0.1", 0) as taken:
        limits = "memory = 4\nidle_timeout = 0.5\nslots = 1\n"
        home.make().config.write_text(f"{limits}port = {taken.getsockname()[1]}\n")
        assert "is in use" in one_line(run())  # all is read, and then the port can't be had
    home.config.write_text("memory = '4'")
    assert "memory must be of type float" in one_line(run())
    home.config.write_text("slots = 1.5")
    assert "slots must be of type int" in one_line(run())


def test_a_switch_in_the_config(home: Home) -> None:
    with bind("127.0.0.1", 0) as taken:
        home.make().config.write_text(f"insecure = true\nport = {taken.getsockname()[1]}\n")
        assert "is in use" in one_line(run())
    for wrong, kind in (("insecure = 1", "bool"), ("port = true", "int")):
        home.config.write_text(wrong)
        assert f"must be of type {kind}" in one_line(run())


def test_listening_for_others_without_a_key(home: Home) -> None:
    said = one_line(run("--port", "0", "--host", "0.0.0.0"))
    assert "--api-key" in said and "--insecure" in said
    assert not home.admin_key.exists()
    assert "one word" in one_line(run("--port", "0", "--admin-key", "two words"))


def test_the_readme_tells_of_every_flag() -> None:
    told = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    flags = {option.opts[0] for option in main.params if not getattr(option, "hidden", False)}
    assert not {flag for flag in flags - {"--version"} if f"`{flag}`" not in told}


def test_a_preload_that_means_nothing() -> None:
    assert "--preload nobody" in one_line(run("--port", "0", "--preload", "nobody"))


def test_a_second_server_of_one_home(launch: Launch, home: Home) -> None:
    rig = launch()
    write_server_file(home, ServerFile(rig.url, os.getpid(), "1"))
    assert f"is running already, at {rig.url}" in one_line(run("--port", "0"))


def _outcome(server: ServerProcess) -> str:
    try:
        return server.wait_until_up().url
    except Failure as failure:
        return str(failure)


def test_only_one_of_two_servers_that_start_together(home: Home) -> None:
    servers = [ServerProcess(home, ["--port", "0"]) for _ in range(2)]
    try:
        ends = [_outcome(server) for server in servers]
        [up] = [end for end in ends if end.startswith("http")]
        [refused] = [end for end in ends if not end.startswith("http")]
        assert f"is running already, at {up}" in refused
    finally:
        for server in servers:
            server.stop()


def test_a_server_that_was_killed_leaves_the_home_free(home: Home) -> None:
    killed = ServerProcess(home, ["--port", "0"])
    os.kill(killed.wait_until_up().pid, signal.SIGKILL)
    assert killed.ended(20)
    with only_server(home, patience=0):
        pass


def test_a_server_that_neither_answers_nor_ends(home: Home) -> None:
    with (
        only_server(home),
        pytest.raises(HomeError, match="starting or ending"),
        only_server(home, patience=0),
    ):
        pass


def test_a_home_that_knows_no_locks(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError("flock")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    with only_server(home):
        assert "can't be locked" in caplog.text


def test_a_file_left_by_a_dead_server_is_no_server(home: Home) -> None:
    home.make()
    assert find_running_server(home) is None
    write_server_file(home, ServerFile("http://127.0.0.1:9", 999999999, "1"))
    assert find_running_server(home) is None
    write_server_file(home, ServerFile("http://127.0.0.1:9", os.getpid(), "1"))
    assert find_running_server(home) is None
    home.server_file.write_text("{")
    assert find_running_server(home) is None


def test_urls() -> None:
    with bind("0.0.0.0", 0) as everywhere:
        assert url_of(everywhere) == f"http://127.0.0.1:{everywhere.getsockname()[1]}"
    with bind("127.0.0.1", 0) as here:
        assert url_of(here) == f"http://127.0.0.1:{here.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_urls_of_ipv6() -> None:
    try:
        listener = bind("::1", 0)
    except Exception:
        pytest.skip("no IPv6 loopback address here")
    with listener:
        assert url_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


@pytest.mark.parametrize("by_lifeline", [False, True])
def test_the_command_from_start_to_end(home: Home, by_lifeline: bool) -> None:
    lifeline = Lifeline()
    command = [sys.executable, "-c", "from bluey_server.cli import main; main()", "--port", "0"]
    with subprocess.Popen(
        [*command, "--host", "0.0.0.0", "--insecure", "--lifeline", str(lifeline.child_end)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[lifeline.child_end],
    ) as process:
        lifeline.hand_over()
        assert process.stdout is not None
        said = process.stdout.readline()
        found = json.loads(home.server_file.read_text())
        assert found["pid"] == process.pid
        assert found["url"] in said
        assert httpx.get(f"{found['url']}/health").json() == {"status": "ok"}
        assert find_running_server(home) is not None
        if by_lifeline:
            lifeline.cut()
        else:
            process.send_signal(signal.SIGTERM)
        _, warnings = process.communicate(timeout=20)
    if not by_lifeline:
        lifeline.cut()
    assert process.returncode == 0
    assert "no API key" in warnings
    assert "Traceback" not in warnings
    assert not home.server_file.exists()


def test_the_http_process_never_imports_mlx() -> None:
    code = (
        "import sys, bluey_server.cli, bluey_server.http.app, bluey_server.http.serving,"
        " bluey_server.engine_pool;"
        "heavy = {'mlx', 'mlx_lm', 'transformers', 'torch', 'huggingface_hub'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
