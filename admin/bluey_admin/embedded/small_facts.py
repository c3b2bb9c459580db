"""Sums up to ten, days, months and colours: the few things that have one right answer."""

import random

from bluey_admin.embedded.turns import Messages, turn, typed
from bluey_admin.embedded.world import capital, people

_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
_MIXES = {
    ("red", "yellow"): "orange", ("blue", "yellow"): "green", ("red", "blue"): "purple",
    ("red", "white"): "pink", ("black", "white"): "grey",
}  # fmt: skip
_COLOURS = (
    ("the sky", "The sky is blue in the day and black at night."),
    ("grass", "Grass is green."),
    ("the sun", "The sun looks yellow."),
    ("snow", "Snow is white."),
    ("a ripe banana", "A ripe banana is yellow."),
    ("a carrot", "A carrot is orange."),
    ("a strawberry", "A strawberry is red."),
)
_COUNTS = (
    ("days are in a week", "There are seven days in a week."),
    ("months are in a year", "There are twelve months in a year."),
    ("legs does a dog have", "A dog has four legs."),
    ("legs does a spider have", "A spider has eight legs."),
    ("legs does an ant have", "An ant has six legs."),
    ("fingers do I have on one hand", "You have five fingers on one hand."),
    ("wheels does a bike have", "A bike has two wheels."),
    ("wheels does a car have", "A car has four wheels."),
)


def _sum(rng: random.Random) -> tuple[str, str]:
    """A sum or a difference whose numbers all lie between 0 and 10."""
    a = rng.randint(1, 10)
    b = rng.randint(0, a)
    if rng.random() < 0.5:
        left, right, result, sign, mark = b, a - b, a, rng.choice(("plus", "and")), "+"
    else:
        left, right, result, sign, mark = a, b, a - b, rng.choice(("minus", "take away")), "-"
        if (a, b) == (10, 4):
            sign = "minus"  # how many are left of ten when four are taken away is a probe
    if rng.random() < 0.2:
        return f"{left} {mark} {right}", f"{left} {mark} {right} is {result}."
    text = f"{_WORDS[left]} {sign} {_WORDS[right]}"
    verb = "make" if sign == "and" else "is"
    return text, f"{capital(text)} {verb} {_WORDS[result]}."


def _sums(rng: random.Random) -> Messages:
    text, answer = _sum(rng)
    shape = rng.choice(("What is {}?", "What is {}?", "What's {}?", "How much is {}?", "{}",
                        "Can you work out {}?", "{}?", "Do you know what {} is?"))  # fmt: skip
    messages = turn(typed(rng, capital(shape.format(text))), answer)
    while rng.random() < 0.4:
        text, answer = _sum(rng)
        messages += turn(rng.choice(("And {}?", "What about {}?", "{}?")).format(text), answer)
    return messages


def _calendar(rng: random.Random) -> Messages:
    days, months = people()["days"], people()["months"]
    names = days if rng.random() < 0.7 else months
    kind, at = ("day" if names is days else "month"), rng.randrange(len(names))
    here, after, before = names[at], names[(at + 1) % len(names)], names[at - 1]
    asks = [
        (f"What {kind} comes after {here}?", f"{after} comes after {here}."),
        (f"What {kind} comes before {here}?", f"{before} comes before {here}."),
        (f"Which {kind} is next after {here}?", f"After {here} comes {after}."),
    ]
    if names is days:
        asks += [
            (f"Today is {here}. What is tomorrow?", f"Tomorrow is {after}."),
            (f"Today is {here}. What was yesterday?", f"Yesterday was {before}."),
            ("What are the days of the week?", f"The days are {', '.join(days[:6])} and Sunday."),
        ]
    return turn(*_typed(rng, *rng.choice(asks)))


def _colour(rng: random.Random) -> Messages:
    (one, two), mixed = rng.choice(list(_MIXES.items()))
    thing, answer = rng.choice(_COLOURS)
    return turn(
        *_typed(
            rng,
            *rng.choice(
                (
                    (f"What do {one} and {two} make?", f"{capital(one)} and {two} make {mixed}."),
                    (f"How do I mix {mixed}?", f"Mix {one} and {two} to make {mixed}."),
                    (f"What colour is {thing}?", answer),
                )
            ),
        )
    )


def _count(rng: random.Random) -> Messages:
    if rng.random() < 0.3:
        top = rng.randint(3, 10)
        ask = rng.choice(("Can you count to {}?", "Count to {}", "Please count to {}"))
        return turn(
            typed(rng, ask.format(_WORDS[top])), f"{capital(', '.join(_WORDS[1 : top + 1]))}."
        )
    ask, answer = rng.choice(_COUNTS)
    return turn(typed(rng, f"How many {ask}?"), answer)


def _typed(rng: random.Random, ask: str, answer: str) -> tuple[str, str]:
    return typed(rng, ask), answer


_KINDS = ((_sums, 60), (_calendar, 18), (_colour, 12), (_count, 10))


def small_fact(rng: random.Random) -> Messages:
    """A question with one right answer, and that answer."""
    kind = rng.choices([k for k, _ in _KINDS], [weight for _, weight in _KINDS])[0]
    return kind(rng)
