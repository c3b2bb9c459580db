"""Plain sentences of who did what, where and when, and questions about each of their parts.

The things told in recall.py come with questions of their own. Here a sentence is put together
from parts and a question asks for one of them, so that looking the part up is what is learned.
"""

import random
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bluey_admin.embedded.turns import Messages, turn, typed
from bluey_admin.embedded.world import capital, fill, people, sections

PARTS = ("what", "who", "where", "when", "with whom", "all", "name", "how", "liking", "aim")
"""What of a sentence may be asked for."""


class Asked(NamedTuple):
    """A question, its answer, and which of `PARTS` it asks for."""

    question: str
    answer: str
    part: str


class Sentence(NamedTuple):
    """Something that is told, and what may be asked about it."""

    said: str
    asked: list[Asked]


class _Doer(NamedTuple):
    """Who does it: as said, and as the other one says it."""

    said: str
    answered: str


_PLACES = ("at the {place}", "in the {room}", "on the {ride}", "near the {place}",
           "behind the {place}")  # fmt: skip
_TIMES = ("on {day}", "this morning", "last night", "in {month}", "after school", "before lunch",
          "on {day} evening", "at {n} o'clock", "last {season}")  # fmt: skip
_SOON = ("tomorrow", "tonight", "on {day}", "next week", "in {month}", "this evening",
         "on {day} morning", "next {season}", "at {n} o'clock")  # fmt: skip
_OFTEN = ("every {day}", "every morning", "every evening", "after school", "before breakfast",
          "at {n} o'clock", "in {season}", "on {day}s", "before bed", "on my birthday")  # fmt: skip
_LIKINGS = {
    "colour": "col", "food": "food", "animal": "animal", "sport": "sport", "day": "day",
    "drink": "drink", "season": "season", "month": "month", "number": "n", "game": "game",
    "instrument": "tune", "lesson": "subject", "toy": "thing",
}  # fmt: skip
_LEAD = ("", "", "", "", "", "Now tell me, ", "And ", "Tell me, ", "Do you remember? ", "So, ")
_LISTS = {
    "col": "colours", "food": "food", "thing": "belongings", "wear": "wear", "n": "numbers",
    "sport": "sports", "place": "places", "room": "rooms", "ride": "rides", "day": "days",
    "month": "months", "season": "seasons", "size": "sizes", "job": "jobs", "pet": "pets",
    "rel": "relatives", "tune": "tunes", "test": "tests", "drink": "drinks", "body": "body_parts",
    "skill": "skills", "state": "states", "one": "family", "subject": "subjects", "age": "numbers",
    "animal_name": "pet_names",
}  # fmt: skip
_GAMES = ("chess", "tag", "hide and seek", "cards", "dominoes", "marbles", "skittles", "snap")


def _slots(rng: random.Random) -> dict[str, str]:
    word = people()
    every = [name.split("/")[0] for name in word["names"]] + list(word["more_names"])
    name, other = rng.sample(every, 2)
    animals = [a for a in word["animals"] if a[-1] not in "sxpy" and a != "mouse"]
    return {slot: rng.choice(word[of]) for slot, of in _LISTS.items()} | {
        "name": name,
        "other": other,
        "animal": rng.choice(animals),
        "game": rng.choice(_GAMES),
        "sibling": rng.choice(("sister", "brother")),
    }


def _doer(rng: random.Random, slots: Mapping[str, str]) -> _Doer:
    one, name = slots["one"], slots["name"]
    return rng.choice(
        (_Doer("I", "you"), _Doer("I", "you"), _Doer("we", "you"), _Doer(name, name),
         _Doer(f"my {one}", f"your {one}"))
    )  # fmt: skip


