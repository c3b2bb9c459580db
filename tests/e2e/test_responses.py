"""A conversation by `previous_response_id`, over a restart."""

from bluey_adapters.home import Home
from tests.e2e.running import serving


def test_it_goes_on_after_a_restart(home: Home) -> None:
    options = {"model": "it", "temperature": 0, "max_output_tokens": 16}
    with serving(home) as bluey:
        first = bluey.client.responses.create(input="Hello, who are you?", **options)  # type: ignore[call-overload]
    with serving(home) as bluey:
        assert bluey.client.responses.retrieve(first.id) == first
        second = bluey.client.responses.create(  # type: ignore[call-overload]
            input="What do you like?", previous_response_id=first.id, **options
        )
        whole = bluey.client.responses.create(  # type: ignore[call-overload]
            input=[
                {"role": "user", "content": "Hello, who are you?"},
                {"role": "assistant", "content": first.output_text},
                {"role": "user", "content": "What do you like?"},
            ],
            **options,
        )
    assert second.output_text == whole.output_text
    assert second.usage.input_tokens == whole.usage.input_tokens
