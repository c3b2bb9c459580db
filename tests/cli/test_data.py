"""`bluey-admin data`."""

import json
from pathlib import Path

from tests.cli.conftest import Admin, fails

GOOD = json.dumps({"prompt": "hi", "completion": "hello there"})


def test_list(admin: Admin) -> None:
    listed = json.loads(admin("data", "list", "--json").stdout)
    known = [(each["name"], each["examples"], each["validation"]) for each in listed]
    assert known == [("bluey", 111, 20), ("captain", 60, 12)]
    assert admin("data", "list").stdout.splitlines()[1].split()[:3] == ["bluey", "111", "20"]


def test_check_counts(admin: Admin) -> None:
    facts = json.loads(admin("data", "check", "bluey", "--json").stdout)
    assert facts["examples"] == 111
    assert facts["repeated_prompts"] == 0
    assert facts["words_a_reply"]["least"] >= 1
    assert facts["tokens_an_example_for_it"]["most"] > 0
    assert "examples" in admin("data", "check", "bluey").stdout


def test_check_lists_every_bad_line(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "bad data.jsonl"
    bad = ["{", "[]", "{}", '{"prompt": "hi"}', '{"messages": [{"role": "x"}]}']
    file.write_text("\n".join([GOOD, *bad, GOOD]))
    for command in (["data", "check", str(file)], ["data", "show", str(file)]):
        result = admin(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        first, *lines = result.stderr.splitlines()
        assert first == f"error: {file}: 5 lines can't be used"
        assert [line.split(":")[0].strip() for line in lines] == [f"line {n}" for n in range(2, 7)]


def test_check_of_examples_too_long(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps({"prompt": "hi", "completion": "hello there " * 2000}))
    assert "1 example of over" in admin("data", "check", str(file)).stdout


def test_show(admin: Admin, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(f"{GOOD}\n\n{GOOD}\n")
    assert admin("data", "show", str(file), "--line", "3").stdout.splitlines() == [
        "--- line 3",
        "user: hi",
        "assistant: hello there",
    ]
    shown = json.loads(admin("data", "show", str(file), "--head", "1", "--json").stdout)
    assert [each["line"] for each in shown] == [1]
    fails(admin("data", "show", str(file), "--line", "2"), "no example on line 2")


def test_files_that_are_not_there(admin: Admin) -> None:
    for command in ("check", "show"):
        fails(admin("data", command, "/no where.jsonl"), "no data file at /no where.jsonl", "bluey")
