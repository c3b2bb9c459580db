"""Conversations, written down as a base knows them."""

import pytest

from bluey_adapters.bases import Base, OpenBase, known_bases, open_base
from bluey_adapters.chat_template import TemplateRefused, check_template, render_chat
from bluey_adapters.errors import BaseError, NoChatTemplate
from bluey_data.catalog import gemma_chat_template

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": "Play?"},
]


def _render(template: str, messages: list[dict[str, str]] | None = None, **extra: object) -> str:
    return render_chat(
        template, messages or CHAT, special_tokens={"bos_token": "<bos>"}, extra=extra
    )


def _open(name: str) -> OpenBase:
    [base] = [base for base in known_bases() if base.name == name]
    return open_base(base, "f")


def test_gemmas_turns() -> None:
    assert _render(gemma_chat_template()) == (
        "<bos><start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n"
        "<start_of_turn>model\nHello!<end_of_turn>\n"
        "<start_of_turn>user\nPlay?<end_of_turn>\n"
        "<start_of_turn>model\n"
    )


def test_a_template_may_refuse_in_its_own_words() -> None:
    with pytest.raises(TemplateRefused, match="must alternate"):
        _render(gemma_chat_template(), [CHAT[1], CHAT[1]])
    with pytest.raises(TemplateRefused, match="my words"):
        _render("{{ raise_exception('my words') }}")


@pytest.mark.parametrize("template", ["{{ 1 / 0 }}", "{{ messages + 1 }}", "{{ [].x.y }}"])
def test_a_template_that_fails_refuses(template: str) -> None:
    with pytest.raises(TemplateRefused):
        _render(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{% set x = namespace.__init__.__globals__ %}{{ x['os'] }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(template: str) -> None:
    try:
        rendered = _render(template)
    except TemplateRefused:
        return
    assert "class" not in rendered
    assert "module" not in rendered


def test_what_templates_may_expect() -> None:
    assert _render("{{ {'a': 'ü<'} | tojson }}") == '{"a": "ü<"}'
    assert len(_render("{{ strftime_now('%Y') }}")) == 4
    assert _render("{% for x in [1, 2] %}{{ x }}{% break %}{% endfor %}") == "1"
    assert _render("{{ tools }}", tools=["t"]) == "['t']"


def test_what_is_no_template_is_found_early() -> None:
    with pytest.raises(BaseError, match="line 2"):
        check_template("fine\n{% if %}")


def test_both_tiny_bases_write_the_same_ids() -> None:
    it, pt = _open("tiny-it"), _open("tiny-pt")
    ids = it.encode_chat(CHAT)
    assert ids == pt.encode_chat(CHAT)
    end = it.tokenizer.token_id("<end_of_turn>")
    assert end in it.end_ids(it.chat_template)
    assert end in pt.end_ids(pt.chat_template)
    assert ids.count(it.tokenizer.token_id("<bos>")) == 1


def test_a_base_without_a_template_names_the_flag() -> None:
    bare = open_base(Base(name="bare", source="embedded:tiny-pt"), "f")
    with pytest.raises(NoChatTemplate, match="bases add bare --chat-template FILE"):
        bare.encode_chat(CHAT)
