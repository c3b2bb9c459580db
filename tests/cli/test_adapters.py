"""`bluey-admin adapters`."""

import json

from bluey_adapters.registry import Registry
from bluey_adapters.store import WEIGHTS
from tests.cli.conftest import Admin, fails


def test_an_empty_home_has_none_and_says_how_to_get_one(admin: Admin) -> None:
    result = admin("adapters", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "bluey-admin train it" in result.stderr
    assert json.loads(admin("adapters", "list", "--json").stdout) == []


def test_list_marks_what_each_name_means(admin: Admin, adapters: Registry) -> None:
    rows = [line.split() for line in admin("adapters", "list").stdout.splitlines()]
    assert [row[:2] for row in rows[1:]] == [["cat@1", "*"], ["pup@1", "tiny-it"], ["pup@2", "*"]]
    listed = json.loads(admin("adapters", "list", "--json").stdout)
    assert {each["id"]: each["current"] for each in listed} == {
        "cat@1": True,
        "pup@1": False,
        "pup@2": True,
    }
    assert listed[1]["digest"] == adapters.catalog().versions["pup", 1].digest


def test_show(admin: Admin, adapters: Registry) -> None:
    shown = json.loads(admin("adapters", "show", "pup", "--json").stdout)
    assert (shown["id"], shown["metrics"]) == ("pup@2", {"train_loss_last": 1.5})
    assert "train_loss_last 1.5" in admin("adapters", "show", "pup@1").stdout
    assert adapters.catalog().current["pup"] == 2


def test_promote_and_rollback(admin: Admin, adapters: Registry) -> None:
    assert "pup now means pup@1" in admin("adapters", "promote", "pup@1").stderr
    assert adapters.catalog().current["pup"] == 1
    assert "pup now means pup@2" in admin("adapters", "rollback", "pup").stderr
    assert "pup now means pup@1" in admin("adapters", "rollback", "pup").stderr
    fails(admin("adapters", "rollback", "pup"), "nothing to roll back to")
    assert adapters.catalog().current["pup"] == 1


def test_names_there_are_none_of(admin: Admin, adapters: Registry) -> None:
    for arguments in (
        ("show", "dog"),
        ("promote", "pup@9"),
        ("rollback", "dog"),
        ("rm", "dog", "--yes"),
        ("rm", "pup@9", "--yes"),
        ("verify", "dog"),
    ):
        fails(admin("adapters", *arguments), "there is no adapter called", "cat, pup")
    fails(admin("adapters", "promote", "pup"), "say which version")
    assert len(adapters.catalog().versions) == 3


def test_a_damaged_version_is_found_and_not_promoted(admin: Admin, adapters: Registry) -> None:
    digest = adapters.catalog().versions["pup", 1].digest
    (adapters.store.path(digest) / WEIGHTS).write_bytes(b"x")
    fails(admin("adapters", "promote", "pup@1"), "is damaged", WEIGHTS)
    assert adapters.catalog().current["pup"] == 2
    result = admin("adapters", "verify")
    assert result.exit_code == 1
    assert "pup@2: sound" in result.stdout
    assert "pup@1" in result.stderr
    assert "cat@1" in result.stderr  # it stands on the same files
    assert admin("adapters", "verify", "pup@2").exit_code == 0
    verdicts = json.loads(admin("adapters", "verify", "pup", "--json").stdout)
    assert [each["sound"] for each in verdicts] == [False, True]


def test_rm_asks_and_says_what_goes(admin: Admin, adapters: Registry) -> None:
    for answer in ("", "n\n"):
        result = admin("adapters", "rm", "pup", stdin=answer)
        assert result.exit_code == 1
        assert "pup@1" in result.stderr
        assert "Remove 2 versions for good" in result.stderr
        assert "nothing was removed" in result.stderr
    assert len(adapters.catalog().versions) == 3
    assert admin("adapters", "rm", "pup", stdin="y\n").exit_code == 0
    assert list(adapters.catalog().versions) == [("cat", 1)]
    assert admin("adapters", "verify").exit_code == 0  # cat kept the files it shared


def test_rm_of_what_the_name_means_is_refused(admin: Admin, adapters: Registry) -> None:
    fails(admin("adapters", "rm", "pup@2", "--yes"), "promote another version first")
    assert admin("adapters", "rm", "pup@1", "--yes").exit_code == 0
    assert list(adapters.catalog().versions) == [("cat", 1), ("pup", 2)]
