"""The report as it lies on disk and is announced."""

from pathlib import Path

import msgspec
from rich.console import Console

from bluey_adapters.files import write_atomically
from bluey_admin.evaluation.findings import Findings, to_json
from bluey_admin.evaluation.report.page import render_page
from bluey_admin.evaluation.report.summary import print_summary
from bluey_admin.terminal import print_json, say


def write_report(folder: Path, findings: Findings, *, console: Console | None) -> Path:
    """Write both files; the summary goes to `console`, or with None the JSON to stdout."""
    page = folder / "report.html"
    write_atomically(page, render_page(findings).encode())
    # Last: a folder with this file is a whole report.
    write_atomically(
        folder / "report.json", msgspec.json.format(msgspec.json.encode(to_json(findings)))
    )
    if console is None:
        print_json(to_json(findings))
        say(f"the report is {page}")
    else:
        print_summary(findings, console, page)
    return page
