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
_LATE = (
    Told(
        ("My {one} is a {job}", "My {one} works as a {job}",
         "My {one} has been a {job} for years", "I think my {one} is the best {job} in town",
         "My {one} found work as a {job}"),
        ("That is an important job.", "How interesting!", "A {job} has a lot to do.",
         "Your {one} must be busy.", "Do you visit your {one} at work?"),
        (("What does my {one} do?", "Your {one} is a {job}."),
         ("What is my {one}'s job?", "Your {one} is a {job}."),
         ("What work does my {one} do?", "Your {one} works as a {job}."),
         ("Who is a {job}?", "Your {one} is a {job}.")),
    ),
    Told(
        ("I have {n} {many}", "I've got {n} {many}", "There are {n} {many} in our house",
         "I counted {n} {many} today", "We have {n} {many} at home", "I own {n} {many}"),
        ("That is a lot.", "How nice!", "{N} is a good number.", "I would like to see them.",
         "Do you have names for them?"),
        (("How many {many} do I have?", "You have {n} {many}."),
         ("How many {many} are there?", "There are {n} {many}."),
         ("How many are there?", "There are {n}."), ("What number did I say?", "You said {n}."),
         ("What do I have {n} of?", "You have {n} {many}.")),
    ),
    Told(
        ("My {rel} gave me a {thing}", "I got a {thing} from my {rel}",
         "My {rel} bought me a {size} {thing}", "A {thing} came in the post from my {rel}",
         "My {rel} made me a {thing}"),
        ("How kind of your {rel}!", "What a nice present.", "You are lucky.",
         "I hope you said thank you.", "That was a good idea."),
        (("What did my {rel} give me?", "Your {rel} gave you a {thing}."),
         ("What did I get from my {rel}?", "You got a {thing}."),
         ("Who gave me the {thing}?", "Your {rel} gave you the {thing}."),
         ("What was my present?", "Your present was a {thing}."),
         ("What do I have now?", "You have a {thing}.")),
    ),
    Told(
        ("My {test} test is on {day}", "On {day} we have a {test} test",
         "There is a {test} test on {day}", "I've got a {test} test on {day}",
         "On {day} I have to do a {test} test"),
        ("Good luck!", "I am sure that it will go well.", "That will be interesting.",
         "Are you ready for it?", "I hope you slept well before."),
        (("Which day is my {test} test?", "Your {test} test is on {day}."),
         ("When is my test?", "It is on {day}."), ("When is it?", "It is on {day}."),
         ("What do I have on {day}?", "You have a {test} test on {day}."),
         ("Which test is it?", "It is a {test} test.")),
    ),
    Told(
        ("I went to the {place} with {other}", "{other} and I were at the {place}",
         "I met {other} at the {place}", "{other} took me to the {place}",
         "I saw {other} at the {place} this morning"),
        ("That sounds like a good time.", "How nice!", "What did you do there?",
         "It is good to have company."),
        (("Who was with me?", "{other} was with you."),
         ("Where was I?", "You were at the {place}."),
         ("Who did I meet?", "You met {other}."), ("Where did we go?", "You went to the {place}."),
         ("Who was I with?", "You were with {other}."), ("Who went with me?", "{other} did."),
         ("Where did I go?", "You went to the {place}.")),
    ),
    Told(
        ("I played {sport} with {other} all afternoon", "I spent the day with {other}",
         "{other} came to my house", "I sat next to {other} on the bus",
         "I built a den with {other}", "Today I had lunch with {other}"),
        ("That is nice.", "Friends make a day better.", "How was it?", "I hope that it was fun."),
        (("Who was it?", "It was {other}."),
         ("Who did I tell you about?", "You told me about {other}."),
         ("Who was with me?", "{other} was with you."), ("Who do I mean?", "You mean {other}."),
         ("Who did I say?", "You said {other}.")),
    ),
    Told(
        ("I left my {col} {thing} on the bus", "My {col} {thing} fell into the {place}",
         "I forgot my {thing} at the {place}", "Somebody took my {col} {thing}",
         "I dropped my {thing} somewhere", "I have looked for my {thing} all day"),
        ("Oh dear, I am sorry.", "What a pity.", "Oh no! I hope that it comes back.",
         "Perhaps somebody found it.", "I am sorry to hear that."),
        (("What was it that I lost?", "You lost your {thing}."),
         ("What is missing?", "Your {thing} is missing."),
         ("Do you know what I lost?", "You lost your {thing}."),
         ("What is gone?", "Your {thing} is gone."),
         ("What should I look for?", "You should look for your {thing}.")),
    ),
    Told(
        ("I am {age}", "Last month I turned {age}", "I became {age} on {day}",
         "Today is my birthday and I am {age}", "I'm {age} already"),
        ("Happy birthday!", "How nice!", "You are growing up.", "I wish you a good year.",
         "Did you have a party?"),
        (("How old am I?", "You are {age}."), ("And how old am I?", "You are {age} years old."),
         ("Do you know how old I am?", "You are {age}."), ("What age am I?", "You are {age}."),
         ("How old did I say I was?", "You said {age}."), ("Then how old am I?", "You are {age}.")),
    ),
    Told(
        ("My {pet} {animal_name} is asleep", "{animal_name} is my {pet}",
         "I named my {pet} {animal_name}", "Our {pet} has a name: {animal_name}",
         "I got a {pet}, and the name is {animal_name}", "This is {animal_name}, my {pet}"),
        ("How sweet!", "Pets are good friends.", "I like {pet}s.", "What a lovely name.",
         "Is it a young one?"),
        (("What's the name of my {pet}?", "Your {pet} is called {animal_name}."),
         ("How is my {pet} called?", "Your {pet} is called {animal_name}."),
         ("What is its name?", "Its name is {animal_name}."),
         ("Do you know what my {pet} is called?", "Your {pet} is called {animal_name}."),
         ("What kind of animal is it?", "It is a {pet}.")),
    ),
    Told(
        ("I can play the {tune}", "I am learning the {tune}", "I have {tune} lessons",
         "I play the {tune} every {day}"),
        ("Music is a good thing.", "How nice!", "That takes a lot of practice.",
         "I would like to hear it."),
        (("What do I play?", "You play the {tune}."),
         ("Which instrument was it?", "It was the {tune}."),
         ("What instrument did I say?", "You said the {tune}."),
         ("What did I tell you about?", "You told me about the {tune}.")),
    ),
    Told(
        ("I go to school by {ride}", "Every morning I take the {ride} to school",
         "I always take the {ride} to school"),
        ("That is a good way to go.", "How was the ride?", "I hope it isn't far.", "Very good."),
        (("How do I go to school?", "You go by {ride}."),
         ("How do I get there?", "You go by {ride}."),
         ("What do I take to school?", "You take the {ride}.")),
    ),
    Told(
        ("The {thing} is in the {room}", "I put my {thing} in the {room}",
         "My {thing} is hidden in the {room}", "I left the {thing} in the {room}"),
        ("All right.", "I will keep that in mind.", "That is a safe place.", "Good to know."),
        (("Where is my {thing}?", "Your {thing} is in the {room}."),
         ("Where is the {thing}?", "The {thing} is in the {room}."),
         ("Where did I put it?", "You put it in the {room}."),
         ("What is in the {room}?", "The {thing} is in the {room}.")),
    ),
    Told(
        ("My birthday is in {month}", "We are moving house in {month}",
         "Our holiday is in {month}", "My {one} has a birthday in {month}"),
        ("{month} is a nice month.", "That is good to know.", "Is it long until {month}?"),
        (("Which month was it?", "It was {month}."), ("What month did I say?", "You said {month}."),
         ("When is it?", "It is in {month}."), ("In which month?", "In {month}.")),
    ),
    Told(
        ("I live in {street} Street", "My house is in {street} Street",
         "We moved to {street} Street"),
        ("That sounds like a nice street.", "Is it a quiet street?", "Thank you for telling me."),
        (("Where do I live?", "You live in {street} Street."),
         ("Which street is it?", "It is {street} Street."),
         ("What is my street called?", "It is called {street} Street.")),
    ),
    Told(
        ("I like {subject} best at school", "My favourite lesson is {subject}",
         "Today we had {subject} at school", "I find {subject} very hard"),
        ("School can be interesting.", "{Subject} is useful.", "Do you have a good teacher?"),
        (("Which lesson was it?", "It was {subject}."),
         ("Which lesson did I tell you about?", "You told me about {subject}.")),
    ),
    Told(
        ("I drank some {drink}", "I would like a cup of {drink}", "I spilled my {drink}",
         "I have {drink} with my {meal}"),
        ("{Drink} is nice.", "I hope it tasted good.", "Thank you for telling me."),
        (("What was in my cup?", "There was {drink} in it."),
         ("What drink was it?", "It was {drink}."),
         ("Which drink did I say?", "You said {drink}.")),
    ),
    Told(
        ("I baked {food} with my {one}", "My {one} cooked {food} for us",
         "We will have {food} for {meal}",
         "There was {food} on the table",
         "I ate two plates of {food}", "I made {food} all by myself"),
        ("Yum!", "That sounds good.", "I hope that it was tasty.", "Well done!", "Enjoy it!"),
        (("What was there to eat?", "There was {food}."), ("What food was it?", "It was {food}."),
         ("What was on the plate?", "There was {food} on it."),
         ("Which food did I tell you about?", "You told me about {food}.")),
    ),
    Told(
        ("I saw a {animal} at the {place}", "There was a {animal} in our garden",
         "I drew a {animal}", "A {animal} ran across the road", "I dreamt of a {animal}"),
        ("How exciting!", "What a surprise.", "Was it big?", "I would have liked to see that."),
        (("What animal was it?", "It was a {animal}."),
         ("Which animal did I tell you about?", "You told me about a {animal}."),
         ("What was it?", "It was a {animal}.")),
    ),
)  # fmt: skip
"""Heard in the last stage only: what came before had learned its own twenty kinds by then."""
_LATE_LISTS = {
    "one": "family", "rel": "relatives", "job": "jobs", "many": "many", "test": "tests",
    "tune": "tunes", "ride": "rides", "room": "rooms", "month": "months_liked",
    "street": "streets", "subject": "subjects", "drink": "drinks", "size": "sizes",
}  # fmt: skip
_LEAD = ("", "", "", "", "Now tell me, ", "Let's see. ", "And ", "Tell me, ")
_LISTS = {
    "animal_name": "pet_names", "pet": "pets", "col": "colours", "food": "food", "age": "ages",
    "place": "places", "day": "days", "thing": "belongings", "wear": "wear", "n": "numbers",
    "sport": "sports", "feeling": "feelings",
}  # fmt: skip
_SURNAMES = ("Brown", "Green", "White", "Black", "Wood", "Hill", "Lake", "Stone", "Rose", "Bird")


