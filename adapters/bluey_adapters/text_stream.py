"""Text out of token ids that arrive one at a time, never splitting a character."""

import codecs
from collections.abc import Iterable

from bluey_adapters.vocabulary import Vocabulary

_Decoder = codecs.getincrementaldecoder("utf-8")


class TextStream:
    """One text. A token's bytes are decoded as they come; those of an incomplete character wait
    for the rest of it."""

    def __init__(self, vocabulary: Vocabulary, before: Iterable[int] = ()) -> None:
        """`before` are ids whose text is already there, when the text goes on from it: some
        tokenizers leave a leading space out where a text begins."""
        self._vocabulary = vocabulary
        self._decoder = _Decoder("replace")
        self._stripped = vocabulary.stripped  # leading spaces still to be left out
        for token in before:
            self.push(token)
        # The end of a character that began before belongs to no text of ours.
        self._decoder.reset()

    def push(self, token: int) -> str:
        """The text that `token` completes; empty while a character is incomplete."""
        return self._begun(self._decoder.decode(self._vocabulary.text_of(token)))

    def finish(self) -> str:
        """What is left, an incomplete character shown as U+FFFD."""
        return self._begun(self._decoder.decode(b"", final=True))

    def _begun(self, text: str) -> str:
        if not (self._stripped and text):
            return text
        begun = text.lstrip(" ")
        kept = text[min(len(text) - len(begun), self._stripped) :]
        self._stripped = 0
        return kept


def text_of(vocabulary: Vocabulary, ids: Iterable[int]) -> str:
    """The whole text of `ids`, special tokens left out."""
    stream = TextStream(vocabulary)
    return "".join(stream.push(token) for token in ids) + stream.finish()
