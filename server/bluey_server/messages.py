"""What the HTTP process and an engine process say to each other: two closed unions.

The link is a socketpair; each message is msgpack behind a length of 4 bytes (wire.py). Messages
speak of token ids, base fingerprints and adapter digests, never of names, paths or slots, so that
an engine could as well be on another machine.
"""

import msgspec


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How one request's tokens are chosen."""

    temperature: float = 1.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0 is off
    min_p: float = 0.0
    repetition_penalty: float = 1.0  # on tokens of prompt and answer
    frequency_penalty: float = 0.0  # on tokens of the answer, as often as they occurred
    presence_penalty: float = 0.0  # on tokens of the answer, once
    logit_bias: tuple[tuple[int, float], ...] = ()  # (token id of the model's, added logit)
    seed: int = 0  # 64 bits; the HTTP process draws one where the client gave none


class Generate(msgspec.Struct, frozen=True, kw_only=True, tag="generate"):
    """Continue a prompt."""

    id: int
    prompt: list[int]  # token ids, at least one
    checkpoints: tuple[int, ...] = ()  # lengths of the prompt at which others may branch off
    adapter: str | None  # digest; None is the bare base
    max_tokens: int
    min_tokens: int = 0  # until so many are out, ids in `end_ids` can't be chosen
    end_ids: tuple[int, ...]  # ids that end the turn; the one that does is not given out
    sampling: Sampling
    logprobs: int | None = None  # alternatives told with each token's own; None tells nothing
    grammar: str | None = (
        None  # llguidance's; the answer follows it from its first token to its end
    )


class Score(msgspec.Struct, frozen=True, kw_only=True, tag="score"):
    """Say how likely a prompt's tokens are, each after those before it."""

    id: int
    prompt: list[int]  # token ids, at least one
    adapter: str | None  # digest; None is the bare base
    logprobs: int  # alternatives told with each token's own


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for a request any more. Idle for one that is over."""

    id: int


class Prefetch(msgspec.Struct, frozen=True, tag="prefetch"):
    """A hint: this adapter will be asked for soon."""

    adapter: str


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """A hint: this adapter will not be asked for again."""

    adapter: str


class Shutdown(msgspec.Struct, frozen=True, tag="shutdown"):
    """End, once what is in flight has been told."""


ToEngine = Generate | Score | Cancel | Prefetch | Drop | Shutdown


class SlotStatus(msgspec.Struct, frozen=True):
    """One slot of the LoRA bank and who uses it."""

    slot: int
    adapter: str
    requests: list[int]


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine holds."""

    running: list[int]
    waiting: list[int]
    slots: list[SlotStatus]
    slots_total: int
    memory_bytes: int  # MLX's own count of active memory
    kv_bytes: int = 0  # reserved for the requests that run
    prefix_bytes: int = 0  # held by the prefix cache
    prefix_entries: int = 0
    # Since the engine's start:
    tokens_out: int
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of them, those that the prefix cache had
    steps: int = 0  # of decoding
    rows_stepped: int = 0  # rows over all steps; divided by them, the mean batch
    adapter_loads: int = 0
    adapter_evictions: int = 0
    adapter_load_seconds: float = 0.0  # from wish to slot, over all loads


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The base is loaded; from now on requests are answered."""

    device: str
    blas: str
    load_seconds: float


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A request has left the queue; its adapter is in its slot."""

    id: int
    cached: int = 0  # tokens of its prompt that need not be computed


class TokenLogprobs(msgspec.Struct, frozen=True, array_like=True):
    """How likely a token was: natural logarithms, -inf for what was impossible.

    Of the distribution after penalties and biases and before temperature and filters: what the
    model, as the request bent it, held for likely, whatever way of choosing came after. Where
    there are no penalties, that is the model's own.
    """

    chosen: float
    ids: list[int]  # the likeliest tokens, likeliest first; the chosen one need not be among them
    logprobs: list[float]  # theirs


class Step(msgspec.Struct, frozen=True, tag="step"):
    """All that one step of the batch gave."""

    tokens: list[tuple[int, int]]  # (request, token id)
    finished: list[tuple[int, str]]  # (request, "stop" | "length")
    logprobs: list[tuple[int, TokenLogprobs]] = []
    """For each token of a request that asks for them, in the order of `tokens`."""


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    """The next tokens of a prompt that is scored. There is nothing to say of its first one."""

    id: int
    logprobs: list[TokenLogprobs]
    last: bool


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """One request is over without an answer; the others are not touched."""

    id: int
    kind: str  # "engine" | "adapter_damaged" | "adapter_missing" | "wrong_base" | …
    message: str
    retryable: bool


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """Said at least once a second, whatever else is said."""

    status: EngineStatus


class Fatal(msgspec.Struct, frozen=True, tag="fatal"):
    """The engine can't go on, and ends: the base could not be loaded, or MLX failed."""

    message: str


FromEngine = Ready | Started | Step | Scored | Failed | Alive | Fatal
