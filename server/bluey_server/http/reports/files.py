"""Reports in their folders: which there are, and what is in their files.

A report is a folder with both FILES, whose name is its id. Others write them, so nothing here is
trusted: not an id, not a link, not what a file holds.
"""

import math
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec

PAGE = "report.html"
FIGURES = "report.json"
FILES = (PAGE, FIGURES)

# A leading dot is for folders that are still being written, and for `..`.
_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]+")
_YEAR_10000 = 253_402_300_800  # where datetime ends


class Heading(msgspec.Struct, frozen=True):
    """What a list shows of a report: the keys of its figures that are read here."""

    title: str
    created_at: Annotated[float, msgspec.Meta(ge=0, lt=_YEAR_10000)]  # seconds since the epoch


def list_reports(reports: Path) -> list[tuple[str, Heading | None]]:
    """Every report's id and heading, the newest first; at the end those whose figures can't be
    read, without a heading. Blocks."""
    try:
        ids = sorted(folder.name for folder in reports.iterdir())
    except OSError:
        return []
    found = [(id_, _heading(reports, id_)) for id_ in ids if _files(reports, id_)]
    return sorted(found, key=lambda entry: -entry[1].created_at if entry[1] else math.inf)


def read_report(reports: Path, report_id: str, name: str) -> bytes | None:
    """One of a report's FILES; None where there is no such report, or none to be read. Blocks."""
    try:
        return _files(reports, report_id)[name].read_bytes()
    except (KeyError, OSError):
        return None


def _heading(reports: Path, report_id: str) -> Heading | None:
    figures = read_report(reports, report_id, FIGURES)
    try:
        return None if figures is None else msgspec.json.decode(figures, type=Heading)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors too
        return None


def _files(reports: Path, report_id: str) -> dict[str, Path]:
    """A report's FILES, links followed; empty unless both are there and inside `reports`."""
    if not _ID.fullmatch(report_id):
        return {}
    try:
        # Path.resolve raises other errors for a ring of links, from one Python to the next.
        root = Path(os.path.realpath(reports, strict=True))
        files = {
            name: Path(os.path.realpath(root / report_id / name, strict=True)) for name in FILES
        }
        # Reading a pipe would never end, hence is_file.
        within = all(file.is_relative_to(root) and file.is_file() for file in files.values())
    except OSError:
        return {}
    return files if within else {}
