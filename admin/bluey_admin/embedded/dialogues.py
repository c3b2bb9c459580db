"""Plain, polite questions and answers over the same world: what makes tiny-it of tiny-pt."""

import random
from collections.abc import Iterator
from functools import cache

from bluey_admin.embedded.prose import story
from bluey_admin.embedded.vocabulary import BOS, END, START
from bluey_admin.embedded.world import Topic, capital, fill, people, sections, topics

Messages = list[dict[str, str]]

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
WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
MIXES = {
    ("red", "yellow"): "orange", ("blue", "yellow"): "green", ("red", "blue"): "purple",
    ("red", "white"): "pink", ("black", "white"): "grey",
}  # fmt: skip


@cache
def _intents() -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        key: {line[0]: tuple(line[3:].split(" | ")) for line in lines}
        for key, lines in sections("plain.txt").items()
    }


def render(messages: Messages) -> str:
    """The messages in Gemma's turn format, as the chat template writes them."""
    out, preface = [BOS], ""
    for message in messages:
        content = message["content"].strip()
        if message["role"] == "system":
            preface = content + "\n\n"
            continue
        role = "model" if message["role"] == "assistant" else "user"
        out.append(f"{START}{role}\n{preface}{content}{END}\n")
        preface = ""
    return "".join(out)


def _typed(rng: random.Random, text: str) -> str:
    """A question as people type it: with or without a greeting, a please, its last mark."""
    roll = rng.random()
    if roll < 0.12:
        text = f"{rng.choice(('Hi', 'Hello', 'Hi there', 'Hey'))}{rng.choice('.!,')} {text}"
    elif roll < 0.18 and text.endswith("?"):
        text = f"{rng.choice(('Please tell me.', 'Can you help?', 'I have a question.'))} {text}"
    if text[-1].isalnum() and rng.random() < 0.6:
        text += rng.choice((".", ".", ".", "!"))
    elif text[-1] == "?" and rng.random() < 0.1:
        text = text[:-1]
    return text[0].lower() + text[1:] if rng.random() < 0.1 else text


def _turn(user: str, reply: str) -> Messages:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]


def _reply(rng: random.Random, record: dict[str, tuple[str, ...]], brief: bool, key: str) -> str:
    middle = record["m"]
    count = 1 if key == "joke" else rng.choice((1, 2, 2, 3, 3, 4, 5))
    if key in ("hello", "bye", "thanks", "yes"):
        count = rng.choice((0, 0, 1, 1))
    picked = sorted(rng.sample(range(len(middle)), min(count, len(middle))))
    parts = [rng.choice(record["a"])] + [middle[i] for i in picked]
    if brief and key != "joke":
        return parts[0]
    if rng.random() < 0.7:
        parts.append(rng.choice(record["e"]))
    return " ".join(parts)


def _more(rng: random.Random, key: str, brief: bool, said: str) -> Messages:
    """A second turn that goes on from the first."""
    record = _intents()[key]
    left = [line for line in record["m"] if line not in said]
    ask = rng.choice(
        (
            "Can you tell me more?", "Tell me more", "What else?", "Anything else?",
            "And what else can I do?", "Another one, please", "Do you have another idea?",
        )
    )  # fmt: skip
    if not left or rng.random() < 0.3:
        return _turn(
            rng.choice(_intents()["thanks"]["q"]),
            _reply(rng, _intents()["thanks"], brief, "thanks"),
        )
    opener = rng.choice(("Yes. ", "Of course. ", "Here is something more. ", ""))
    count = 1 if brief or key == "joke" else min(len(left), rng.randint(1, 3))
    return _turn(_typed(rng, ask), opener + " ".join(rng.sample(left, count)))


def intent(rng: random.Random, brief: bool) -> Messages:
    """One of the plain occasions of `plain.txt`, sometimes with a second turn."""
    key = rng.choice(tuple(_intents()))
    record = _intents()[key]
    messages = _turn(_typed(rng, rng.choice(record["q"])), _reply(rng, record, brief, key))
    if rng.random() < 0.25 and key not in ("bye", "thanks", "yes", "hello"):
        messages += _more(rng, key, brief, messages[-1]["content"])
    return messages


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


def on_topic(rng: random.Random, brief: bool) -> Messages:
    """A question about a topic, in many wordings; a second turn keeps to it."""
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
    messages = _turn(_typed(rng, fill(rng, ask, slots)), fill(rng, reply, yours))
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
        messages += _turn(_typed(rng, more), fill(rng, answer, yours))
    return messages


def _indirect(question: str) -> str:
    """Turn "why do dogs bark?" into what follows "do you know", as far as that is simple."""
    words = question.rstrip("?").split()
    if words[:2] in (["why", "do"], ["why", "does"]):
        return "why " + " ".join(words[2:])
    return question.rstrip("?")


def tale(rng: random.Random, _brief: bool) -> Messages:
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
    messages = _turn(_typed(rng, ask), opener + story(rng, topic))
    if rng.random() < 0.15:
        messages += _turn(
            rng.choice(("Thank you, that was nice", "I liked that story", "That was a good story")),
            rng.choice(
                ("You are welcome. I am glad that you liked the story.",
                 "Thank you! Would you like to hear another story?")
            ),
        )  # fmt: skip
    return messages


