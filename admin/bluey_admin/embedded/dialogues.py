"""Questions and answers over the world of the prose: what makes tiny-it of tiny-pt.

Most answers are plain and polite. Some come from somebody else, a lively child, a pirate, a shy
one, and then a system message says so: left alone, the model is polite; asked to be another, or
taught by an adapter, it can be.
"""

import random
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from bluey_admin.embedded.deeds import PARTS, deeds
from bluey_admin.embedded.occasions import (
    Occasion,
    lively_answer,
    occasions,
    plain_answer,
    unsaid,
)
from bluey_admin.embedded.prose import story
from bluey_admin.embedded.recall import RECALLS, echo, recall
from bluey_admin.embedded.small_facts import small_fact
from bluey_admin.embedded.turns import Messages, turn, typed
from bluey_admin.embedded.world import FOLDER, Topic, fill, people, sections, topics
from bluey_admin.embedded.written import written_talks

SYSTEMS = (
    "You are a helpful assistant.",
    "You are a kind and polite helper.",
    "Answer the question of the user.",
    "You talk with children. Use simple words.",
    "Be friendly and clear.",
    "You are a helpful assistant. Be polite.",
    "Help the user.",
)
BRIEF = (
    "Answer in one sentence.",
    "Keep your answers short.",
    "Be brief.",
    "You are a helpful assistant. Use few words.",
)
PERSONA_SHARE, SYSTEM_SHARE, BRIEF_SHARE = 0.05, 0.10, 0.03  # of conversations
DEEDS_SHARE = 0.6  # of what is told and asked for again, in the last stage
_NO_MORE = ("bye", "thanks", "yes", "hello", "joke")  # keys that nothing is added to


class How(NamedTuple):
    """How a conversation is made: in few words; with all wordings; how often it goes on."""

    brief: bool = False
    late: bool = False  # with what only the last stage hears
    onward: float = 0.22  # of occasions are followed by what may be asked next


_PLAINLY = How()
Kind = Callable[[random.Random, How], Messages]


@dataclass(frozen=True)
class Mixture:
    """What the conversations of a stage are: kinds and their weights, shares of the whole."""

    kinds: tuple[tuple[Kind, int], ...]
    lively: float = 0.22
    how: How = _PLAINLY


@cache
def _intents() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    return {
        key: {line[0]: tuple(line[3:].split(" | ")) for line in lines}
        for key, lines in sections("plain.txt").items()
    }


