"""Prose in many mouths: stories, children talking, scenes, letters, how-tos, plain facts.

A document keeps to one topic and a few people, because staying on one thing is most of what makes
a very small model sound fluent.
"""

import random
from collections.abc import Iterator

from bluey_admin.embedded.occasions import lively_answer, occasions, plain_answer
from bluey_admin.embedded.vocabulary import END, START
from bluey_admin.embedded.world import Topic, bits, capital, fill, people, sections, topics
from bluey_admin.embedded.written import written_prose, written_talks

Slots = dict[str, str]
PRONOUNS = {"he": ("he", "him", "his"), "she": ("she", "her", "her")}
CHILD = {"he": ("boy", "pup", "puppy", "child"), "she": ("girl", "pup", "puppy", "child")}
CHAT_SHARE = 0.03  # of documents; so much of them is chat logs with turn tokens
WRITTEN_SHARE = 0.36  # of the other documents; so much of them was written freely


def cast(rng: random.Random, topic: Topic, *, first: bool = False) -> Slots:
    """Bind a document's people and things; `first`: the teller says "I" and "my"."""
    word = people()
    (a, a_is), (b, b_is), (c, _) = (n.split("/") for n in rng.sample(word["names"], 3))
    kin, kin_is = rng.choice(word["kin"]).split("/")
    sibling, sibling_is = rng.choice(word["siblings"]).split("/")
    (do, did), (do2, did2) = rng.sample(topic.do, 2)
    thing, thing2 = rng.sample(topic.things, 2)
    say, say2 = rng.sample(topic.says, 2)
    trouble, cure = rng.choice(topic.troubles)
    he, him, his = PRONOUNS[a_is]
    slots = {
        "A": a, "B": b, "S": c, "he": he, "him": him, "his": his,
        "bhe": PRONOUNS[b_is][0], "bhim": PRONOUNS[b_is][1], "bhis": PRONOUNS[b_is][2],
        "kin": kin, "kinhe": kin_is, "sib": sibling, "sibhe": sibling_is,
        "my": "my" if first else "their",
        "name": topic.name, "at": topic.at, "go": topic.go,
        "do": do, "did": did, "do2": do2, "did2": did2, "thing": thing, "thing2": thing2,
        "say": say, "say2": say2, "fact": rng.choice(topic.facts),
        "trouble": trouble, "cure": cure, "lesson": rng.choice(sections("frames.txt")["lesson"]),
    }  # fmt: skip
    lists = {
        "animal": "animals", "col": "colours", "day": "days",
        "month": "months", "n": "numbers", "age": "ages", "morning": "mornings",
        "sunny": "weather", "little": "little", "food": "food",
    }  # fmt: skip
    slots |= {slot: rng.choice(word[of]) for slot, of in lists.items()}
    slots["morning2"] = rng.choice(("morning", "afternoon"))
    slots["child"] = rng.choice(CHILD[a_is])
    return slots


def _frame(rng: random.Random, section: str, slots: Slots) -> str:
    return fill(rng, rng.choice(sections("frames.txt")[section]), slots)


def _several(rng: random.Random, section: str, topic: Topic, slots: Slots, count: int) -> str:
    """`count` different frames of a section, each about another thing of the topic."""
    chosen = rng.sample(sections("frames.txt")[section], count)
    deeds = rng.sample(topic.do, min(len(topic.do), 2 * count))
    facts = rng.sample(topic.facts, min(len(topic.facts), count))
    says = rng.sample(topic.says, min(len(topic.says), count + 1))
    out = []
    for i, frame in enumerate(chosen):
        (do, did), (do2, did2) = deeds[(2 * i) % len(deeds)], deeds[(2 * i + 1) % len(deeds)]
        fresh = {"do": do, "did": did, "do2": do2, "did2": did2, "fact": facts[i % len(facts)]}
        fresh |= {"say": says[i % len(says)], "say2": says[(i + 1) % len(says)]}
        thing, thing2 = rng.sample(topic.things, 2)
        out.append(fill(rng, frame, slots | fresh | {"thing": thing, "thing2": thing2}))
    return " ".join(out)


