"""P16 and P17: what it costs to choose tokens otherwise than greedily, of a wide vocabulary."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.figures import Figure, Goal, at_least, ratios
from benchmarks.measures.measure import WIDE, Measure
from benchmarks.stage import Stage

_GREEDY = "greedy"

_SCHEMA = {
    "type": "array",
    "minItems": 200,  # more than fit into an answer: it has the length that was asked for
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 24},
            "kind": {"enum": ["dog", "cat", "bird"]},
            "age": {"type": "integer", "minimum": 0, "maximum": 40},
            "tame": {"type": "boolean"},
        },
        "required": ["name", "kind", "age", "tame"],
        "additionalProperties": False,
    },
}
_FORMAT = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "animals", "strict": True, "schema": _SCHEMA},
    }
}
_FILTERS = {"temperature": 1, "top_p": 0.9, "top_k": 40, "min_p": 0.02}
_PENALTIES = {"repetition_penalty": 1.1, "frequency_penalty": 0.3, "presence_penalty": 0.3}

_Kinds = dict[str, tuple[dict[str, Any], Goal | None]]  # fields of a request; over greedy's speed

_FILTERED: _Kinds = {
    "top-p 0.9, top-k 40 and min-p": (_FILTERS, at_least(0.85)),
    "temperature 1": ({"temperature": 1}, None),
    "top-p 0.9": ({"temperature": 1, "top_p": 0.9}, None),
}
_SHAPED: _Kinds = {
    "a JSON schema": (_FORMAT, at_least(0.8)),
    "three penalties": (_PENALTIES, at_least(0.9)),
    "20 top_logprobs": ({"logprobs": True, "top_logprobs": 20}, None),
}


def _over_greedy(measure: str, kinds: _Kinds, stage: Stage) -> list[Figure]:
    def speed(streams: int, options: dict[str, Any]) -> float:
        return stage.streams(stage.ours, streams, [None], **options).tokens_per_second

    figures = []
    for streams in stage.sizes.streams:
        sides: dict[str, Callable[[], float]] = {_GREEDY: partial(speed, streams, {})}
        sides |= {name: partial(speed, streams, options) for name, (options, _) in kinds.items()}
        speeds = stage.turns(sides)
        figures += [
            Figure(
                measure=measure,
                what=f"Tokens/s, {streams} stream{'s' * (streams > 1)} with {name}, over greedy",
                weights=stage.shape,
                goal=goal,
                rounds=ratios(speeds[name], speeds[_GREEDY]),
                absolute={f"{side} (tokens/s)": speeds[side] for side in (name, _GREEDY)},
            )
            for name, (_, goal) in kinds.items()
        ]
    return figures


P16 = Measure(
    "P16",
    "The same streams of the base on the same server, drawn and greedy. The model is small and its "
    "vocabulary wide, so that what is done to each logit weighs as much as it can; its logits are "
    "spread so that 40 tokens hold some 85 % of the probability.",
    WIDE,
    partial(_over_greedy, "P16", _FILTERED),
)
P17 = Measure(
    "P17",
    "As P16, all greedy. The schema is an array of objects with short strings, an enumeration, "
    "integers and booleans, which goes on for longer than the answer may: allowed are at times "
    "nearly all tokens, at times a few. The penalties are repetition, frequency and presence.",
    WIDE,
    partial(_over_greedy, "P17", _SHAPED),
)
