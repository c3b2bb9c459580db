"""Conversations in which something said is said back: names, pets, likes, lunches.

Nothing in them can be known by heart, because names and things are drawn anew each time: the only
way to be right is to look at what was said.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from bluey_admin.embedded.turns import Messages, turn, typed
from bluey_admin.embedded.world import capital, fill, people


class Told(NamedTuple):
    """Something that was told: how, what to say to it, and (question, answer) about it."""

    said: tuple[str, ...]
    heard: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


_NAME = Told(
    said=("My name is {name}", "I am {name}", "I'm {name}", "Hi, I'm {name}", "Call me {name}",
          "Hello, my name is {name}", "You can call me {name}", "My name's {name}",
          "{name} is my name", "Hello, I am {name}. What is your name?", "It's {name} here"),
    heard=("Hello, {name}! It is nice to meet you.", "Hello, {name}! How can I help you?",
           "Nice to meet you, {name}! How are you today?", "Hi, {name}!", "Hello, {name}.",
           "Hello, {name}! What would you like to talk about?", "{name} is a nice name. Hello!"),
    asked=(("[What is/What's] my name?", "Your name is {name}."),
           ("Do you [remember/know/still know] my name?", "Yes, your name is {name}."),
           ("Who am I?", "You are {name}."), ("What am I called?", "You are called {name}."),
           ("Say my name", "{name}."), ("What did I say my name was?", "You said {name}.")),
)  # fmt: skip
_OTHERS = (
    Told(
        ("I have a {pet} called {animal_name}", "My {pet} is called {animal_name}",
         "My {pet}'s name is {animal_name}", "We got a {pet}. We call it {animal_name}",
         "Our {pet} {animal_name} is so sweet"),
        ("{animal_name} is a nice name for a {pet}.", "How nice that you have a {pet}!",
         "Say hello to {animal_name} from me.", "A {pet} is good company. Hello, {animal_name}!"),
        (("What is my {pet} called?", "Your {pet} is called {animal_name}."),
         ("What is my {pet}'s name?", "Your {pet}'s name is {animal_name}."),
         ("What pet do I have?", "You have a {pet}."),
         ("What animal is {animal_name}?", "{animal_name} is a {pet}."),
         ("Who is {animal_name}?", "{animal_name} is your {pet}.")),
    ),
    Told(
        ("My favourite colour is {col}", "I like {col} best", "{col} is the best colour",
         "The colour I love most is {col}"),
        ("{Col} is a nice colour.", "How nice! {Col} looks good on many things.",
         "Thank you for telling me that you like {col}."),
        (("What is my favourite colour?", "Your favourite colour is {col}."),
         ("Which colour do I like best?", "You like {col} best.")),
    ),
    Told(
        ("My favourite animal is the {animal}", "I like {animal}s most of all",
         "The {animal} is my favourite animal"),
        ("The {animal} is a wonderful animal.", "Many people like {animal}s.",
         "A {animal} is nice to look at."),
        (("What is my favourite animal?", "Your favourite animal is the {animal}."),
         ("Which animal do I like best?", "You like the {animal} best.")),
    ),
    Told(
        ("My favourite food is {food}", "I love {food}", "I like to eat {food}"),
        ("{Food} can be very tasty.", "How nice that you like {food}!", "Enjoy your {food}!"),
        (("What is my favourite food?", "Your favourite food is {food}."),
         ("What food do I like?", "You like {food}."),
         ("What do I like to eat?", "You like to eat {food}.")),
    ),
    Told(
        ("I am {age} years old", "I'm {age}", "I am {age} now", "I turned {age} last week",
         "I'm {age} years old"),
        ("{Age} is a good age.", "You are {age}! How nice.", "It is nice to be {age}."),
        (("How old am I?", "You are {age} years old."), ("What is my age?", "You are {age}.")),
    ),
    Told(
        ("I had {food} for {meal}", "We ate {food} for {meal}", "For {meal} I had {food}",
         "There was {food} for {meal} today"),
        ("{Food} for {meal} sounds good.", "I hope the {food} was tasty.", "What a nice {meal}!"),
        (("What did I [have/eat] for {meal}?", "You had {food} for {meal}."),
         ("What did I eat?", "You ate {food}.")),
    ),
    Told(
        ("My best friend is {other}", "{other} is my best friend", "I have a friend called {other}",
         "My friend's name is {other}", "I played with {other} today"),
        ("It is good to have a friend like {other}.", "{other} is lucky to have you as a friend.",
         "How nice! What do you and {other} like to play?"),
        (("[Who is/What is the name of] my friend?", "Your friend is {other}."),
         ("What is my friend called?", "Your friend is called {other}."),
         ("Who is {other}?", "{other} is your friend.")),
    ),
    Told(
        ("My [sister/brother]'s name is {other}", "I have a [sister/brother] called {other}",
         "{other} is my [sister/brother]"),
        ("{other} is a nice name.", "Say hello to {other} from me.", "Do you play with {other}?"),
        (("What is my {sibling}'s name?", "Your {sibling}'s name is {other}."),
         ("Who is {other}?", "{other} is your {sibling}.")),
    ),
    Told(
        ("We went to the {place} on {day}", "On {day} we were at the {place}",
         "I am going to the {place} on {day}", "We go to the {place} every {day}"),
        ("The {place} is a good place to go.", "I hope you have fun at the {place}.",
         "{day} is a good day for the {place}."),
        (("Where did I say?", "You said the {place}."), ("Which day?", "{day}."),
         ("What day did I say?", "You said {day}."),
         ("Which place was it?", "It was the {place}.")),
    ),
    Told(
        ("I lost my {thing}", "I can't find my {thing}", "My {thing} is gone"),
        ("I am sorry that your {thing} is gone. Where did you have it last?",
         "That is a pity. Look for the {thing} under your bed.",
         "I hope that you find your {thing} soon."),
        (("What did I lose?", "You lost your {thing}."),
         ("What am I looking for?", "You are looking for your {thing}.")),
    ),
    Told(
        ("I got a {thing} for my birthday", "Nana gave me a {thing}", "I have a new {thing}"),
        ("A {thing} is a good present.", "How nice to have a new {thing}!", "Enjoy your {thing}!"),
        (("What did I get?", "You got a {thing}."), ("What is new?", "Your {thing} is new.")),
    ),
    Told(
        ("My {thing} is {col}", "I have a {col} {thing}", "My new {thing} is {col}"),
        ("A {col} {thing} must look nice.", "{Col} is a good colour for a {thing}."),
        (("What colour is my {thing}?", "Your {thing} is {col}."),
         ("What do I have that is {col}?", "Your {thing} is {col}.")),
    ),
    Told(
        ("I am wearing a {col} {wear}", "Today I have my {col} {wear} on"),
        ("A {col} {wear} sounds pretty.", "I like how you say that: a {col} {wear}."),
        (("What am I wearing?", "You are wearing a {col} {wear}."),
         ("What colour is my {wear}?", "Your {wear} is {col}.")),
    ),
    Told(
        ("I like to play {sport}", "My favourite sport is {sport}", "I do {sport} after school"),
        ("{Sport} is good for you.", "How nice! {Sport} is fun."),
        (("What sport do I like?", "You like {sport}."),
         ("Which sport was it?", "It was {sport}.")),
    ),
    Told(
        ("I have {n} {animal}s", "There are {n} {animal}s in my picture", "I saw {n} {animal}s"),
        ("{N} {animal}s! That is a lot to look at.", "{N} {animal}s are nice to see."),
        (("How many {animal}s?", "{N} {animal}s."),
         ("What did I tell you about?", "You told me about {n} {animal}s.")),
    ),
    Told(
        ("I feel {feeling} today", "I am {feeling}", "I'm so {feeling} today"),
        ("Thank you for telling me that you feel {feeling}.",
         "You feel {feeling}. Would you like to tell me why?"),
        (("How do I feel?", "You feel {feeling}."),
         ("What did I say I was?", "You said {feeling}.")),
    ),
    Told(
        ("My teacher is called {title} {surname}", "{title} {surname} is my teacher"),
        ("{title} {surname} sounds like a good teacher.", "Do you like {title} {surname}?"),
        (("Who is my teacher?", "Your teacher is {title} {surname}."),
         ("What is my teacher's name?", "Your teacher is called {title} {surname}.")),
    ),
)  # fmt: skip
_LEAD = ("", "", "", "", "Now tell me, ", "Let's see. ", "And ", "Tell me, ")
_LISTS = {
    "animal_name": "pet_names", "pet": "pets", "col": "colours", "food": "food", "age": "ages",
    "place": "places", "day": "days", "thing": "belongings", "wear": "wear", "n": "numbers",
    "sport": "sports", "feeling": "feelings",
}  # fmt: skip
_SURNAMES = ("Brown", "Green", "White", "Black", "Wood", "Hill", "Lake", "Stone", "Rose", "Bird")


def _slots(rng: random.Random) -> dict[str, str]:
    word = people()
    every = [name.split("/")[0] for name in word["names"]] + list(word["more_names"])
    name, other = rng.sample(every, 2)
    slots = {slot: rng.choice(word[of]) for slot, of in _LISTS.items()}
    return slots | {
        "name": name,
        "other": other,
        "animal": rng.choice([a for a in word["animals"] if a[-1] not in "sxpy" and a != "mouse"]),
        "title": rng.choice(("Mr", "Mrs", "Miss")),
        "surname": rng.choice(_SURNAMES),
        "meal": rng.choice(("breakfast", "lunch", "dinner")),
        "sibling": rng.choice(("sister", "brother")),
    }


def recall(rng: random.Random, between: Callable[[random.Random], Messages]) -> Messages:
    """One or two things are told and heard, perhaps something else is said, then they are asked.

    `between` makes the other turns.
    """
    slots = _slots(rng)
    told = [_NAME] if rng.random() < 0.4 else [rng.choice(_OTHERS)]
    if rng.random() < 0.25:
        told.append(rng.choice([t for t in (_NAME, *_OTHERS) if t not in told]))
    messages: Messages = []
    for one in told:
        said = rng.choice(one.said).replace("[sister/brother]", slots["sibling"])
        said = typed(rng, capital(fill(rng, said, slots)))
        messages += turn(said, capital(fill(rng, rng.choice(one.heard), slots)))
    if rng.random() < 0.2:
        messages += between(rng)[:2]
    asked = rng.sample(told, len(told)) if rng.random() < 0.9 else []
    for one in asked[: rng.choice((1, 1, 2))]:
        question, answer = (fill(rng, text, slots) for text in rng.choice(one.asked))
        lead = rng.choice(_LEAD)
        question = lead + (question[0].lower() + question[1:] if lead.endswith(", ") else question)
        messages += turn(typed(rng, question), capital(answer))
    return messages


_ECHO = ("Say after me: {}", "Repeat: {}", "Say this: {}", "Please say {}", "Can you say {}?",
         "Repeat after me: {}", "Write down: {}", "The words are {}. Say them")  # fmt: skip
_LISTED = ("names", "animals", "colours", "food", "belongings", "places", "days")


def echo(rng: random.Random) -> Messages:
    """Words said after the user, picked out of what was just said, or counted off a list."""
    word = people()
    pool = [w.split("/")[0] for w in word[rng.choice(_LISTED)]]
    some = rng.sample(pool, rng.randint(2, 4))
    listed = ", ".join(some[:-1]) + f" and {some[-1]}"
    kind = rng.randrange(4)
    if kind == 0:
        said = rng.choice((listed, ", ".join(some), some[0], " ".join(some)))
        return turn(typed(rng, rng.choice(_ECHO).format(said)), f"{capital(said)}.")
    if kind == 1:
        ask, which = rng.choice((("first", 0), ("last", -1), ("second", 1)))
        told = rng.choice((f"I say {listed}.", f"Here are words: {listed}.", f"{capital(listed)}."))
        question = rng.choice((f"Which word came {ask}?", f"What did I say {ask}?"))
        return turn(f"{told} {question}", f"{capital(some[which])} came {ask}.")
    who, other = (n.split("/")[0] for n in rng.sample(word["names"], 2))
    one, two = some[:2]
    if kind == 2:
        told = f"{who} has {one} and {other} has {two}."
        ask, answer = rng.choice(
            ((f"What does {who} have?", f"{who} has {one}."), (f"What does {other} have?",
             f"{other} has {two}."), (f"Who has {one}?", f"{who} has {one}."),
             (f"Who has {two}?", f"{other} has {two}."))
        )  # fmt: skip
        return turn(f"{told} {ask}", answer)
    messages = turn(f"Remember this word: {one}", rng.choice(("I will remember it.", "All right.")))
    return messages + turn(
        rng.choice(("Which word was it?", "What was the word?")), f"{capital(one)}."
    )