def story(rng: random.Random, topic: Topic) -> str:
    """A beginning, something goes wrong, a cure, an end: 60 to 140 words."""
    slots = cast(rng, topic)
    slots["my"] = slots["his"] if rng.random() < 0.5 else "their"
    parts = [
        _frame(rng, "story.open", slots),
        _several(rng, "story.want", topic, slots, rng.randint(1, 3)),
        fill(rng, rng.choice(("But {trouble}.", "Then {trouble}.", "{Trouble}.")), slots),
        _several(rng, "story.feel", topic, slots, rng.randint(1, 2)),
        fill(rng, rng.choice(("{Cure}.", "In the end {cure}.", "So {cure}.")), slots),
        _several(rng, "story.end", topic, slots, rng.randint(1, 2)),
    ]
    text = " ".join(parts)
    return text.replace(" The end.", "") + " The end." if " The end." in text else text


def _bit(rng: random.Random, topic: Topic, slots: Slots) -> str:
    pool = bits()["any"]
    if topic.key in bits() and rng.random() < 0.5:
        pool = bits()[topic.key]
    return fill(rng, rng.choice(pool), slots)


def talk(rng: random.Random, topic: Topic) -> str:
    """One child (or pup) talks to you about a topic, in the first person: 15 to 130 words."""
    slots = cast(rng, topic, first=True)
    parts = [_frame(rng, "talk.open", slots)] if rng.random() < 0.8 else []
    if count := rng.randint(0, 3):
        parts.append(_several(rng, "talk.middle", topic, slots, count))
    if rng.random() < 0.5 or not count:
        parts.insert(rng.randint(0, len(parts)), _bit(rng, topic, slots))
    if rng.random() < 0.6:
        parts.append(_frame(rng, "talk.end", slots))
    return " ".join(parts)


def sayings(rng: random.Random, topic: Topic) -> str:
    """Two or three people each say a small thing of their own."""
    out = []
    for _ in range(rng.randint(1, 3)):
        slots = cast(rng, topic, first=True)
        said = _bit(rng, topic, slots)
        speaker = fill(rng, "{A}/{B}/my {kin}/the {little} {child}/the {animal}", slots)
        name = rng.choice(speaker.split("/"))
        out.append(said if rng.random() < 0.6 or '"' in said else f'{capital(name)} said, "{said}"')
    return "\n".join(out)


def _quote(rng: random.Random, line: str, speaker: str) -> str:
    said = fill(rng, rng.choice(sections("frames.txt")["scene.said"]), {"x": speaker, "X": speaker})
    if line.endswith('."'):
        line = line[:-2] + ',"'
    return f"{line} {said}."


def scene(rng: random.Random, topic: Topic) -> str:
    """Two people talk in quotes; sometimes one asks why and the other knows."""
    slots = cast(rng, topic, first=True)
    pair = (slots["A"], slots["B"])
    parts = [fill(rng, _frame(rng, "scene.open", slots | {"my": slots["his"]}), slots)]
    lines = rng.sample(sections("frames.txt")["scene.line"], rng.randint(2, 4))
    for i, line in enumerate(lines):
        do, did = rng.choice(topic.do)
        fresh = {"do": do, "did": did, "say": rng.choice(topic.says)}
        fresh |= {"fact": rng.choice(topic.facts), "thing": rng.choice(topic.things)}
        parts.append(_quote(rng, capital(fill(rng, line, slots | fresh)), pair[i % 2]))
    if rng.random() < 0.5:
        question, answer = rng.choice(topic.whys)
        parts.append(
            f'"{question}" asked {pair[0]}. "{answer}" said {pair[1]}.'.replace('." s', '," s')
        )
    if rng.random() < 0.6:
        parts.append(_frame(rng, "story.end", slots | {"my": slots["his"]}))
    return " ".join(parts)


def letter(rng: random.Random, topic: Topic) -> str:
    """A letter or a page of a diary."""
    slots = cast(rng, topic, first=True)
    middle = _several(rng, "talk.middle", topic, slots, rng.randint(1, 3))
    if rng.random() < 0.3:
        return f"{_frame(rng, 'diary.open', slots)} {middle} {_bit(rng, topic, slots)}"
    body = capital(_frame(rng, "letter.body", slots))
    opening = _frame(rng, "letter.open", slots)
    return f"{opening}\n{body} {middle}\n{_frame(rng, 'letter.close', slots)}"


