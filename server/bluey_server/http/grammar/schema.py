"""JSON schemas as grammars: what a client asks for is enforced whole, or refused with the reason.

The library refuses keywords that it can't enforce. Answers are compact JSON: with white space left
to the model, a small one may never come to an end of it.
"""

import functools
import json
from typing import TYPE_CHECKING, Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from bluey_server.http.errors import BadRequest
from bluey_server.http.grammar.narrowing import narrowed

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

ANY_OBJECT: dict[str, Any] = {"type": "object"}

_OPTIONS: "JsonCompileOptions" = {
    "item_separator": ",",
    "key_separator": ":",
    "whitespace_flexible": False,
    "coerce_one_of": False,
    "lenient": False,
}

_LONGEST = 256 * 1024
"""Characters of a schema. Compiling one this long takes about a second."""


def schema_grammar(schema: dict[str, Any]) -> str:
    """llguidance's grammar of a checked schema."""
    return LLMatcher.grammar_from_json_schema(schema_text(schema), overrides=_OPTIONS)


def schema_part(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """A checked schema as a part of a larger grammar, which calls it `@name`."""
    (part,) = json.loads(schema_grammar(schema))["grammars"]
    return {**part, "name": name}


def check_schema(schema: dict[str, Any], *, what: str, param: str, code: str) -> None:
    """Raise BadRequest when `schema`, which is that of `what`, can't be enforced. Takes a while."""
    try:
        text = schema_text(schema)
        defect = (
            f"it is longer than {_LONGEST} characters" if len(text) > _LONGEST else _defect(text)
        )
    except RecursionError:
        defect = "it is nested too deeply"
    if defect is not None:
        raise BadRequest(f"Invalid schema for {what}: {defect}", code=code, param=param)


def schema_text(schema: dict[str, Any]) -> str:
    """The schema that is enforced, in JSON."""
    return json.dumps(narrowed(schema), ensure_ascii=False)


@functools.lru_cache(maxsize=64)  # clients send the same ones again and again
def _defect(text: str) -> str | None:
    """What is wrong with a schema, found out on bytes: no base's tokens are needed for that."""
    if "x-guidance" in json.loads(text):
        return "'x-guidance' is not a keyword of JSON schema"
    try:
        grammar = LLMatcher.grammar_from_json_schema(text, overrides=_OPTIONS)
    except ValueError as error:
        return str(error)
    matcher = LLMatcher(
        LLTokenizer("byte"), grammar, log_level=0, limits=LLParserLimits(verbose_errors=False)
    )
    if not matcher.is_error():
        # What can only be said in one way comes first: a schema that holds itself has no end of it.
        matcher.consume_tokens(list(matcher.compute_ff_bytes()))
        matcher.compute_bitmask()
    if not matcher.is_error():
        return None
    told = " ".join(matcher.get_error().replace("<non-verbose/>", "").split())
    if told.startswith("NoExtension"):
        return "no value is valid against it"
    return told[:500]
