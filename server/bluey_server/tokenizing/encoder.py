"""Encoding of texts that grow: what was encoded before is not encoded again.

A conversation comes back with each turn, longer by two messages. Special tokens, such as those that
begin and end turns, cut a text into parts that are encoded each by itself, so the ids of a part
that was seen before can be kept and used again. They are the same ids: see
`Tokenizer.separators`.
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

from bluey_adapters.tokenizer import Tokenizer
from bluey_server.tokenizing.messages import Encode, Encoded

_SHORTEST = 32  # characters of a part that is worth keeping
_KEPT = 4_000_000  # characters of all parts that are kept; some 40 MB with their ids


@dataclass(frozen=True)
class _Part:
    """A text between two special tokens, or one of these."""

    ids: list[int]
    spans: list[tuple[int, int]]  # where each token begins and ends, in characters


class Encoder:
    """One tokenizer, and the parts of texts that it has encoded lately. Safe to share between
    threads."""

    def __init__(self, tokenizer: Tokenizer, *, kept: int = _KEPT) -> None:
        """`kept` is how many characters of parts are kept at most."""
        self._tokenizer = tokenizer
        separators = sorted(tokenizer.separators(), key=len, reverse=True)
        self._separator = re.compile(f"({'|'.join(map(re.escape, separators))})")
        self._cuts = bool(separators)
        self._most = kept
        self._kept: OrderedDict[str, _Part] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def encode(self, asked: Encode) -> Encoded:
        """The ids of a text."""
        if asked.special or not self._cuts:
            ids, spans = self._tokenizer.encode_with_offsets(asked.text, special=asked.special)
        else:
            ids, spans = self._encode_parts(asked.text)
        starts: list[int] = []
        if asked.starts:
            for start, _ in spans:
                # Those that the tokenizer added begin where the one before did.
                starts.append(max(start, starts[-1] if starts else 0))
        borders = [_tokens_before(border, spans) for border in asked.borders]
        return Encoded(id=asked.id, ids=ids, borders=borders, starts=starts)

    def _encode_parts(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        place = 0
        for part in self._separator.split(text):
            if part:
                encoded = self._part(part)
                ids += encoded.ids
                spans += [(place + start, place + end) for start, end in encoded.spans]
                place += len(part)
        return ids, spans

    def _part(self, text: str) -> _Part:
        with self._lock:
            known = self._kept.get(text)
            if known is not None:
                self._kept.move_to_end(text)
                return known
        part = _Part(*self._tokenizer.encode_with_offsets(text))
        if len(text) >= _SHORTEST or len(part.ids) == 1:
            self._keep(text, part)
        return part

    def _keep(self, text: str, part: _Part) -> None:
        if len(text) > self._most // 4:
            return  # it would drive out everything else
        with self._lock:
            if text not in self._kept:
                self._kept[text] = part
                self._size += len(text)
            while self._size > self._most:
                dropped, _ = self._kept.popitem(last=False)
                self._size -= len(dropped)


def _tokens_before(border: int, spans: list[tuple[int, int]]) -> int:
    """A token that reaches across the border counts as after it. (Not by bisection: the bytes of
    one character share its end, and added tokens may have none of their own.)"""
    return next((at for at, (_, end) in enumerate(spans) if end > border), len(spans))
