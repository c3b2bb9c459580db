"""Turns of a conversation, and the ways in which people type what they say."""

import random

from bluey_admin.embedded.vocabulary import BOS, END, START

Messages = list[dict[str, str]]
"""As a chat template takes them; a reply may also have "about", the key of an occasion, and
"aside" when it is there for the sake of what follows, and not to be learned."""


def turn(user: str, reply: str, about: str = "") -> Messages:
    """One thing said and its answer; `about` is the key of the occasion, where there is one."""
    answer = {"role": "assistant", "content": reply} | ({"about": about} if about else {})
    return [{"role": "user", "content": user}, answer]


def typed(rng: random.Random, text: str) -> str:
    """A question as people type it: with or without a greeting, a please, its last mark."""
    roll = rng.random()
    if roll < 0.08:
        text = f"{rng.choice(('Hi', 'Hello', 'Hi there', 'Hey'))}{rng.choice('.!,')} {text}"
    elif roll < 0.12 and text.endswith("?"):
        text = f"{rng.choice(('Please tell me.', 'Can you help?', 'I have a question.'))} {text}"
    if text[-1].isalnum() and rng.random() < 0.5:
        text += rng.choice((".", ".", ".", "!"))
    elif text[-1] == "?" and rng.random() < 0.1:
        text = text[:-1]
    return text[0].lower() + text[1:] if rng.random() < 0.12 else text


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
