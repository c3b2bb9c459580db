"""What of the harness can be wrong without anybody seeing it in the figures."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.figures import Figure, at_least, at_most, percentile, ratios
from benchmarks.report import BEGIN, END, table, write_report
from benchmarks.results import Results, Surroundings
from benchmarks.sse import EventReader, read_chunk
from benchmarks.weights import write_safetensors

HERE = Surroundings("a machine", "CPU", {"mlx": "1"})


def figure(measure: str = "P5", rounds: list[float] | None = None, weights: str = "tiny") -> Figure:
    return Figure(
        measure=measure,
        what="us over peer",
        weights=weights,
        goal=at_least(1.2),
        rounds=rounds or [1.0, 1.5, 1.3],
        date="2000-01-01",
    )


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert figure().median == 1.3
    assert figure().verdict == "met"
    assert figure(rounds=[1.1]).verdict == "**not met**"
    assert ratios([2, 9], [1, 3]) == [2, 3]
    with pytest.raises(ValueError, match="zip"):
        ratios([1], [1, 2])


def test_goals_have_a_direction() -> None:
    assert at_most(2).met(2)
    assert not at_most(2).met(2.1)
    assert not at_least(2).met(1.9)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 2), (0.95, 4), (1.0, 4)])
def test_percentile(share: float, expected: float) -> None:
    assert percentile([4, 2, 1, 3], share) == expected


def test_events_come_whole_whatever_the_pieces() -> None:
    stream = b': keepalive\n\ndata: {"choices":[]}\n\ndata: {"x":"\xc3\xa9"}\n\ndata: [DONE]\n\n'
    for size in range(1, len(stream) + 1):
        reader = EventReader()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        events = [event for piece in pieces for event in reader.feed(piece)]
        assert events == [b'{"choices":[]}', b'{"x":"\xc3\xa9"}']


def test_chunks_of_either_server_are_read() -> None:
    assert read_chunk(b'{"choices":[{"delta":{"role":"assistant"}}]}').choices[0].delta is not None
    usage = read_chunk(
        b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,'
        b'"prompt_tokens_details":{"cached_tokens":1}}}'
    ).usage
    assert usage is not None
    assert usage.completion_tokens == 2
    assert usage.prompt_tokens_details is not None
    assert read_chunk(b'{"error":{"message":"no"}}').error is not None


def test_the_table_names_what_is_not_measured_yet() -> None:
    made = table([figure()], absolute=False)
    assert "| P5 | us over peer | tiny | ≥ 1.2 | 1.3 | 1 to 1.5 (3) | met |" in made
    assert "| P13 |" in made
    assert len({line.count(" | ") for line in made.splitlines()}) == 1


def test_the_report_leaves_what_people_wrote(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nreplaced\n{END}\nafter\n")
    results = Results()
    results.add("cpu", HERE, [figure()])
    write_report(readme, results)
    once = readme.read_text()
    write_report(readme, results)
    assert readme.read_text() == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "replaced" not in once
    assert "us over peer" in once


def test_new_figures_replace_the_same_measure_and_never_mix_machines() -> None:
    results = Results()
    results.add("cpu", HERE, [figure("P4"), figure("P5"), figure("P5", weights="60m")])
    results.add("cpu", HERE, [figure("P5", [2.0])])
    kept = [(f.measure, f.weights, f.median) for f in results.runs["cpu"].figures]
    assert kept == [("P4", "tiny", 1.3), ("P5", "60m", 1.3), ("P5", "tiny", 2.0)]
    elsewhere = msgspec.structs.replace(HERE, machine="another")
    results.add("cpu", elsewhere, [figure("P5")])
    assert len(results.runs["cpu"].figures) == 1


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_safetensors_are_what_others_read(tmp_path: Path, dtype: str) -> None:
    from safetensors import safe_open

    path = tmp_path / "model.safetensors"
    tensor = np.array([[1.0, -2.5], [0.0, 4.0]], np.float32)  # exact in bf16
    write_safetensors(path, dtype, iter([("a", tensor), ("b", tensor[0])]))
    with safe_open(path, "np") as file:
        assert set(file.keys()) == {"a", "b"}
        assert file.get_slice("a").get_shape() == [2, 2]
        if dtype == "F32":
            assert np.array_equal(file.get_tensor("a"), tensor)
        else:
            raw = path.read_bytes()[-12:-4]
            high = np.frombuffer(raw, "<u2").astype("<u4") << 16
            assert not path.with_suffix(".body").exists()
            assert set(high.view("<f4").tolist()) <= {1.0, -2.5, 0.0, 4.0}
