"""Many questions to a model of any OpenAI-compatible server, several at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec

from bluey_admin.failures import Failure

_PATIENCE = 120.0  # seconds for one answer


class Question(msgspec.Struct, frozen=True):
    """A conversation that waits for its next turn."""

    id: str
    messages: list[dict[str, str]]


class Sampling(msgspec.Struct, frozen=True):
    """How answers are drawn; sent with every request as it stands."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 200


class Answer(msgspec.Struct, frozen=True):
    """What a model said to a question with one seed, and how it ended."""

    model: str
    question: str
    seed: int
    text: str
    finish_reason: str


def ask_all(
    url: str,
    model: str,
    questions: Sequence[Question],
    seeds: Sequence[int],
    sampling: Sampling,
    *,
    at_once: int = 16,
    api_key: str | None = None,
    heard: Callable[[Answer], None] = lambda _: None,
) -> list[Answer]:
    """Every question with every seed, in that order; `heard` is told of each as it comes.

    `url` ends in `/v1`. Raises Failure with the server's words at the first request that fails.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    # trust_env would send requests for 127.0.0.1 through a proxy.
    with httpx.Client(headers=headers, timeout=_PATIENCE, trust_env=False) as http:

        def ask(question: Question, seed: int) -> Answer:
            body = {"model": model, "messages": question.messages, "seed": seed}
            text, reason = _chat(http, url, body | msgspec.to_builtins(sampling))
            answer = Answer(model, question.id, seed, text, reason)
            heard(answer)
            return answer

        with ThreadPoolExecutor(at_once) as pool:
            waiting = [pool.submit(ask, q, seed) for q in questions for seed in seeds]
            try:
                return [answer.result() for answer in waiting]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _chat(http: httpx.Client, url: str, body: dict[str, Any]) -> tuple[str, str]:
    try:
        response = http.post(f"{url}/chat/completions", json=body)
        decoded = msgspec.json.decode(response.content)
    except httpx.HTTPError as error:
        raise Failure(f"{url} does not answer: {error or type(error).__name__}") from None
    except msgspec.DecodeError:
        raise Failure(f"{url} said {response.status_code} and no JSON") from None
    if response.status_code != 200:
        said = decoded.get("error") if isinstance(decoded, dict) else None
        words = said.get("message") if isinstance(said, dict) else said
        raise Failure(f"{url} said {response.status_code}: {words or 'no reason given'}")
    choice = decoded["choices"][0]
    return choice["message"]["content"] or "", choice["finish_reason"]
