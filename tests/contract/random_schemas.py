"""JSON schemas by chance, the same for the same seed. Everything in them is bounded, so that any
model comes to an end of them."""

import random
from typing import Any

Schema = dict[str, Any]

_NAMES = ("name", "age", "tags", "where", "on", "size", "notes", "kind", "größe", "a b", 'quo"te')
_WORDS = ("red", "green", "blue", "", "a\nb", "größer", "1", '"', "\\", "🐕")
_PATTERNS = ("^[a-z]{2,5}$", "^(ab|cd)*x$", "^[0-9]{3}-[0-9]{2}$", "^\\w{1,6}$")
_FORMATS = ("date", "time", "date-time", "uuid", "ipv4")


def random_schema(seed: int) -> Schema:
    """Mostly an object; nested up to three deep."""
    chance = random.Random(seed)
    maker = _Maker(chance)
    root = maker.object(3) if chance.random() < 0.8 else maker.any(3)
    return {**root, "$defs": maker.definitions} if maker.definitions else root


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.definitions: dict[str, Schema] = {}

    def any(self, depth: int) -> Schema:
        flat = [self.string, self.integer, self.number, self.choice, self.simple]
        nested = [self.object, self.array, self.union, self.reference]
        return self._chance.choice(flat + (nested if depth > 0 else []))(depth - 1)

    def object(self, depth: int) -> Schema:
        names = self._chance.sample(_NAMES, self._chance.randint(1, 4))
        return {
            "type": "object",
            "properties": {name: self.any(depth) for name in names},
            "required": [name for name in names if self._chance.random() < 0.6],
            "additionalProperties": False,
        }

    def array(self, depth: int) -> Schema:
        least, most = sorted((self._chance.randint(0, 3), self._chance.randint(0, 3)))
        return {"type": "array", "items": self.any(depth), "minItems": least, "maxItems": most}

    def union(self, depth: int) -> Schema:
        return {"anyOf": [self.any(depth), {"type": "null"}]}

    def reference(self, depth: int) -> Schema:
        name = f"part{len(self.definitions)}"
        self.definitions[name] = {}
        self.definitions[name] = self.any(depth)
        return {"$ref": f"#/$defs/{name}"}

    def string(self, _: int) -> Schema:
        match self._chance.randint(0, 3):
            case 0:
                return {"type": "string", "pattern": self._chance.choice(_PATTERNS), "maxLength": 9}
            case 1:
                return {"type": "string", "format": self._chance.choice(_FORMATS)}
            case _:
                least, most = sorted((self._chance.randint(0, 9), self._chance.randint(0, 9)))
                return {"type": "string", "minLength": least, "maxLength": most}

    def integer(self, _: int) -> Schema:
        least, most = sorted((self._chance.randint(-300, 9000), self._chance.randint(-300, 9000)))
        if self._chance.random() < 0.3:
            return {"type": "integer", "exclusiveMinimum": least, "maximum": most + 1}
        if self._chance.random() < 0.2:
            return {"type": "integer", "minimum": least, "maximum": least + 30, "multipleOf": 7}
        return {"type": "integer", "minimum": least, "maximum": most}

    def number(self, _: int) -> Schema:
        least = round(self._chance.uniform(-20, 20), 2)
        most = least + round(self._chance.uniform(0.5, 40), 1)
        return {"type": "number", "minimum": least, "exclusiveMaximum": most}

    def choice(self, _: int) -> Schema:
        values: list[Any] = [*self._chance.sample(_WORDS, self._chance.randint(1, 4)), 17, None]
        if self._chance.random() < 0.3:
            return {"const": self._chance.choice(values)}
        return {"enum": values[: self._chance.randint(1, len(values))]}

    def simple(self, _: int) -> Schema:
        return {"type": self._chance.choice(["boolean", "null", ["boolean", "null"]])}
