"""What /schema says holds for a running server: schemathesis asks what it allows, and what not.

All its phases: examples, boundary values, random ones, and sequences along the links from one
operation to the next. `BLUEY_SCHEMA_SECONDS` asks for as long as that.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_admin.server_process import ServerProcess
from tests.e2e.running import environment
from tests.http.test_reports import add_report

HERE = Path(__file__).parent
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
VERSIONS = 40  # of an adapter, to be deleted


def publish(home: Home, folder: Path, base_fingerprint: str) -> list[str]:
    """Many versions of one adapter; all names that a model may be called by."""
    with Registry(home) as registry:
        digest = registry.store.publish(folder)
        for _ in range(VERSIONS):
            registry.adapters.publish(
                "odd",
                digest=digest,
                base="tiny-it",
                base_fingerprint=base_fingerprint,
                dataset_digest=None,
                hyperparameters={},
                metrics={"valid_loss": 1.5},
                job_id=None,
                promote=True,
            )
    return ["it", "tiny-pt", "odd", *(f"odd@{number}" for number in range(1, VERSIONS + 1))]


@pytest.mark.slow
def test_schemathesis_finds_nothing(
    home: Home, base_fingerprint: str, adapters: list[Path], tmp_path: Path
) -> None:
    names = publish(home, adapters[0], base_fingerprint)
    add_report(home.reports / "one")
    seconds = os.environ.get("BLUEY_SCHEMA_SECONDS")
    # A short run is the same each time.
    bound = ["--max-time", seconds] if seconds else ["--max-examples", "15", "--seed", "6"]
    server = ServerProcess(home, ["--port", "0"])
    try:
        url = server.wait_until_up().url
        key = f"Bearer {home.admin_key.read_text().strip()}"
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema", *bound),
                *("--checks", ",".join(CHECKS), "--header", f"Authorization:{key}"),
                *("--generation-database", "none", "--continue-on-failure"),
                *("--suppress-health-check", "all", "--no-color", "--request-timeout", "120"),
            ],
            cwd=tmp_path,
            env={
                **environment(home),
                "SCHEMATHESIS_HOOKS": str(HERE / "schema_hooks.py"),
                "BLUEY_TEST_NAMES": ",".join(names),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        print(ran.stdout)  # what was tried, for those who look with -s
        assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-5_000:]
        status = httpx.get(f"{url}/admin/status", headers={"authorization": key}).json()
        assert [engine["restarts"] for engine in status["engines"]] == [0, 0]
        assert status["requests"] == []
    finally:
        server.stop()
