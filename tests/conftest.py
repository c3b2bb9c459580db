"""What all tests share: what is run, and what is said of the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.large import write_large_base

# How long an example takes is the machine's affair, and what else it does.
settings.register_profile("bluey", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bluey")

_ON_DEMAND = {
    "slow": "slow: `make test-all` runs it",
    "clients": "needs an environment of its own: `make test-all` and .ci/run make it",
}
"""Markers, each with an option of its name, and why what has one is skipped without it."""


@pytest.fixture(autouse=True, scope="session")
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that names no home gets this one, never the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLUEY_HOME", str(tmp_path_factory.mktemp("nobody") / "home"))
        yield


@pytest.fixture(scope="session")
def large_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a base with 262,144 tokens, as many as Gemma 3 has, of our own making."""
    return write_large_base(tmp_path_factory.mktemp("large") / "base")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bluey")
    group.addoption("--slow", action="store_true", help="run the slow tests as well")
    group.addoption("--clients", action="store_true", help="run those with other clients as well")
    group.addoption(
        "--nothing-left-out",
        action="store_true",
        help="fail when a test was skipped for want of something on this machine",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, reason in _ON_DEMAND.items():
        if not config.getoption(f"--{marker}"):
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--nothing-left-out") and any(_left_out(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.getoption("--nothing-left-out"):
        for name in _left_out(config):
            terminalreporter.write_line(f"left out, which fails this run: {name}", red=True)


def _left_out(config: pytest.Config) -> Iterator[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    on_demand = tuple(_ON_DEMAND.values())
    for report in reporter.stats.get("skipped", []) if reporter else []:
        if isinstance(report.longrepr, tuple) and not report.longrepr[2].endswith(on_demand):
            yield f"{report.nodeid} ({report.longrepr[2]})"
