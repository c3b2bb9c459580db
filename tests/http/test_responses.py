"""/v1/responses over HTTP: its objects and events, and going on from one."""

from bluey_adapters.home import Home
from tests.fakes.scripted_engine import Say
from tests.http.responding import prompt, refused, said, streamed, text_of, words
from tests.http.rig import Launch, Rig, add_adapter, running


def test_a_response(shared: Rig) -> None:
    shared.engine.enqueue(Say("Hi there"))
    response = said(shared, metadata={"a": "b"}, instructions="Be short.", user="u")
    [message] = response["output"]
    assert (response["object"], response["status"], response["model"]) == (
        "response",
        "completed",
        "it",
    )
    assert (message["type"], message["role"], message["status"]) == (
        "message",
        "assistant",
        "completed",
    )
    assert message["content"] == [
        {"type": "output_text", "text": "Hi there", "annotations": [], "logprobs": []}
    ]
    assert response["usage"] == {
        "input_tokens": len(prompt(shared)),
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": len(Say("Hi there").ids(shared.engine.asked[-1].base)),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": response["usage"]["input_tokens"] + response["usage"]["output_tokens"],
    }
    given_back = ("metadata", "instructions", "user", "store", "previous_response_id")
    assert [response[key] for key in given_back] == [{"a": "b"}, "Be short.", "u", True, None]
    assert response["id"].startswith("resp_")
    assert message["id"].startswith("msg_")


def test_the_events_of_one(shared: Rig) -> None:
    shared.engine.enqueue(Say("ab", apart=True))
    stream = streamed(shared)
    assert [event["type"] for event in stream] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    created, _, added, part, a, b, text, _, done, completed = stream
    assert (a["delta"], b["delta"], text["text"]) == ("a", "b", "ab")
    assert {event["item_id"] for event in (part, a, b, text)} == {added["item"]["id"]}
    assert done["item"] == completed["response"]["output"][0]
    assert len({event["response"]["id"] for event in stream if "response" in event}) == 1
    assert (created["response"]["status"], created["response"]["usage"]) == ("in_progress", None)
    assert completed["response"]["status"] == "completed"


def test_a_stream_and_a_whole_say_the_same(shared: Rig) -> None:
    fields = {"top_logprobs": 2, "temperature": 0.5, "metadata": {"a": "b"}, "store": False}
    shared.engine.enqueue(Say("One two"))
    whole = said(shared, **fields)
    shared.engine.enqueue(Say("One two"))
    last = streamed(shared, **fields)[-1]["response"]
    own = {"id", "created_at", "completed_at", "output"}
    assert {key: whole[key] for key in whole if key not in own} == {
        key: last[key] for key in last if key not in own
    }
    assert whole["output"][0]["content"] == last["output"][0]["content"]


def test_an_answer_without_a_word_is_an_empty_message(shared: Rig) -> None:
    shared.engine.enqueue(Say(""))
    assert text_of(said(shared)) == ""
    shared.engine.enqueue(Say(""))
    kinds = [event["type"] for event in streamed(shared)]
    assert "response.output_text.delta" not in kinds
    assert kinds[2:4] == ["response.output_item.added", "response.content_part.added"]
    assert kinds[-2:] == ["response.output_item.done", "response.completed"]


def test_one_that_is_cut_off_is_incomplete(shared: Rig) -> None:
    shared.engine.enqueue(Say("One two three four"))
    response = said(shared, max_output_tokens=2)
    assert (response["status"], response["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert response["output"][0]["status"] == "incomplete"
    assert (response["usage"]["output_tokens"], response["max_output_tokens"]) == (2, 2)
    shared.engine.enqueue(Say("One two three four"))
    *_, done, last = streamed(shared, max_output_tokens=2)
    assert last["type"] == "response.incomplete"
    assert done["item"]["status"] == "incomplete"


def test_log_probabilities_by_include_or_by_number(shared: Rig) -> None:
    for fields, alternatives in (
        ({"include": ["message.output_text.logprobs"]}, 0),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 3}, 3),
        ({"top_logprobs": 3}, 3),
    ):
        shared.engine.enqueue(Say("One two"))
        response = said(shared, **fields)
        told = response["output"][0]["content"][0]["logprobs"]
        assert "".join(entry["token"] for entry in told) == "One two"
        assert {len(entry["top_logprobs"]) for entry in told} == {alternatives}
        shared.engine.enqueue(Say("One two"))
        deltas = [event for event in streamed(shared, **fields) if "delta" in event]
        assert [entry for event in deltas for entry in event["logprobs"]] == told
    assert (
        said(shared, include=["reasoning.encrypted_content"])["output"][0]["content"][0]["logprobs"]
        == []
    )


def test_sampling_reaches_the_engine(shared: Rig) -> None:
    response = said(
        shared, temperature=0.25, top_p=0.5, top_k=7, min_p=0.1, seed=3, min_tokens=2, stop="x"
    )
    request = shared.engine.asked[-1].request
    assert (request.sampling.temperature, request.sampling.top_p) == (0.25, 0.5)
    assert (request.sampling.top_k, request.sampling.min_p, request.sampling.seed) == (7, 0.1, 3)
    assert request.min_tokens == 2
    assert (response["temperature"], response["top_p"]) == (0.25, 0.5)


def test_a_stop_string_ends_it_well(shared: Rig) -> None:
    shared.engine.enqueue(Say("One END two"))
    response = said(shared, stop=["END"])
    assert (text_of(response), response["status"]) == ("One ", "completed")


