"""Where other prompts may branch off."""

from collections.abc import Sequence

import pytest

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_data.catalog import embedded_model
from bluey_server.http.request.branch_points import branch_points, worth_caching
from bluey_server.tokenizing.encoder import Encoder
from bluey_server.tokenizing.messages import Encode
from tests.http.rig import Rig

SYSTEM = {
    "role": "system",
    "content": "You are a pirate who sails the seven seas and tells long stories of every storm.",
}
USER = {"role": "user", "content": "Tell me about the sea, and of the ships that sail on it."}
SAID = {"role": "assistant", "content": "The sea is wide and the ships are many, my young friend."}
NEXT = {"role": "user", "content": "And what about the fish?"}

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ODD = (  # looks ahead, and leaves out what is empty
    "{{ messages | length }}{% for m in messages if m.content %}[{{ m.role }}] {{ m.content }} "
    "{% endfor %}"
)
STRICT = (  # refuses what doesn't end as it should
    "{% if messages[-1].content | length < 5 %}{{ raise_exception('too short') }}{% endif %}"
    "{% for m in messages %}{{ m.content }}\n{% endfor %}"
)


@pytest.fixture(scope="module")
def base() -> OpenBase:
    folder = embedded_model("tiny-it")
    return open_base(Base(name="tiny-it", source=f"path:{folder}"), "f")


def encoded(
    base: OpenBase, messages: Sequence[dict[str, str]], template: str | None = None
) -> tuple[list[int], tuple[int, ...]]:
    """Token ids of a conversation, and the lengths at which others may branch off."""
    text = base.write_chat(messages, template=template)
    places = branch_points(base, messages, text, template=template, extra={})
    encoder = Encoder(base.tokenizer)
    found = encoder.encode(Encode(id=0, text=text, special=False, borders=places))
    return found.ids, worth_caching(found.borders, len(found.ids))


def points(base: OpenBase, *messages: dict[str, str], template: str | None = None) -> list[str]:
    """The text before each of the places."""
    ids, lengths = encoded(base, messages, template)
    assert ids == base.encode_chat(messages, template=template)
    assert list(lengths) == sorted(set(lengths))
    assert all(16 <= length < len(ids) for length in lengths)
    return [base.tokenizer.decode(ids[:length]) for length in lengths]


def test_one_turn_has_none(base: OpenBase) -> None:
    assert points(base, USER) == []


def test_after_the_system_message(base: OpenBase) -> None:
    (before,) = points(base, SYSTEM, USER)
    assert before.endswith(SYSTEM["content"] + "\n\n")


def test_before_the_last_message(base: OpenBase) -> None:
    (before,) = points(base, USER, SAID, NEXT)
    assert before.endswith(SAID["content"] + "\nuser\n")


def test_both(base: OpenBase) -> None:
    for template in (None, CHATML):
        first, last = points(base, SYSTEM, USER, SAID, NEXT, template=template)
        assert SYSTEM["content"] in first and USER["content"][:5] not in first
        assert SAID["content"] in last and NEXT["content"][:5] not in last
        assert last.startswith(first)


@pytest.mark.parametrize(
    "content", ["", "0", "01 is a number", "  spaces", "\n\nlines", "漢字", "🐶"]
)
def test_whatever_the_message_begins_with(base: OpenBase, content: str) -> None:
    for template in (None, CHATML):
        (before,) = points(base, SYSTEM, {"role": "user", "content": content}, template=template)
        assert SYSTEM["content"] in before


def test_others_with_the_same_beginning_share_its_ids(base: OpenBase) -> None:
    ids, (length,) = encoded(base, [SYSTEM, USER])
    for other in ("What now?", "7 ships", "é", "Tell me"):
        message = {"role": "user", "content": other}
        assert base.encode_chat([SYSTEM, message])[:length] == ids[:length]


def test_a_short_beginning_is_not_worth_it(base: OpenBase) -> None:
    assert points(base, {"role": "system", "content": "Hi."}, USER) == []


def test_templates_with_minds_of_their_own(base: OpenBase) -> None:
    assert len(points(base, SYSTEM, USER, template=ODD)) == 1
    assert points(base, SYSTEM, USER, SAID, NEXT, template=STRICT) == []


def test_they_reach_the_engine(shared: Rig) -> None:
    assert shared.post({"model": "it", "messages": [SYSTEM, USER]}).status_code == 200
    request = shared.engine.asked[-1].request
    (length,) = request.checkpoints
    assert 16 <= length < len(request.prompt)
    assert shared.chat("Hello").status_code == 200
    assert shared.engine.asked[-1].request.checkpoints == ()
