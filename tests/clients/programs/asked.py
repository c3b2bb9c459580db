"""What clients are to get filled in: arguments of a tool, and an object."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TOOL = "get_weather"


class Weather(BaseModel):
    """Look up the weather of the coming days."""

    # Clients that make a tool of a class name it by its title.
    model_config = ConfigDict(title=TOOL, extra="forbid")

    city: str = Field(min_length=1, max_length=20)
    days: int = Field(ge=1, le=7)
    unit: Literal["celsius", "fahrenheit"]


class Animal(BaseModel):
    """An animal."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=20)
    kind: Literal["cat", "dog", "owl"]
    legs: int = Field(ge=0, le=8)
    tame: bool
    foods: list[Literal["fish", "seeds", "bones"]] = Field(max_length=3)


class Tale(BaseModel):
    """A tale of many lines: an object that takes long."""

    model_config = ConfigDict(extra="forbid")

    lines: list[Annotated[str, Field(min_length=5, max_length=20)]] = Field(min_length=300)


def weather_tool() -> dict[str, Any]:
    """The tool, as OpenAI's clients write it."""
    return {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": Weather.__doc__,
            "parameters": Weather.model_json_schema(),
        },
    }


def animal_format() -> dict[str, Any]:
    """The response_format of the object, as OpenAI's clients write it."""
    schema = Animal.model_json_schema()
    return {
        "type": "json_schema",
        "json_schema": {"name": "animal", "strict": True, "schema": schema},
    }