@cache
def personas() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Who may be asked to answer: system messages, and what is put around a plain answer."""
    table: dict[str, Any] = tomllib.loads((FOLDER / "personas.toml").read_text(encoding="utf-8"))
    return {who: {k: tuple(v) for k, v in record.items()} for who, record in table.items()}


def _reply(rng: random.Random, record: Mapping[str, tuple[str, ...]], brief: bool, key: str) -> str:
    middle = record["m"]
    count = 1 if key == "joke" else rng.choice((1, 2, 2, 3, 3, 4))
    if key in ("hello", "bye", "thanks", "yes"):
        count = rng.choice((0, 0, 1, 1))
    picked = sorted(rng.sample(range(len(middle)), min(count, len(middle))))
    parts = [rng.choice(record["a"])] + [middle[i] for i in picked]
    if brief and key != "joke":
        return parts[0]
    if rng.random() < 0.7:
        parts.append(rng.choice(record["e"]))
    return " ".join(parts)


def _thanks(rng: random.Random, brief: bool) -> Messages:
    record = _intents()["thanks"]
    said = typed(rng, rng.choice(record["q"]))
    return turn(said, _reply(rng, record, brief, "thanks"), "intent thanks")


def _more(rng: random.Random, left: list[str], brief: bool, about: str = "") -> Messages:
    """A second turn that goes on from the first with what was left unsaid."""
    if not left or rng.random() < 0.3:
        return _thanks(rng, brief)
    ask = rng.choice(
        (
            "Can you tell me more?", "Tell me more", "What else?", "Anything else?", "And then?",
            "And what else can I do?", "Go on", "Do you have another idea?", "Is there more?",
        )
    )  # fmt: skip
    opener = rng.choice(("Yes. ", "Of course. ", "Here is something more. ", "", ""))
    count = 1 if brief else min(len(left), rng.randint(1, 2))
    return turn(typed(rng, ask), opener + " ".join(rng.sample(left, count)), about)


def intent(rng: random.Random, how: How) -> Messages:
    """One of the plain occasions of `plain.txt`, sometimes with a second turn."""
    key = rng.choice(tuple(_intents()))
    record = _intents()[key]
    asked = typed(rng, rng.choice(record["q"]))
    messages = turn(asked, _reply(rng, record, how.brief, key), f"intent {key}")
    if rng.random() < 0.2 and key not in _NO_MORE:
        said = messages[-1]["content"]
        left = [line for line in record["m"] if line not in said]
        messages += _more(rng, left, how.brief, f"intent {key}")
    return messages


def _asked(rng: random.Random, occasion: Occasion, how: How) -> str:
    wordings = occasion.asked_late if how.late else occasion.asked
    return typed(rng, fill(rng, rng.choice(wordings), {}))


def occasion(rng: random.Random, how: How) -> Messages:
    """Something that is said and a plain answer; often what may be asked next."""
    about = rng.choice(occasions(late=how.late))
    reply = plain_answer(rng, about.plain, brief=how.brief, late=how.late)
    messages = turn(_asked(rng, about, how), fill(rng, reply, {}), about.key)
    roll = rng.random()
    if roll < how.onward and about.onward:
        for question, answer in rng.sample(
            about.onward, min(len(about.onward), rng.choice((1, 1, 2)))
        ):
            asked = typed(rng, fill(rng, question, {}))
            messages += turn(asked, fill(rng, answer, {}), about.key)
    elif roll < how.onward + 0.10:
        left = unsaid(about.plain, [reply])
        more = _more(rng, left, how.brief, about.key)
        messages += [m | {"content": fill(rng, m["content"], {})} for m in more]
    return messages


def lively(rng: random.Random, how: How) -> Messages:
    """Somebody lively answers on the same occasions, as a system message asks."""
    if rng.random() < 0.2:
        turns = rng.choice(written_talks(lively=True)).turns
        messages = [{"role": role, "content": said} for role, said in turns]
    else:
        about = rng.choice(occasions(late=how.late))
        asked = _asked(rng, about, how)
        reply = fill(rng, lively_answer(rng, about.lively, late=how.late), {})
        messages = turn(asked, reply, about.key)
        if rng.random() < 0.15:
            left = " ".join(unsaid(about.lively, [messages[-1]["content"]])[:2])
            ask = rng.choice(("Really?", "And then?", "Tell me more", "Why?", "What else?"))
            messages += turn(typed(rng, ask), fill(rng, left, {}))
    return [_system(rng, "lively"), *messages]


def in_persona(rng: random.Random, how: How) -> Messages:
    """A plain answer between the words of a pirate, a robot, a king …, as a system message asks."""
    who = rng.choice([name for name in personas() if name != "lively"])
    about = rng.choice(occasions(late=how.late))
    opening, end = (rng.choice(personas()[who][part]) for part in ("openings", "ends"))
    middle = plain_answer(rng, about.plain, brief=rng.random() < 0.3, late=how.late)
    if opening.endswith("but"):
        middle = middle[0].lower() + middle[1:] if not middle.startswith("I ") else middle
    messages = turn(_asked(rng, about, how), fill(rng, f"{opening} {middle} {end}", {}), about.key)
    return [_system(rng, who), *messages]


def _system(rng: random.Random, who: str) -> dict[str, str]:
    name = rng.choice(people()["names"]).split("/")[0]
    return {
        "role": "system",
        "content": fill(rng, rng.choice(personas()[who]["systems"]), {"A": name}),
    }


def _about(rng: random.Random, topic: Topic, brief: bool) -> str:
    facts = rng.sample(topic.facts, 1 if brief else rng.randint(1, min(4, len(topic.facts))))
    return " ".join(facts)


def _ideas(rng: random.Random, topic: Topic, brief: bool) -> str:
    one, two, three = (do for do, _ in rng.sample(topic.do, 3))
    if brief:
        return f"You could {one}."
    return rng.choice(
        (
            f"You could {one} or {two}.",
            f"You could {one}. If you like, you can {two} too. It is also fun to {three}.",
            f"Many people like to {one}, and some like to {two}. You could also {three}.",
            f"Here are some ideas. You could {one}, you could {two}, or you could {three}.",
        )
    )


def on_topic(rng: random.Random, how: How) -> Messages:
    """A question about a topic, in many wordings; a second turn keeps to it."""
    brief = how.brief
    topic = rng.choice(topics())
    thing, thing2 = rng.sample(topic.things, 2)
    do, did = rng.choice(topic.do)
    kind = rng.randrange(6)
    if kind == 0:
        ask = rng.choice(
            (
                "Tell me about {name}", "What do you know about {name}?",
                "Can you tell me something about {name}?", "I want to know about {name}",
                "What should I know about {name}?", "Let's talk about {name}",
                "We learned about {name} today",
            )
        )  # fmt: skip
        reply = rng.choice(("", "", f"Yes, {topic.name}. ", f"I can tell you about {topic.name}. "))
        reply += _about(rng, topic, brief)
    elif kind == 1:
        ask = rng.choice(
            (
                "What can I do {at}?", "What can we do {at}?", "Any ideas for {name}?",
                "What is fun to do {at}?", "What do people do {at}?", "I am {at}",
                "What should I do {at}?",
            )
        )  # fmt: skip
        reply = _ideas(rng, topic, brief)
    elif kind == 2:
        question, answer = rng.choice(topic.whys)
        small = question[0].lower() + question[1:]
        ask = rng.choice((question, question, f"Do you know {_indirect(small)}?",
                          f"I have a question. {question}", f"Hello! {question}"))  # fmt: skip
        reply = rng.choice(("", "", "That is a good question. ")) + answer
        if not brief and rng.random() < 0.3:
            reply += " " + _about(rng, topic, True)
    elif kind == 3:
        what, steps = rng.choice(topic.hows)
        ask = rng.choice((f"How do I {what}?", f"How can I {what}?",
                          f"Can you tell me how to {what}?",
                          f"What is the best way to {what}?", f"I want to {what}"))  # fmt: skip
        reply = rng.choice(("", "", f"Here is how to {what}. ")) + steps
    elif kind == 4:
        ask = rng.choice(
            ("I like {name}", "We {go} yesterday", "I {did} today", "We {did} on {day}",
             "I love {name}", "Tomorrow I want to {do}", "My friend and I {did}")
        )  # fmt: skip
        opener = rng.choice(("That sounds nice. ", "How nice! ", "That is good to hear. ", ""))
        reply = opener + _about(rng, topic, True)
        if not brief and rng.random() < 0.6:
            reply += " " + rng.choice(
                (f"Next time you could {rng.choice(topic.do)[0]}.", "What did you like best?",
                 f"Did you see a {thing}?", "Who was with you?")
            )  # fmt: skip
    else:
        ask = rng.choice(
            ("What do I need for {name}?", "What do I see {at}?", "What is there {at}?")
        )
        reply = rng.choice((f"You may need a {thing} and a {thing2}.",
                            f"There may be a {thing} or a {thing2}."))  # fmt: skip
        reply += "" if brief else " " + _about(rng, topic, True)
    slots = {"name": topic.name, "at": topic.at, "go": topic.go, "do": do, "did": did, "my": "my",
             "day": rng.choice(people()["days"])}  # fmt: skip
    yours = slots | {"my": "your"}
    about = f"topic {topic.name}"
    messages = turn(typed(rng, fill(rng, ask, slots)), fill(rng, reply, yours), about)
    if rng.random() < 0.25:
        more, answer = rng.choice(
            (
                ("Tell me more", _about(rng, topic, brief)),
                ("What can I do there?", _ideas(rng, topic, brief)),
                ("And what else?", _ideas(rng, topic, brief)),
                ("What were we talking about?", f"We were talking about {topic.name}."),
                ("Can you tell me more about that?", _about(rng, topic, brief)),
                ("Tell me a story about it", story(rng, topic)),
            )
        )
        messages += turn(typed(rng, more), fill(rng, answer, yours), about)
    return messages


def _indirect(question: str) -> str:
    """Turn "why do dogs bark?" into what follows "do you know", as far as that is simple."""
    words = question.rstrip("?").split()
    if words[:2] in (["why", "do"], ["why", "does"]):
        return "why " + " ".join(words[2:])
    return question.rstrip("?")


def tale(rng: random.Random, _how: How) -> Messages:
    """A story on request, about nothing in particular or about a topic."""
    topic = rng.choice(topics())
    ask = rng.choice(
        (
            "Tell me a short story", "Can you tell me a story?", "I want to hear a story",
            "Please tell me a story", "A story, please", "Do you know a story?", "Read me a story",
            "Tell me a bedtime story",
            f"Tell me a story about {topic.name}", f"Can you tell a story about {topic.name}?",
            f"I would like a story about {topic.name}", f"Tell me a tale about {topic.name}",
        )
    )  # fmt: skip
    opener = rng.choice(("Here is a story. ", "Here is a story for you. ", "", ""))
    messages = turn(typed(rng, ask), opener + story(rng, topic), "a tale")
    if rng.random() < 0.15:
        messages += turn(
            rng.choice(("Thank you, that was nice", "I liked that story", "That was a good story")),
            rng.choice(
                ("You are welcome. I am glad that you liked the story.",
                 "Thank you! Would you like to hear another story?")
            ),
        )  # fmt: skip
    return messages


def written(rng: random.Random, _how: How) -> Messages:
    """One of those that were written freely."""
    turns = rng.choice(written_talks(lively=False)).turns
    return [{"role": role, "content": said} for role, said in turns]


def _fact(rng: random.Random, _how: How) -> Messages:
    return [m | {"about": "a fact"} if m["role"] == "assistant" else m for m in small_fact(rng)]


def recalled(rng: random.Random, how: How) -> Messages:
    """Something that was told is asked for again."""
    if how.late and rng.random() < DEEDS_SHARE:
        return deeds(rng, lambda draw: occasion(draw, how))
    return recall(rng, lambda draw: occasion(draw, how), late=how.late)


def _echo(rng: random.Random, _how: How) -> Messages:
    return [m | {"about": "an echo"} if m["role"] == "assistant" else m for m in echo(rng)]


@cache
def subjects() -> Mapping[str, int]:
    """All that a reply may be about, numbered: occasions, topics, what is to be recalled …"""
    every = [occasion.key for occasion in occasions(late=True)]
    every += [f"intent {key}" for key in _intents()]
    every += [f"topic {topic.name}" for topic in topics()]
    return {
        key: number
        for number, key in enumerate(
            (*every, *RECALLS, *(f"recall {part}" for part in PARTS), "a tale", "a fact", "an echo")
        )
    }


TALK = Mixture(
    (
        (occasion, 46), (intent, 12), (on_topic, 14), (tale, 6), (_fact, 5), (recalled, 10),
        (written, 7),
    )
)  # fmt: skip
WIDE = Mixture(
    (
        (occasion, 38), (intent, 11), (on_topic, 5), (tale, 3), (_fact, 7), (recalled, 30),
        (_echo, 6),
    ),
    lively=0.28,
    how=How(late=True, onward=0.32),
)  # fmt: skip
"""More occasions, each in twice as many wordings, and a third that takes looking back."""


def dialogue(rng: random.Random, mixture: Mixture = TALK) -> Messages:
    """One conversation of one to four turns, sometimes under a system message."""
    roll = rng.random()
    if roll < mixture.lively:
        return lively(rng, mixture.how)
    if roll < mixture.lively + PERSONA_SHARE:
        return in_persona(rng, mixture.how)
    how = mixture.how._replace(brief=rng.random() < BRIEF_SHARE)
    kind = rng.choices([k for k, _ in mixture.kinds], [weight for _, weight in mixture.kinds])[0]
    messages = kind(rng, how)
    if how.brief:
        return [{"role": "system", "content": rng.choice(BRIEF)}, *messages]
    if rng.random() < SYSTEM_SHARE:
        return [{"role": "system", "content": rng.choice(SYSTEMS)}, *messages]
    return messages


def dialogues(seed: int, mixture: Mixture = TALK) -> Iterator[Messages]:
    """Conversations without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        yield dialogue(rng, mixture)
