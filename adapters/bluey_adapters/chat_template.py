"""Chat templates: how a conversation is written down for a base.

The templates are the Jinja texts that come with models; each sees `messages`,
`add_generation_prompt`, `bos_token`, `eos_token` and whatever else a request hands on, as
transformers' `apply_chat_template` gives it. They come from the network with the weights, so
they run in Jinja's sandbox.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bluey_adapters.errors import BaseError

ChatMessage = Mapping[str, Any]


class TemplateRefused(BaseError):
    """A template raised: the conversation isn't one that it can write down."""


def render_chat(
    template: str,
    messages: Sequence[ChatMessage],
    *,
    special_tokens: Mapping[str, str],
    add_generation_prompt: bool = True,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """The text of a conversation; it holds its special tokens, so encode it without adding any.

    Raises TemplateRefused with the template's own words.
    """
    try:
        return _compile(template).render(
            **special_tokens,
            **(extra or {}),
            messages=messages,
            add_generation_prompt=add_generation_prompt,
        )
    except jinja2.TemplateError as error:
        raise TemplateRefused(str(error.message or error)) from None
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise TemplateRefused(f"the chat template failed: {error}") from None


def check_template(template: str) -> None:
    """Raise BaseError when `template` isn't Jinja."""
    try:
        _compile(template)
    except jinja2.TemplateSyntaxError as error:
        raise BaseError(
            f"the chat template is not Jinja: line {error.lineno}: {error.message}"
        ) from None


@functools.lru_cache(maxsize=64)
def _compile(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(template)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(value: Any, indent: int | None = None) -> str:
    # Jinja's own filter escapes for HTML, which would teach models to write \u003c.
    return json.dumps(value, ensure_ascii=False, indent=indent)
