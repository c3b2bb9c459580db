"""An entry for every field of a request: the test that shows what it does, and values that are bad.

test_every_field.py holds this table to the server's own: a field without an entry, an entry for a
field that is gone, or one that tells of another treatment than the field has, fails there.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bad:
    """A value that is a 400, how the message begins, and where it says that the fault is."""

    value: Any
    code: str
    message: str = ""
    param: str | None = None  # None: the field
    later: bool = False  # found when other fields or the model are known: no schema tells of it


@dataclass(frozen=True)
class Used:
    """It works: `effects` are tests, by `folder/file:function`, that show how."""

    effects: tuple[str, ...]
    bad: tuple[Bad, ...]


@dataclass(frozen=True)
class Harmless:
    """A value that is taken and changes nothing."""

    value: Any
    bad: tuple[Bad, ...]


@dataclass(frozen=True)
class Refused:
    """Values that ask for nothing more than what is done anyway are taken."""

    bad: tuple[Bad, ...]
    inert: tuple[Any, ...] = ()


Entry = Used | Harmless | Refused

_SAMPLING = "contract/test_sampling_effects"
_LENGTH = "contract/test_length_effects"
_SHAPE = "contract/test_shape_effects"
_OPENAI = "contract/test_openai_client"
_COMPLETIONS = "contract/test_completions"
_STRUCTURED = "contract/test_structured"
_TEMPLATE = "http/test_template_fields"

BELOW, ABOVE = "below_min_value", "above_max_value"
TYPE, MISSING, VALUE = "invalid_type", "missing_required_parameter", "invalid_value"
UNSUPPORTED = "unsupported_value"

_MODEL = Used(
    (f"{_SHAPE}:test_model",),
    (
        Bad(None, MISSING, "Missing required parameter: 'model'."),
        Bad("", MISSING, "Missing required parameter: 'model'."),
        Bad(5, TYPE, "Invalid type for 'model': expected a string, but got an integer instead."),
    ),
)

COMMON: dict[str, Entry] = {
    "model": _MODEL,
    "stream": Used((f"{_SHAPE}:test_stream",), (Bad("yes", TYPE, "Invalid type for 'stream'"),)),
    "stream_options": Used(
        (f"{_SHAPE}:test_stream_options",),
        (
            Bad(5, TYPE, "Invalid type for 'stream_options': expected an object"),
            Bad({"include_usage": 1}, TYPE, param="stream_options.include_usage"),
            Bad({"include_obfuscation": 1}, TYPE, param="stream_options.include_obfuscation"),
        ),
    ),
    "temperature": Used(
        (f"{_SAMPLING}:test_temperature",),
        (
            Bad(
                200,
                f"decimal_{ABOVE}",
                "Invalid 'temperature': decimal above maximum value. "
                "Expected a value <= 2, but got 200 instead.",
            ),
            Bad(
                -0.5,
                f"decimal_{BELOW}",
                "Invalid 'temperature': decimal below minimum value. "
                "Expected a value >= 0, but got -0.5 instead.",
            ),
            Bad(
                "hot",
                TYPE,
                "Invalid type for 'temperature': expected a decimal, but got a string instead.",
            ),
            Bad(True, TYPE),
        ),
    ),
    "top_p": Used((f"{_SAMPLING}:test_top_p",), (Bad(1.5, f"decimal_{ABOVE}", "Invalid 'top_p'"),)),
    "stop": Used(
        (f"{_LENGTH}:test_stop", "http/test_chat:test_stop_strings_across_token_borders"),
        (
            Bad(7, TYPE, "Invalid type for 'stop'"),
            Bad([1], TYPE, "Invalid type for 'stop[0]'", "stop[0]"),
            Bad("", "empty_string", "Invalid 'stop[0]': empty string.", "stop[0]"),
            Bad(["x"] * 65, "array_above_max_length", "Invalid 'stop': array too long."),
        ),
    ),
    "n": Used(
        (f"{_SHAPE}:test_n", f"{_COMPLETIONS}:test_several_answers_by_one_seed"),
        (
            Bad(33, f"integer_{ABOVE}", "Invalid 'n': integer above maximum value."),
            Bad(0, f"integer_{BELOW}", "Invalid 'n'"),
        ),
    ),
    "seed": Used(
        (f"{_SAMPLING}:test_seed",),
        (
            Bad(2**63, f"integer_{ABOVE}", "Invalid 'seed'"),
            Bad("7", TYPE, "Invalid type for 'seed'"),
        ),
    ),
    "presence_penalty": Used(
        (f"{_SAMPLING}:test_presence_penalty",),
        (
            Bad(-2.5, f"decimal_{BELOW}", "Invalid 'presence_penalty'"),
            Bad("1", TYPE, "Invalid type for 'presence_penalty'"),
        ),
    ),
    "frequency_penalty": Used(
        (f"{_SAMPLING}:test_frequency_penalty",),
        (Bad(3, f"decimal_{ABOVE}", "Invalid 'frequency_penalty'"),),
    ),
    "logit_bias": Used(
        (f"{_SAMPLING}:test_logit_bias",),
        (
            Bad([5], TYPE, "Invalid type for 'logit_bias': expected an object"),
            Bad({"5": "1"}, TYPE, "Invalid type for 'logit_bias.5'", "logit_bias.5"),
            Bad({"5": 101}, f"decimal_{ABOVE}", "Invalid 'logit_bias.5'", "logit_bias.5"),
            Bad({"5": -101}, f"decimal_{BELOW}", "Invalid 'logit_bias.5'", "logit_bias.5"),
            Bad({"the": 1}, VALUE, "Invalid key in 'logit_bias': 'the'. You should"),
            Bad({"-1": 1}, VALUE, "Invalid key in 'logit_bias': '-1'."),
            Bad({"05": 1}, VALUE, "Invalid key in 'logit_bias': '05'."),
            Bad({"٣": 1}, VALUE, "Invalid key in 'logit_bias': '٣'."),
            Bad({"": 1}, VALUE, "Invalid key in 'logit_bias': ''."),
            Bad({"": None}, VALUE, "Invalid key in 'logit_bias': ''."),
            Bad({"9" * 30: 1}, VALUE, "Invalid key in 'logit_bias': '999"),
            Bad(
                {"5": 1, "4096": 1},
                VALUE,
                "Invalid key in 'logit_bias': 4096. Maximum value is",
                later=True,
            ),
        ),
    ),
    "service_tier": Used((f"{_SHAPE}:test_service_tier",), (Bad(1, TYPE, "Invalid type for"),)),
    "top_k": Used(
        (f"{_SAMPLING}:test_top_k",),
        (
            Bad(-2, f"integer_{BELOW}", "Invalid 'top_k'"),
            Bad(1.5, TYPE, "Invalid type for 'top_k': expected an integer"),
        ),
    ),
    "min_p": Used((f"{_SAMPLING}:test_min_p",), (Bad(-1, f"decimal_{BELOW}", "Invalid 'min_p'"),)),
    "repetition_penalty": Used(
        (f"{_SAMPLING}:test_repetition_penalty",),
        (
            Bad(0, f"decimal_{BELOW}", "Invalid 'repetition_penalty'"),
            Bad(5e-324, f"decimal_{BELOW}", "Invalid 'repetition_penalty'"),
        ),
    ),
    "min_tokens": Used(
        (f"{_LENGTH}:test_min_tokens",),
        (
            Bad(-1, f"integer_{BELOW}", "Invalid 'min_tokens'"),
            Bad(
                17,
                f"integer_{ABOVE}",
                "Invalid 'min_tokens': integer above maximum value.",
                later=True,
            ),
        ),
    ),
    "ignore_eos": Used(
        (f"{_LENGTH}:test_ignore_eos", f"{_LENGTH}:test_ignore_eos_goes_past_a_turn_s_end"),
        (Bad("yes", TYPE, "Invalid type for 'ignore_eos': expected a boolean"),),
    ),
    "user": Harmless("me", (Bad(1, TYPE),)),
    "safety_identifier": Harmless("me", (Bad(1, TYPE),)),
    "prompt_cache_key": Harmless("k", (Bad(1, TYPE),)),
    "prompt_cache_options": Harmless({"mode": "implicit"}, (Bad("x", TYPE),)),
    "prompt_cache_retention": Harmless("24h", (Bad(24, TYPE),)),
    "metadata": Harmless(
        {"a" * 64: "b" * 512, "gone": None, **{str(number): "" for number in range(14)}},
        (
            Bad("x", TYPE, "Invalid type for 'metadata'"),
            Bad({"a": 1}, TYPE, "Invalid type for 'metadata.a': expected a string", "metadata.a"),
            Bad(
                {str(number): "" for number in range(17)},
                "object_above_max_properties",
                "Invalid 'metadata': too many properties. Expected an object with at most 16 "
                "properties, but got an object with 17 properties instead.",
            ),
            Bad({"a" * 65: "b"}, "property_name_above_max_length", "Invalid property name in"),
            Bad(
                {"a": "b" * 513},
                "string_above_max_length",
                "Invalid 'metadata.a': string too long. Expected a string with maximum length 512",
                "metadata.a",
            ),
        ),
    ),
    "store": Harmless(True, (Bad("yes", TYPE),)),
}

CHAT: dict[str, Entry] = {
    **COMMON,
    "messages": Used(
        (f"{_SHAPE}:test_what_is_asked",),
        (
            Bad(None, MISSING, "Missing required parameter: 'messages'."),
            Bad([], "empty_array", "Invalid 'messages': empty array."),
            Bad("Hello", TYPE, "Invalid type for 'messages': expected an array"),
            Bad([{"role": "pirate"}], VALUE, "Invalid value: 'pirate'.", "messages[0].role"),
        ),
    ),
    "max_completion_tokens": Used(
        (f"{_LENGTH}:test_max_completion_tokens",),
        (Bad(-1, f"integer_{BELOW}", "Invalid 'max_completion_tokens'"),),
    ),
    "max_tokens": Used(
        (f"{_LENGTH}:test_max_tokens",), (Bad(0, f"integer_{BELOW}", "Invalid 'max_tokens'"),)
    ),
    "logprobs": Used(
        (f"{_COMPLETIONS}:test_log_probabilities_of_a_chat",),
        (Bad(1, TYPE, "Invalid type for 'logprobs': expected a boolean"),),
    ),
    "top_logprobs": Used(
        (f"{_COMPLETIONS}:test_log_probabilities_of_a_chat",),
        (
            Bad(21, f"integer_{ABOVE}", "Invalid 'top_logprobs'"),
            Bad(2, VALUE, "Invalid 'top_logprobs': it is only allowed when", later=True),
        ),
    ),
    "reasoning_effort": Used(
        (f"{_TEMPLATE}:test_reasoning_effort",),
        (Bad("huge", VALUE, "Invalid value: 'huge'. Supported values are: "),),
    ),
    "chat_template_kwargs": Used(
        (f"{_TEMPLATE}:test_chat_template_kwargs",),
        (
            Bad([], TYPE, "Invalid type for 'chat_template_kwargs'"),
            Bad(
                {"messages": []},
                "unsupported_parameter",
                "Unsupported parameter: 'chat_template_kwargs.messages' is set by the server.",
                "chat_template_kwargs.messages",
            ),
        ),
    ),
    "prediction": Harmless({"type": "content", "content": "x"}, (Bad("x", TYPE),)),
    "verbosity": Harmless("low", (Bad(1, TYPE),)),
    "response_format": Used(
        (
            f"{_STRUCTURED}:test_a_schema",
            f"{_STRUCTURED}:test_any_object",
        ),
        (
            Bad({"type": "xml"}, VALUE, "Invalid value: 'xml'. Supported", "response_format.type"),
            Bad({}, MISSING, param="response_format.type"),
            Bad("json", TYPE, "Invalid type for 'response_format': expected an object"),
            Bad(
                {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "what"}}},
                "invalid_json_schema",
                "Invalid schema for response_format 'x': ",
                later=True,
            ),
        ),
    ),
    "tools": Used(
        (f"{_STRUCTURED}:test_calls_that_must_be",),
        (
            Bad({}, TYPE, "Invalid type for 'tools': expected an array"),
            Bad([{"type": "function"}], MISSING, param="tools[0].function"),
        ),
    ),
    "tool_choice": Used(
        (
            f"{_STRUCTURED}:test_a_call_that_is_named",
            f"{_STRUCTURED}:test_some_of_the_tools",
        ),
        (
            Bad("required", VALUE, "Invalid value for 'tool_choice'", later=True),
            Bad("always", VALUE, "Invalid value: 'always'."),
            Bad(5, TYPE),
        ),
    ),
    "parallel_tool_calls": Used((f"{_STRUCTURED}:test_several_calls_or_one",), (Bad("no", TYPE),)),
    "functions": Used(
        (f"{_STRUCTURED}:test_functions_of_old",),
        (Bad({}, TYPE), Bad([{}], MISSING, param="functions[0].name")),
    ),
    "function_call": Used(
        (f"{_STRUCTURED}:test_functions_of_old",),
        (
            Bad({"name": "f"}, VALUE, "Invalid value for 'function_call'", later=True),
            Bad("required", VALUE, "Invalid value: 'required'."),
        ),
    ),
    "modalities": Refused(
        (
            Bad(
                ["text", "audio"],
                UNSUPPORTED,
                'Unsupported value: \'modalities\' does not support ["text","audio"] on this',
            ),
        ),
        (["text"], []),
    ),
    "audio": Refused((Bad({"voice": "x"}, UNSUPPORTED, "Unsupported value: 'audio'"),)),
    "web_search_options": Refused((Bad({}, UNSUPPORTED),)),
    "moderation": Refused((Bad({"model": "x"}, UNSUPPORTED),), ({}, {"model": None})),
}

COMPLETION: dict[str, Entry] = {
    **COMMON,
    "prompt": Used(
        (f"{_SHAPE}:test_what_is_asked", f"{_COMPLETIONS}:test_prompts_of_ids"),
        (
            Bad(None, MISSING),
            Bad(5, TYPE),
            Bad({}, TYPE),
            Bad([], "empty_array"),
            Bad([[]], "empty_array", param="prompt[0]"),
            Bad([[1], []], "empty_array", param="prompt[1]"),
            Bad(["a", 1], TYPE, param="prompt[1]"),
            Bad([1, "a"], TYPE, param="prompt[1]"),
            Bad([[1], "a"], TYPE, param="prompt[1]"),
            Bad([True], TYPE, param="prompt[0]"),
            Bad([None], TYPE, param="prompt[0]"),
            Bad([-1], f"integer_{BELOW}", param="prompt[0]"),
            Bad([2**40], VALUE, later=True),
            Bad([2**40, 1.5], f"integer_{ABOVE}", param="prompt[0]"),
            Bad([4096], VALUE, "Invalid 'prompt': 4096 is no token id of this model", later=True),
            Bad([[1], [4096]], VALUE, param="prompt[1]", later=True),
            Bad(["a"] * 2049, "array_above_max_length"),
            Bad([20] * 8192, "context_length_exceeded", later=True),
            Bad("word " * 9000, "context_length_exceeded", later=True),
        ),
    ),
    "max_tokens": Used(
        (f"{_LENGTH}:test_max_tokens",),
        (
            Bad(
                0,
                f"integer_{BELOW}",
                "Invalid 'max_tokens': 0 is only allowed when 'echo'",
                later=True,
            ),
            Bad(-1, f"integer_{BELOW}"),
            Bad(8192, "context_length_exceeded", param="prompt", later=True),
        ),
    ),
    "logprobs": Used(
        (f"{_COMPLETIONS}:test_a_text_is_scored_as_it_was_generated",),
        (Bad(6, f"integer_{ABOVE}"), Bad(True, TYPE)),
    ),
    "echo": Used((f"{_COMPLETIONS}:test_a_completion_goes_on_and_may_echo",), (Bad(1, TYPE),)),
    "best_of": Refused((Bad(2, UNSUPPORTED), Bad(-1, f"integer_{BELOW}")), (0, 1)),
    "suffix": Refused((Bad("end", UNSUPPORTED),), ("",)),
}
