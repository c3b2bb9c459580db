"""Kinds of values that a request's fields hold: each knows its range and says what is wrong.

The wording and the codes are OpenAI's own, since clients map errors by both.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from bluey_server.http.errors import BadRequest

_NOUNS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def wrong_type(param: str, expected: str, value: object) -> BadRequest:
    """The error for a value of another JSON type."""
    return BadRequest(
        f"Invalid type for '{param}': expected {expected}, but got {_NOUNS[type(value)]} instead.",
        code="invalid_type",
        param=param,
    )


def missing(param: str) -> BadRequest:
    """The error for a field that must be there."""
    return BadRequest(
        f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param
    )


def empty(param: str, noun: str) -> BadRequest:
    """The error for an empty "array" or "string"."""
    article = "an" if noun == "array" else "a"
    return BadRequest(
        f"Invalid '{param}': empty {noun}. Expected {article} {noun} with minimum length 1, "
        f"but got an empty {noun} instead.",
        code=f"empty_{noun}",
        param=param,
    )


class Kind(Protocol):
    """Checks a value that is not null, and returns it as the server wants it."""

    def check(self, param: str, value: Any) -> Any:
        """Raises BadRequest."""
        ...


@dataclass(frozen=True)
class Integer:
    """A whole number; `5.0` is one, since some clients know no other numbers."""

    low: int
    high: int

    def check(self, param: str, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(param, "an integer", value)
        _in_range(param, value, self.low, self.high, "integer")
        return value


@dataclass(frozen=True)
class Number:
    """Any number in a range."""

    low: float
    high: float

    def check(self, param: str, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(param, "a decimal", value)
        _in_range(param, value, self.low, self.high, "decimal")
        return float(value)


@dataclass(frozen=True)
class Boolean:
    """true or false."""

    def check(self, param: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise wrong_type(param, "a boolean", value)
        return value


@dataclass(frozen=True)
class Text:
    """A string, perhaps one of a few."""

    choices: tuple[str, ...] = ()

    def check(self, param: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong_type(param, "a string", value)
        if self.choices and value not in self.choices:
            raise invalid_choice(param, value, self.choices)
        return value


@dataclass(frozen=True)
class Object:
    """A JSON object; what is in it is somebody else's to judge."""

    def check(self, param: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong_type(param, "an object", value)
        return value


@dataclass(frozen=True)
class Array:
    """A JSON array; what is in it is somebody else's to judge."""

    def check(self, param: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong_type(param, "an array", value)
        return value


@dataclass(frozen=True)
class Either:
    """A value that may have two shapes, such as a word or an object."""

    first: Kind
    second: Kind
    expected: str  # "a string or an object"

    def check(self, param: str, value: Any) -> Any:
        kind = self.second if isinstance(value, dict | list) else self.first
        try:
            return kind.check(param, value)
        except BadRequest as error:
            if error.code == "invalid_type":
                raise wrong_type(param, self.expected, value) from None
            raise


@dataclass(frozen=True)
class StopStrings:
    """One stop string or several; more than OpenAI's four, since editors send a dozen."""

    most: int = 64
    longest: int = 16_384  # characters of all together

    def check(self, param: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            raise wrong_type(param, "a string or an array of strings", value)
        if len(value) > self.most:
            raise BadRequest(
                f"Invalid '{param}': array too long. Expected an array with maximum length "
                f"{self.most}, but got an array with length {len(value)} instead.",
                code="array_above_max_length",
                param=param,
            )
        for place, text in enumerate(value):
            where = f"{param}[{place}]"
            if not isinstance(text, str):
                raise wrong_type(where, "a string", text)
            if not text:
                raise empty(where, "string")
        total = sum(map(len, value))
        if total > self.longest:
            raise BadRequest(
                f"Invalid '{param}': string too long. Expected stop strings of at most "
                f"{self.longest} characters in all, but got {total} instead.",
                code="string_above_max_length",
                param=param,
            )
        return tuple(dict.fromkeys(value))


@dataclass(frozen=True)
class LogitBias:
    """What is added to the logits of some token ids. JSON's keys are strings, so ids come as
    such; whether the model has them is found out when the model is known (prompt.py)."""

    most: float = 100.0

    def check(self, param: str, value: Any) -> tuple[tuple[int, float], ...]:
        if not isinstance(value, dict):
            raise wrong_type(param, "an object", value)
        bias = Number(-self.most, self.most)
        # An id is looked at even where its null adds nothing: the key is wrong all the same.
        given = ((_token_id(param, key), key, added) for key, added in value.items())
        return tuple(
            (token, bias.check(f"{param}.{key[:20]}", added))
            for token, key, added in given
            if added is not None
        )


@dataclass(frozen=True)
class Metadata:
    """What clients write on their requests to find them again: a few short strings by name."""

    most: int = 16
    longest_name: int = 64  # characters
    longest: int = 512  # characters of a value

    def check(self, param: str, value: Any) -> dict[str, str]:
        given = Object().check(param, value)
        if len(given) > self.most:
            raise BadRequest(
                f"Invalid '{param}': too many properties. Expected an object with at most "
                f"{self.most} properties, but got an object with {len(given)} properties instead.",
                code="object_above_max_properties",
                param=param,
            )
        for name, text in given.items():
            if len(name) > self.longest_name:
                raise BadRequest(
                    f"Invalid property name in '{param}': '{name[:20]}…' is too long. Expected "
                    f"a name with maximum length {self.longest_name}, but got one with length "
                    f"{len(name)} instead.",
                    code="property_name_above_max_length",
                    param=param,
                )
            where = f"{param}.{name}"
            if text is not None and len(Text().check(where, text)) > self.longest:
                raise BadRequest(
                    f"Invalid '{where}': string too long. Expected a string with maximum length "
                    f"{self.longest}, but got a string with length {len(text)} instead.",
                    code="string_above_max_length",
                    param=where,
                )
        return {name: text for name, text in given.items() if text is not None}


@dataclass(frozen=True)
class Prompts:
    """A string, a list of strings, a list of token ids, or a list of such lists; as a list of
    prompts, each a string or a list of ids. Whether the model has these ids, and whether a string
    has any, is found out when the model is known (completions/prompt.py)."""

    most: int = 2048
    expected: str = "a string, an array of strings, an array of tokens, or an array of such arrays"

    def check(self, param: str, value: Any) -> list[str | list[int]]:
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list):
            raise wrong_type(param, self.expected, value)
        if not value:
            raise empty(param, "array")
        if not isinstance(value[0], str | list):
            return [_token_ids(param, value)]
        if len(value) > self.most:
            raise BadRequest(
                f"Invalid '{param}': array too long. Expected an array with maximum length "
                f"{self.most}, but got an array with length {len(value)} instead.",
                code="array_above_max_length",
                param=param,
            )
        return [self._one(f"{param}[{place}]", one, value[0]) for place, one in enumerate(value)]

    def _one(self, param: str, value: Any, first: str | list[Any]) -> str | list[int]:
        if isinstance(first, str):
            return Text().check(param, value)
        if not isinstance(value, list):
            raise wrong_type(param, "an array of tokens", value)
        return _token_ids(param, value)


def _token_ids(param: str, value: list[Any]) -> list[int]:
    if not value:
        raise empty(param, "array")
    # A long prompt has thousands; only a wrong one is worth a closer look.
    if all(type(token) is int and token >= 0 for token in value):
        return value
    kind = Integer(0, 2**31 - 1)
    return [kind.check(f"{param}[{place}]", token) for place, token in enumerate(value)]


def _token_id(param: str, key: str) -> int:
    # int() would take ' 2', '+2' and '٢' as well; and a digit too many for any vocabulary.
    if not (key.isascii() and key.isdigit() and len(key) < 10) or key != str(int(key)):
        raise BadRequest(
            f"Invalid key in '{param}': '{key[:100]}'. You should only be submitting non-negative "
            "integers that are token ids of the model.",
            code="invalid_value",
            param=param,
        )
    return int(key)


def invalid_choice(param: str, value: str, choices: tuple[str, ...]) -> BadRequest:
    """The error for a word that is none of those known."""
    quoted = [f"'{choice}'" for choice in choices]
    listed = " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
    return BadRequest(
        f"Invalid value: '{value[:100]}'. Supported values are: {listed}.",
        code="invalid_value",
        param=param,
    )


def _in_range(param: str, value: float, low: float, high: float, noun: str) -> None:
    if value < low:
        raise _out_of_range(param, noun, "below minimum", f">= {low}", value)
    if value > high:
        raise _out_of_range(param, noun, "above maximum", f"<= {high}", value)


def _out_of_range(param: str, noun: str, how: str, expected: str, value: float) -> BadRequest:
    direction = "min" if how.startswith("below") else "max"
    return BadRequest(
        f"Invalid '{param}': {noun} {how} value. "
        f"Expected a value {expected}, but got {value} instead.",
        code=f"{noun}_{how.split()[0]}_{direction}_value",
        param=param,
    )