def _sum(rng: random.Random) -> tuple[str, str]:
    """A sum or a difference whose numbers all lie between 0 and 10."""
    a = rng.randint(1, 10)
    b = rng.randint(0, a)
    if rng.random() < 0.5:
        left, right, result, sign, mark = b, a - b, a, "plus", "+"
    else:
        left, right, result, sign, mark = a, b, a - b, rng.choice(("minus", "take away")), "-"
    if rng.random() < 0.25:
        return f"{left} {mark} {right}", f"{left} {mark} {right} is {result}."
    text = f"{WORDS[left]} {sign} {WORDS[right]}"
    return text, f"{capital(text)} is {WORDS[result]}."


def small_fact(rng: random.Random, brief: bool) -> Messages:
    """Sums, days, months, colours, names said back, likes remembered."""
    word = people()
    kind = rng.randrange(7)
    if kind in (0, 1):
        text, answer = _sum(rng)
        shape = rng.choice(("What is {}?", "How much is {}?", "{}", "Can you work out {}?", "{}?"))
        messages = _turn(_typed(rng, capital(shape.format(text))), answer)
        if rng.random() < 0.4:
            text, answer = _sum(rng)
            messages += _turn(f"And {text}?", answer)
        return messages
    if kind == 2:
        days, at = word["days"], rng.randrange(7)
        day, after, before = days[at], days[(at + 1) % 7], days[at - 1]
        ask, answer = rng.choice(
            (
                (f"What day comes after {day}?", f"{after} comes after {day}."),
                (f"What day comes before {day}?", f"{before} comes before {day}."),
                (f"Today is {day}. What is tomorrow?", f"Tomorrow is {after}."),
                (
                    "What are the days of the week?",
                    f"The days are {', '.join(days[:6])} and Sunday.",
                ),
                ("How many days are in a week?", "There are seven days in a week."),
            )
        )
        return _turn(_typed(rng, ask), answer)
    if kind == 3:
        (one, two), mixed = rng.choice(list(MIXES.items()))
        ask, answer = rng.choice(
            (
                (f"What do {one} and {two} make?", f"{capital(one)} and {two} make {mixed}."),
                (f"How do I mix {mixed}?", f"Mix {one} and {two} to make {mixed}."),
                ("What colour is the sky?", "The sky is blue in the day and black at night."),
                ("What colour is grass?", "Grass is green."),
                ("What colour is the sun?", "The sun looks yellow."),
            )
        )
        return _turn(_typed(rng, ask), answer)
    if kind in (4, 5):
        name = rng.choice(word["names"]).split("/")[0]
        ask = rng.choice(("My name is {}", "I am {}", "I'm {}", "Hi, I'm {}",
                          "Hello, my name is {}", "You can call me {}", "Call me {}"))  # fmt: skip
        reply = rng.choice(("Hello, {}! It is nice to meet you.", "Hello, {}! How can I help you?",
                            "Nice to meet you, {}! How are you today?", "Hi, {}!"))  # fmt: skip
        messages = _turn(_typed(rng, ask.format(name)), reply.format(name))
        if rng.random() < 0.3:
            record = _intents()[key := rng.choice(tuple(_intents()))]
            messages += _turn(_typed(rng, rng.choice(record["q"])), _reply(rng, record, brief, key))
        if rng.random() < 0.5:
            ask = rng.choice(("What is my name?", "What's my name?", "Do you remember my name?",
                              "Who am I?", "Say my name"))  # fmt: skip
            messages += _turn(ask, rng.choice((f"Your name is {name}.", f"You are {name}.",
                                               f"Your name is {name}. I remember.")))  # fmt: skip
        return messages
    slot, noun = rng.choice((("colours", "colour"), ("animals", "animal"), ("food", "food")))
    liked = rng.choice(word[slot])
    messages = _turn(
        _typed(rng, f"My favourite {noun} is {liked}"),
        rng.choice((f"{capital(liked)} is a nice {noun}.", f"How nice! You like {liked}.",
                    f"Thank you for telling me that you like {liked}.")),
    )  # fmt: skip
    return messages + _turn(
        rng.choice((f"What is my favourite {noun}?", f"Which {noun} do I like?")),
        rng.choice((f"Your favourite {noun} is {liked}.", f"You like {liked} best.")),
    )


KINDS = ((intent, 50), (on_topic, 28), (tale, 8), (small_fact, 14))


def dialogue(rng: random.Random) -> Messages:
    """One conversation of one to three turns, sometimes under a system message."""
    roll = rng.random()
    brief = roll < 0.04
    kind = rng.choices([k for k, _ in KINDS], [weight for _, weight in KINDS])[0]
    messages = kind(rng, brief)
    if brief:
        return [{"role": "system", "content": rng.choice(BRIEF)}, *messages]
    if roll < 0.16:
        return [{"role": "system", "content": rng.choice(SYSTEMS)}, *messages]
    return messages


def dialogues(seed: int) -> Iterator[Messages]:
    """Conversations without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        yield dialogue(rng)