def facts(rng: random.Random, topic: Topic) -> str:
    """What is so about a topic, how something is done, why it is: plain, in no one's voice."""
    slots = cast(rng, topic) | {"my": "your"}
    parts = [_frame(rng, "facts.open", slots)] if rng.random() < 0.6 else []
    parts += rng.sample(topic.facts, rng.randint(2, min(4, len(topic.facts))))
    if rng.random() < 0.4:
        parts.append(" ".join(rng.choice(topic.whys)))
    if rng.random() < 0.4:
        what, steps = rng.choice(topic.hows)
        parts.append(f"How to {what}: {steps}")
    return fill(rng, " ".join(parts), slots)


def chat_log(rng: random.Random, topic: Topic) -> str:
    """People chatting past each other, between turn tokens, as web text holds such logs."""
    out = []
    for turn in range(rng.randint(2, 5)):
        slots = cast(rng, topic, first=True)
        said = _frame(rng, "chat.user", slots) if rng.random() < 0.6 else _bit(rng, topic, slots)
        if turn % 2 and rng.random() < 0.5:
            said = f"{said} {story(rng, rng.choice(topics()))}"
        out.append(f"{START}{'model' if turn % 2 else 'user'}\n{said}{END}\n")
    return "".join(out)


def overheard(rng: random.Random) -> str:
    """Somebody says something and somebody lively answers, between turn tokens."""
    talk = rng.choice(written_talks(lively=True))
    names = {"user": "user", "assistant": "model"}
    return "".join(f"{START}{names[role]}\n{said}{END}\n" for role, said in talk.turns)


def chatter(rng: random.Random, _: Topic) -> str:
    """Somebody lively says what comes to mind on an occasion, to nobody in particular."""
    return fill(rng, lively_answer(rng, rng.choice(occasions()).lively), {})


def exchange(rng: random.Random, _: Topic) -> str:
    """One says something, another answers, lively or plain, in quotes or with a name before it."""
    about = rng.choice(occasions())
    asked = fill(rng, rng.choice(about.asked), {})
    asked = capital(asked) + ("" if asked[-1] in ".!?" else ".")
    plain = rng.random() < 0.3
    told = plain_answer(rng, about.plain) if plain else lively_answer(rng, about.lively)
    told = fill(rng, told, {})
    one, other = (n.split("/")[0] for n in rng.sample(people()["names"], 2))
    if rng.random() < 0.5 or '"' in asked + told:
        return f"{one}: {asked}\n{other}: {told}"
    said = "asked" if asked[-1] == "?" else "said"
    asked = asked[:-1] + "," if asked[-1] == "." else asked
    return f'"{asked}" {said} {one}. "{told[:-1] + "," if told[-1] == "." else told}" said {other}.'


def knowledge(rng: random.Random, _: Topic) -> str:
    """What a plain voice knows about one or two occasions."""
    some = rng.sample(occasions(), rng.choice((1, 2)))
    return " ".join(fill(rng, " ".join(o.plain.middles[:: rng.choice((1, 2))]), {}) for o in some)


KINDS = (
    (story, 18), (talk, 14), (sayings, 8), (scene, 8), (letter, 4), (facts, 4),
    (chatter, 26), (exchange, 12), (knowledge, 6),
)  # fmt: skip


def document(rng: random.Random) -> str:
    """One document of any kind."""
    topic = rng.choice(topics())
    if rng.random() < CHAT_SHARE:
        return overheard(rng) if rng.random() < 0.5 else chat_log(rng, topic)
    if rng.random() < WRITTEN_SHARE:
        return rng.choice(written_prose())
    kind = rng.choices([k for k, _ in KINDS], [weight for _, weight in KINDS])[0]
    return kind(rng, topic)


def documents(seed: int) -> Iterator[str]:
    """Documents without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        yield document(rng)
