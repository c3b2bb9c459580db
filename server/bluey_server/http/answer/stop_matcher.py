"""Stop strings, found in text that arrives in pieces.

No part of a stop string is ever given out: text that may yet become one is held back until it
can't. Each string is followed by the automaton of Knuth, Morris and Pratt, so that a character
costs the same however long the strings are and however often their beginnings repeat.

Where several match, the one that is complete first wins; of those complete at the same character
the longest. That makes the result the same however the text was cut into pieces.
"""

from collections.abc import Sequence


class StopMatcher:
    """Watches one text for stop strings."""

    def __init__(self, stops: Sequence[str]) -> None:
        """`stops` holds no empty string."""
        self._automata = [_Automaton(stop) for stop in stops]
        self._held = ""
        self.matched = False

    def push(self, text: str, *, may_match: bool = True) -> str:
        """Take more text and return what is safe to give out; nothing follows a match.

        With `may_match` false, stop strings that this text completes are text like any other.
        """
        if self.matched or not self._automata:
            return "" if self.matched else text
        for place, character in enumerate(text):
            whole = [automaton.length for automaton in self._automata if automaton.step(character)]
            if whole and may_match:
                self.matched = True
                seen = self._held + text[: place + 1]
                self._held = ""
                return seen[: len(seen) - max(whole)]
        seen = self._held + text
        keep = max(automaton.state for automaton in self._automata)
        self._held = seen[len(seen) - keep :]
        return seen[: len(seen) - keep]

    def finish(self) -> str:
        """The text is over: return what was held back in vain."""
        held, self._held = self._held, ""
        return held


class _Automaton:
    """How much of the beginning of one pattern the text ends with."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._fallback = _fallback(pattern)
        self.length = len(pattern)
        self.state = 0

    def step(self, character: str) -> bool:
        """Take one character; whether it completes the pattern."""
        state = self.state
        while state and self._pattern[state] != character:
            state = self._fallback[state]
        if self._pattern[state] == character:
            state += 1
        whole = state == self.length
        # A whole pattern is never a mere beginning; what of it may begin another one is.
        self.state = self._fallback[state] if whole else state
        return whole


def _fallback(pattern: str) -> list[int]:
    """For each length of a beginning: the longest shorter beginning that it ends with."""
    fallback = [0, 0]
    for place in range(1, len(pattern)):
        state = fallback[place]
        while state and pattern[state] != pattern[place]:
            state = fallback[state]
        fallback.append(state + 1 if pattern[state] == pattern[place] else 0)
    return fallback