def _did(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """Somebody did something, perhaps somewhere, sometime, with somebody."""
    kind = rng.choices(("what", "who"), (4, 1))[0]
    past, base, thing = rng.choice(sections("deeds.txt")[kind]).split(" > ")
    doer = _doer(rng, slots)
    ours = doer.answered == "you"
    said_of = {"my": "my" if ours else "a", "our": "my"}
    told_of = {"my": "your" if ours else "a", "our": "your"}
    state = rng.getstate()
    what = fill(rng, thing, slots | said_of)
    rng.setstate(state)  # the same choice twice
    back = fill(rng, thing, slots | told_of)
    place = fill(rng, rng.choice(_PLACES), slots) if rng.random() < 0.5 else ""
    time = fill(rng, rng.choice(_TIMES), slots) if rng.random() < 0.4 else ""
    company = f"with {slots['other']}" if kind == "what" and ours and rng.random() < 0.3 else ""
    adjuncts = [part for part in (company, place, time) if part]
    if time and rng.random() < 0.25:
        order = [f"{time} {doer.said} {past} {what}", *adjuncts[:-1]]
    else:
        order = [f"{doer.said} {past} {what}", *adjuncts]
    deed = f"{doer.answered} {past} {back}"
    it = "it" if what.startswith(("my ", "a ", "the ", "an ")) and kind == "what" else what
    asks = "What" if kind == "what" else "Who"
    asked = [
        Asked(question, f"{deed}.", kind)
        for question in (
            f"{asks} did {doer.said} {base}?",
            f"{asks} was it that {doer.said} {past}?",
            f"Do you know {asks.lower()} {doer.said} {past}?",
            f"Can you tell me {asks.lower()} {doer.said} {past}?",
        )
    ]
    if place:
        asked += [
            Asked(f"Where did {doer.said} {base} {it}?", f"{deed} {place}.", "where"),
            Asked(f"Where did {doer.said} {base} {what}?", f"{place}.", "where"),
            Asked(rng.choice(("Where was that?", "Where was it?", "Where did that happen?")),
                  f"It was {place}.", "where"),
        ]  # fmt: skip
    if time:
        asked += [
            Asked(f"When did {doer.said} {base} {it}?", f"{deed} {time}.", "when"),
            Asked(rng.choice(("When was that?", "When was it?", "When did that happen?")),
                  f"It was {time}.", "when"),
        ]  # fmt: skip
    if company:
        asked += [
            Asked(question, f"{slots['other']} was with you.", "with whom")
            for question in (f"Who did {doer.said} {base} {it} with?", "Who was with me?")
        ]
    if not ours:
        asked += [
            Asked(f"Who {past} {what}?", f"{doer.answered} did.", "who"),
            Asked(f"Who {past} {it}?", f"{deed}.", "who"),
        ]
    told = " ".join((deed, *adjuncts))
    asked += [
        Asked(question, f"You [told me/said] that {told}.", "all")
        for question in ("What did I tell you?", "What did I say?")
    ]
    return Sentence(" ".join(order), asked)


def _habit(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """What is done again and again, or is going to be done."""
    habit = rng.choice(sections("deeds.txt")["habit"])
    state = rng.getstate()
    said = fill(rng, habit, slots | {"my": "my"})
    rng.setstate(state)
    back = fill(rng, habit, slots | {"my": "your"})
    if rng.random() < 0.5:
        often = fill(rng, rng.choice(_OFTEN), slots)
        told = often.replace("my", "your")
        return Sentence(
            rng.choice((f"I {said} {often}", f"We {said} {often}", f"{often} I {said}")),
            [
                Asked(f"When do [I/we] {said}?", f"you {back} {told}.", "when"),
                Asked(f"What do [I/we] do {often}?", f"you {back} {told}.", "what"),
                Asked(f"When was it that I {said}?", f"you {back} {told}.", "when"),
                Asked(f"What is it that I do {often}?", f"you {back}.", "what"),
            ],
        )
    soon = fill(rng, rng.choice(_SOON), slots)
    return Sentence(
        rng.choice(
            (f"I am going to {said} {soon}", f"We will {said} {soon}",
             f"{soon} I'm going to {said}", f"I have to {said} {soon}")
        ),
        [
            Asked(f"When will [I/we] {said}?", f"you will {back} {soon}.", "when"),
            Asked(f"What will I do {soon}?", f"you will {back}.", "what"),
            Asked(f"What am I going to do {soon}?", f"you are going to {back}.", "what"),
            Asked("[When is that?/When will that be?]", f"It is {soon}.", "when"),
            Asked("What are my plans?", f"you will {back} {soon}.", "what"),
        ],
    )  # fmt: skip


def _plan(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """Somebody comes, or one goes somewhere."""
    soon = fill(rng, rng.choice(_SOON), slots)
    if rng.random() < 0.5:
        who = _Doer(*rng.choice(((f"my {slots['rel']}", f"your {slots['rel']}"),
                                 (slots["other"], slots["other"]))))  # fmt: skip
        why = rng.choice(("", "", "to our house", "to visit", "for dinner", "to play", "for tea"))
        return Sentence(
            " ".join(f"{who.said} [is coming/will come] {why} {soon}".split()),
            [
                Asked("Who [is coming/will come/is going to come]?", f"{who.answered} is coming.",
                      "who"),
                Asked("Who is coming to [see/visit] [me/us]?", f"{who.answered} is coming {soon}.",
                      "who"),
                Asked(f"Who [will be/is] here {soon}?", f"{who.answered} will be here.", "who"),
                Asked(f"When [is/will] {who.said} [be here/come]?".replace("[is/will]", "will"),
                      f"{who.answered} will come {soon}.", "when"),
                Asked(f"When is {who.said} coming?", f"{who.answered} is coming {soon}.", "when"),
            ],
        )  # fmt: skip
    place, ride = f"the {slots['place']}", slots["ride"]
    by = rng.random() < 0.4
    way = f" by {ride}" if by else ""
    asked = [
        Asked("Where [are we/am I] going?", f"you are going to {place}.", "where"),
        Asked(f"Where [are we/am I] going {soon}?", f"you are going to {place}.", "where"),
        Asked(f"Where will [we/I] be {soon}?", f"you will be at {place}.", "where"),
        Asked("When [are we/am I] going?", f"you are going {soon}.", "when"),
        Asked(f"When [are we/am I] going to {place}?", f"you are going {soon}.", "when"),
    ]
    if by:
        asked += [
            Asked("How [are we/will we/am I] going there?".replace("will we", "are we"),
                  f"you are going by {ride}.", "how"),
            Asked("How will we get there?", f"you will go by {ride}.", "how"),
        ]  # fmt: skip
    return Sentence(f"[We are/I'm/We're/I am] going to {place}{way} {soon}", asked)


def _name(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """Somebody is called something."""
    whose, name = rng.choice(
        ((slots["one"], slots["name"]), (slots["rel"], slots["name"]),
         (slots["pet"], slots["animal_name"]), (slots["thing"], slots["animal_name"]))
    )  # fmt: skip
    said = rng.choice(
        (f"My {whose} is called {name}", f"My {whose}'s name is {name}",
         f"I call my {whose} {name}", f"The name of my {whose} is {name}",
         f"We named our {whose} {name}", f"{name} is what we call our {whose}",
         f"I have a {whose}, and the name is {name}")
    )  # fmt: skip
    asked = [
        Asked(question, answer, "name")
        for question in (
            f"What is my {whose} called?", f"What is my {whose}'s name?",
            f"What is the name of my {whose}?", f"[Can you/Please] say my {whose}'s name",
            f"[Do you know/Do you remember] [what my {whose} is called/the name of my {whose}]?",
            f"What do I call my {whose}?", f"How is my {whose} called?",
        )
        for answer in (f"your {whose} is called {name}.", f"your {whose}'s name is {name}.")
    ]  # fmt: skip
    asked.append(Asked(f"Who is {name}?", f"{name} is your {whose}.", "who"))
    return Sentence(said, asked)


def _quality(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """What something is like, how old somebody is, what hurts."""
    kind = rng.randrange(5)
    if kind == 0:
        whose, age = rng.choice((slots["sibling"], "cousin", slots["pet"])), slots["age"]
        return Sentence(
            f"My [little/big/dear/own] {whose} is {age} [years old/now/already]",
            [
                Asked(question, f"your {whose} is {age} years old.", "how")
                for question in (f"How old is my {whose}?", f"What age is my {whose}?",
                                 f"Do you know how old my {whose} is?")
            ],
        )  # fmt: skip
    if kind == 1:
        body = slots["body"]
        return Sentence(
            rng.choice((f"My {body} hurts", f"I hurt my {body}", f"There is a pain in my {body}",
                        f"My {body} is sore")),
            [
                Asked(question, f"your {body} hurts.", "what")
                for question in ("What hurts?", "What did I hurt?", "Where does it hurt?",
                                 "What is sore?", "Where is the pain?")
            ],
        )  # fmt: skip
    one, two = rng.sample((slots["thing"], slots["wear"], slots["pet"]), 2)
    if kind == 2:
        col, col2 = rng.sample(people()["colours"], 2)
        return Sentence(
            rng.choice((f"My {one} is {col} and my {two} is {col2}",
                        f"I have a {col} {one} and a {col2} {two}")),
            [
                Asked(f"What colour is my {thing}?", f"your {thing} is {colour}.", "how")
                for thing, colour in ((one, col), (two, col2))
            ]
            + [
                Asked(f"What do I have that is {colour}?", f"your {thing} is {colour}.", "what")
                for thing, colour in ((one, col), (two, col2))
            ],
        )  # fmt: skip
    if kind == 3:
        name, other = slots["name"], slots["other"]
        return Sentence(
            f"{name} has a {one} and {other} has a {two}",
            [
                asked
                for who, thing in ((name, one), (other, two))
                for asked in (
                    Asked(f"What does {who} have?", f"{who} has a {thing}.", "what"),
                    Asked(f"Who has [a/the] {thing}?", f"{who} has a {thing}.", "who"),
                )
            ],
        )
    how = rng.choice((slots["col"], slots["state"], slots["state"]))
    asked = [
        Asked(f"What is my {one} like?", f"your {one} is {how}.", "how"),
        Asked(f"How is my {one}?", f"your {one} is {how}.", "how"),
        Asked(f"What is {how}?", f"your {one} is {how}.", "what"),
    ]
    if how in people()["colours"]:
        asked.append(Asked(f"What colour is my {one}?", f"your {one} is {how}.", "how"))
    return Sentence(f"My {one} is {how}", asked)


def _liking(rng: random.Random, slots: dict[str, str]) -> Sentence:
    """What somebody likes, fears, can do, wants to be."""
    kind = rng.randrange(4)
    if kind == 0:
        job = slots["job"]
        return Sentence(
            f"I [want to be/will be/would like to be] a {job} [when I grow up/one day/later/soon]",
            [
                Asked(question, f"you want to be a {job}.", "aim")
                for question in ("What do I want to be?", "What will I be when I grow up?",
                                 "What would I like to be?", "Which job do I want?")
            ],
        )  # fmt: skip
    if kind == 1:
        skill, other = rng.sample(people()["skills"], 2)
        return Sentence(
            f"I can {skill}, but I can't {other}",
            [
                Asked("What can I do?", f"you can {skill}.", "what"),
                Asked("What can't I do?", f"you can't {other}.", "what"),
                Asked(f"Can I {skill}?", f"Yes, you can {skill}.", "what"),
                Asked(f"Can I {other}?", f"No, you can't {other}.", "what"),
            ],
        )
    if kind == 2:
        animal, food = slots["animal"], slots["food"]
        said, back, verb = rng.choice(
            ((f"I am scared of {animal}s", f"{animal}s", "am scared of"),
             (f"I am afraid of {animal}s", f"{animal}s", "am afraid of"),
             (f"I don't like {food}", food, "don't like"), (f"I hate {food}", food, "hate"),
             (f"I love {food}", food, "love"), (f"I dream of {animal}s", f"{animal}s", "dream of"))
        )  # fmt: skip
        answer = f"you {re.sub(r'^am ', 'are ', verb)} {back}."
        question = (
            f"What {verb.split()[0]} I {' '.join(verb.split()[1:])}?"
            if verb.startswith(("am", "don't"))
            else f"What do I {verb}?"
        )
        return Sentence(said, [Asked(question, answer, "liking")])
    what = rng.choice(tuple(_LIKINGS))
    best = slots[_LIKINGS[what]]
    if what == "animal":
        best = f"the {best}"
    said = rng.choice((f"My favourite {what} is {best}", f"{best} is my favourite {what}",
                       f"The {what} I like [best/most] is {best}"))  # fmt: skip
    return Sentence(
        said,
        [
            Asked(question, answer, "liking")
            for question in (f"What is my favourite {what}?", f"Which {what} do I like best?",
                             f"What {what} do I like [the most/best]?", f"Which {what} is it?")
            for answer in (f"your favourite {what} is {best}.", f"you like {best} best.")
        ],
    )  # fmt: skip


_MAKERS = ((_did, 8), (_habit, 3), (_plan, 3), (_name, 3), (_quality, 4), (_liking, 4))


def deeds(rng: random.Random, between: Callable[[random.Random], Messages]) -> Messages:
    """One or two sentences are told, perhaps something else is said, then a part is asked for.

    `between` makes the other turns.
    """
    makers, weights = zip(*_MAKERS, strict=True)
    count = rng.choice((1, 1, 1, 2))
    told = [maker(rng, _slots(rng)) for maker in rng.choices(makers, weights, k=count)]
    messages: Messages = []
    together = count == 2 and rng.random() < 0.5
    for said in [". ".join(t.said for t in told)] if together else [t.said for t in told]:
        parts = ". ".join(capital(part) for part in fill(rng, said, {}).split(". "))
        heard = rng.choice(sections("deeds.txt")["heard"])
        messages += turn(typed(rng, parts), heard)
        # What is said to any of these would else become what is said to anything.
        messages[-1]["aside"] = "yes"
    if rng.random() < 0.15:
        messages += between(rng)[:2]
    for sentence in rng.sample(told, len(told))[: rng.choice((1, 1, 2))]:
        asked = rng.choice(sentence.asked)
        lead, question = rng.choice(_LEAD), fill(rng, asked.question, {})
        if lead and not lead.endswith("? "):
            question = question[0].lower() + question[1:]
        answer = capital(fill(rng, asked.answer, {}))
        messages += turn(typed(rng, lead + question), answer, f"recall {asked.part}")
    return messages