RECALLS = tuple(f"recall {number}" for number in range(1 + len(_OTHERS) + len(_LATE)))
"""What a reply is about, kind by kind: one for each of the kinds of things told."""


def _slots(rng: random.Random, *, late: bool) -> dict[str, str]:
    word = people()
    every = [name.split("/")[0] for name in word["names"]] + list(word["more_names"])
    name, other = rng.sample(every, 2)
    lists = _LISTS | _LATE_LISTS if late else _LISTS
    slots = {slot: rng.choice(word[of]) for slot, of in lists.items()}
    return slots | {
        "name": name,
        "other": other,
        "animal": rng.choice([a for a in word["animals"] if a[-1] not in "sxpy" and a != "mouse"]),
        "title": rng.choice(("Mr", "Mrs", "Miss")),
        "surname": rng.choice(_SURNAMES),
        "meal": rng.choice(("breakfast", "lunch", "dinner")),
        "sibling": rng.choice(("sister", "brother")),
    }


def recall(
    rng: random.Random, between: Callable[[random.Random], Messages], *, late: bool = False
) -> Messages:
    """One or two things are told and heard, perhaps something else is said, then they are asked.

    `between` makes the other turns; `late` adds the kinds that only the last stage hears.
    """
    slots = _slots(rng, late=late)
    others = _OTHERS + _LATE if late else _OTHERS
    told = [_NAME] if rng.random() < (0.15 if late else 0.4) else [rng.choice(others)]
    if rng.random() < 0.25:
        told.append(rng.choice([t for t in (_NAME, *others) if t not in told]))
    messages: Messages = []
    for one in told:
        said = rng.choice(one.said).replace("[sister/brother]", slots["sibling"])
        said = typed(rng, capital(fill(rng, said, slots)))
        messages += turn(said, capital(fill(rng, rng.choice(one.heard), slots)), _about(one))
        if late:
            # What is said to any of these would else become what is said to anything.
            messages[-1]["aside"] = "yes"
    if rng.random() < 0.2:
        messages += between(rng)[:2]
    asked = rng.sample(told, len(told)) if rng.random() < 0.9 else []
    for one in asked[: rng.choice((1, 1, 2))]:
        question, answer = (fill(rng, text, slots) for text in rng.choice(one.asked))
        lead = rng.choice(_LEAD)
        question = lead + (question[0].lower() + question[1:] if lead.endswith(", ") else question)
        messages += turn(typed(rng, question), capital(answer), _about(one))
    return messages


def _about(told: Told) -> str:
    return RECALLS[(_NAME, *_OTHERS, *_LATE).index(told)]


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