# What goes on


def test_three_turns_are_the_prompt_of_the_whole(shared: Rig) -> None:
    previous: str | None = None
    for question, answer in (("Hello", "I am one."), ("And now?", "Two."), ("Now?", "Three.")):
        shared.engine.enqueue(Say(answer))
        previous = said(shared, input=question, previous_response_id=previous)["id"]
    in_parts = prompt(shared)
    talk = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "I am one."},
        {"role": "user", "content": "And now?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Now?"},
    ]
    said(shared, input=talk, store=False)
    assert prompt(shared) == in_parts
    shared.post({"model": "it", "messages": talk})
    assert prompt(shared) == in_parts


def test_instructions_are_of_their_turn_alone(shared: Rig) -> None:
    first = said(shared, instructions="Speak like a pirate.")
    assert "pirate" in words(shared)
    said(shared, previous_response_id=first["id"], instructions="Speak like a robot.")
    assert "robot" in words(shared)
    assert "pirate" not in words(shared)


def test_a_developer_s_items_stay(shared: Rig) -> None:
    items = [
        {"role": "developer", "content": "Speak like a pirate."},
        {"role": "user", "content": "Hi"},
    ]
    first = said(shared, input=items)
    said(shared, previous_response_id=first["id"])
    assert "pirate" in words(shared)


def test_one_may_go_on_from_a_stream_and_without_being_kept(shared: Rig) -> None:
    shared.engine.enqueue(Say("Streamed."))
    first = streamed(shared)[-1]["response"]["id"]
    second = said(shared, previous_response_id=first, store=False)
    assert "Streamed" in words(shared)
    assert (second["store"], second["previous_response_id"]) == (False, first)
    assert shared.get(f"/v1/responses/{second['id']}").status_code == 404
    error = refused(shared, previous_response_id=second["id"])
    assert (error["code"], error["param"]) == (
        "previous_response_not_found",
        "previous_response_id",
    )
    assert second["id"] in error["message"]


def test_two_items_in_a_row_are_one_turn_where_a_template_wants_turns(shared: Rig) -> None:
    said(shared, input=[{"role": "user", "content": text} for text in ("It rains.", "Go out?")])
    in_two = prompt(shared)
    said(shared, input="It rains.\n\nGo out?")
    assert prompt(shared) == in_two
    error = refused(shared, input=[{"role": "assistant", "content": "a"}])
    assert (error["code"], error["param"]) == ("invalid_messages", "input")


def test_an_item_by_reference(shared: Rig) -> None:
    shared.engine.enqueue(Say("I am one."))
    first = said(shared)
    by_reference = [
        {"role": "user", "content": "Hello"},
        {"type": "item_reference", "id": first["output"][0]["id"]},
        {"role": "user", "content": "And now?"},
    ]
    second = said(shared, input=by_reference)
    by_id = prompt(shared)
    said(shared, input="And now?", previous_response_id=first["id"])
    assert prompt(shared) == by_id
    kept = shared.get(f"/v1/responses/{second['id']}/input_items?order=asc").json()["data"]
    assert kept[1] == first["output"][0]
    error = refused(shared, input=[{"type": "item_reference", "id": "msg_nope"}])
    assert (error["code"], error["param"]) == ("item_not_found", "input[0].id")


def test_it_outlasts_the_server(home: Home) -> None:
    with running(home) as rig:
        rig.engine.enqueue(Say("I am one."))
        first = said(rig, metadata={"a": "b"})
    with running(home) as rig:
        assert rig.get(f"/v1/responses/{first['id']}").json() == first
        said(rig, input="And now?", previous_response_id=first["id"])
        in_parts = prompt(rig)
        said(
            rig,
            input=[
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "I am one."},
                {"role": "user", "content": "And now?"},
            ],
        )
        assert prompt(rig) == in_parts


def test_a_template_is_handed_effort_and_thoughts(launch: Launch, home: Home) -> None:
    template = (
        "{{ reasoning_effort }} {{ wish }}|{% for message in messages %}"
        "{{ message.reasoning_content }}>{{ message.content }}|{% endfor %}"
    )
    add_adapter(home, "thinker", template=template)
    rig = launch()
    thought = {"type": "reasoning", "summary": [], "content": [{"text": "Hm."}]}
    fields = {"reasoning": {"effort": "low"}, "chat_template_kwargs": {"wish": "long"}}
    items = [{"role": "user", "content": "a"}, thought, {"role": "assistant", "content": "b"}]
    first = said(rig, model="thinker", input=items, **fields)
    assert words(rig) == "low long|>a|Hm.>b|"
    assert first["reasoning"] == {"effort": "low", "summary": None}
    said(rig, model="thinker", previous_response_id=first["id"], **fields)
    assert words(rig).startswith("low long|>a|Hm.>b|>I am")


def test_another_server_of_the_home_goes_on_with_it(home: Home) -> None:
    with running(home) as one, running(home) as other:
        one.engine.enqueue(Say("I am one."))
        first = said(one)
        second = said(other, input="And now?", previous_response_id=first["id"])
        assert "I am one." in words(other)
        said(one, input="Now?", previous_response_id=second["id"])
        assert "And now?" in words(one)
        assert other.http.delete(f"/v1/responses/{first['id']}").status_code == 200
        refused(one, previous_response_id=second["id"])


# What is kept
