"""lm-eval against us, as its users run it: the log-likelihoods of its `local-completions` are those
that mlx-lm computes itself."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bluey_adapters.bases import Base, open_base
from bluey_data.catalog import embedded_model
from tests.clients.conftest import KEY
from tests.clients.environments import python_with
from tests.e2e.running import PATIENCE, Bluey
from tests.engine.alone import Alone

QUESTIONS = [
    ("What is the sea made of?", [" Salt water.", " Stones and bread."]),
    ("The dog ran", [" home.", " the sea of the", " and ran and ran until it was dark."]),
    ("Ärger, 漢字 🐶", [" and that was that.", " 漢字"]),
    ("One day" * 200, [" the little boat came back.", " the"]),
]
TEXTS = ["Once upon a time there was a little boat.", "The sea is wide. " * 40]


def near(likelihoods: Any) -> Any:
    """Sums over a text's tokens: as near as they can be added up in another order."""
    return pytest.approx(likelihoods, abs=1e-3, rel=1e-5)


CHOICES = """
task: bluey_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: 0
target_delimiter: ""
metric_list: [{{metric: acc}}]
"""
WHOLE = """
task: bluey_whole
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{text}}}}"
metric_list: [{{metric: word_perplexity}}]
"""


@pytest.mark.slow
@pytest.mark.clients
def test_lm_eval_gets_what_mlx_lm_computes(server: Bluey, tmp_path: Path) -> None:
    python = python_with("lm-eval")
    _write_tasks(tmp_path)
    folder = embedded_model("tiny-pt")
    arguments = [
        *("--model", "local-completions", "--tasks", "bluey_choices,bluey_whole"),
        *("--include_path", str(tmp_path), "--output_path", str(tmp_path / "out")),
        "--log_samples",
        "--model_args",
        f"model=pt,base_url={server.url}/v1/completions,tokenizer={folder},"
        "tokenizer_backend=huggingface,num_concurrent=4,max_retries=1,max_length=4096",
    ]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(
        [str(python), "-m", "lm_eval", "run", *arguments],
        env={**os.environ, **offline, "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = _samples(tmp_path / "out", "bluey_choices")
    tokenizer = open_base(Base(name="pt", source=f"path:{folder}"), "").tokenizer
    alone = Alone(folder)

    def likelihood(context: str, rest: str) -> float:
        # Two texts are cut into tokens together, and the context alone to see where it ends.
        ids = tokenizer.encode(context + rest, special=False)
        start = len(tokenizer.encode(context, special=False))
        return _sum(alone, ids, start)

    assert len(told) == len(QUESTIONS)
    for sample in told:
        doc = sample["doc"]
        found = [float(response[0][0]) for response in sample["resps"]]
        expected = [likelihood(doc["question"], choice) for choice in doc["choices"]]
        assert found == near(expected)
    whole = _samples(tmp_path / "out", "bluey_whole")
    assert len(whole) == len(TEXTS)
    for sample in whole:
        ids = tokenizer.encode(sample["doc"]["text"], special=True)
        assert float(sample["resps"][0][0]) == near(_sum(alone, ids, 1))


def _write_tasks(folder: Path) -> None:
    rows = {
        "choices": [{"question": text, "choices": choices} for text, choices in QUESTIONS],
        "whole": [{"text": text} for text in TEXTS],
    }
    for name, task in (("choices", CHOICES), ("whole", WHOLE)):
        data = folder / f"{name}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows[name]), "utf-8")
        (folder / f"{name}.yaml").write_text(task.format(data=data), "utf-8")


def _samples(folder: Path, task: str) -> list[dict[str, Any]]:
    [file] = folder.rglob(f"samples_{task}_*.jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _sum(alone: Alone, ids: list[int], start: int) -> float:
    logprobs = alone.logprobs(ids)
    return float(sum(logprobs[place - 1][ids[place]] for place in range(start, len(ids))))
