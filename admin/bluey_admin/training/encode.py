"""From a conversation to token ids, and which of them a model is to learn.

Learned are the assistant's replies, every one of a conversation, each with the end-of-turn token
that closes it; never the user's words, the system's, or the marks of the format.

The whole conversation is written down and encoded once, exactly as serving does it: encoding
piece by piece would cut tokens where serving doesn't. Where a reply stands in the text is found
by writing down the turns before it: what the template writes for them must be the beginning of
what it writes for all. Where it stands among the tokens is told by the tokenizer's offsets.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bluey_adapters.bases import OpenBase
from bluey_adapters.chat_template import TemplateRefused
from bluey_adapters.errors import BaseError
from bluey_data.errors import BadLine
from bluey_data.examples import Example


@dataclass(frozen=True)
class EncodedExample:
    """One conversation, up to the last token that is learned (nothing after it matters)."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]  # as long as `ids`
    line: int  # where it stands in its file, counted from 1


def encode_examples(
    base: OpenBase, examples: Iterable[Example], *, max_length: int
) -> tuple[list[EncodedExample], list[BadLine]]:
    """All examples that can be learned from, and the lines that can't, with the reason: more than
    `max_length` tokens, or refused by the chat template.

    Raises NoChatTemplate, or BaseError when the template's replies can't be found.
    """
    encoded, bad = [], []
    for example in examples:
        try:
            one = encode_example(base, example)
        except TemplateRefused as refusal:
            bad.append(BadLine(example.line, f"the chat template refuses it: {refusal}"))
            continue
        if len(one.ids) > max_length:
            reason = f"{len(one.ids)} tokens long; {max_length} is the most"
            bad.append(BadLine(example.line, reason))
        else:
            encoded.append(one)
    return encoded, bad


def encode_example(base: OpenBase, example: Example) -> EncodedExample:
    """Ids and mask of one conversation. Raises TemplateRefused or BaseError."""
    text, spans = _find_replies(base, example)
    ids, offsets = base.tokenizer.encode_with_offsets(text)
    ends = frozenset(base.end_ids(base.chat_template))
    learned = [False] * len(ids)
    last = 0
    for begin, stop in spans:
        # The span runs on to the next turn; the reply ends with its last end-of-turn token.
        inside = [i for i, (left, right) in enumerate(offsets) if right > begin and left < stop]
        closing = [i for i in inside if ids[i] in ends]
        if not closing:
            raise BaseError(
                f"the chat template of {base.base.name} doesn't end a reply with an end-of-turn "
                "token that the base knows; a model trained with it would never stop"
            )
        last = closing[-1]
        for i in range(inside[0], last + 1):
            learned[i] = True
    return EncodedExample(tuple(ids[: last + 1]), tuple(learned[: last + 1]), example.line)


def _find_replies(base: OpenBase, example: Example) -> tuple[str, list[tuple[int, int]]]:
    """The conversation's text, and where in it the assistant's turns stand (characters)."""
    messages = example.as_dicts()
    whole = base.write_chat(messages, add_generation_prompt=False)
    spans = []
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = base.write_chat(messages[:index], add_generation_prompt=True)
        after = base.write_chat(messages[: index + 1], add_generation_prompt=False)
        if not (whole.startswith(after) and after.startswith(before)):
            raise BaseError(
                f"the chat template of {base.base.name} rewrites earlier turns as a conversation "
                "grows, so replies can't be told from prompts; give the base another with "
                f"`bluey-admin bases add {base.base.name} --chat-template FILE`"
            )
        spans.append((len(before), len(after)))
    return whole, spans
