"""`bluey-admin doctor`: is this machine well, and if not, what to do."""

import click
from rich.markup import escape

from bluey_adapters.home import find_home
from bluey_admin.checkup import FAIL, OK, WARN, examine
from bluey_admin.failures import Failure
from bluey_admin.terminal import json_option, out, print_json

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Check this machine, with the cure for what is wrong."""
    findings = []
    console = out()
    for finding in examine(find_home()):
        findings.append(finding)
        if as_json:
            continue
        verdict = f"[{_COLOURS[finding.verdict]}]{finding.verdict:<4}[/]"
        console.print(f"{verdict}  {finding.name:<10}  {escape(finding.found)}", soft_wrap=True)
        if finding.cure is not None:
            console.print(f"{'':18}→ {escape(finding.cure)}", soft_wrap=True)
    if as_json:
        print_json(findings)
    failed = [finding.name for finding in findings if finding.verdict == FAIL]
    if failed:
        raise Failure(f"not fit to serve and train: {', '.join(failed)}")
