"""Stop strings, found in text that arrives in pieces.

No part of a stop string is ever given out: text that may yet become one is held back until it
can't. All strings are followed at once by the automaton of Aho and Corasick, so that a character
costs the same however many the strings are, however long, and however often their beginnings
repeat.

Where several match, the one that is complete first wins; of those complete at the same character
the longest. That makes the result the same however the text was cut into pieces.
"""

from collections.abc import Sequence


class StopStrings:
    """The automaton of some stop strings: made once for a request, shared by all its answers.

    Each state is the longest end of the text that a stop string begins with; 0 is none.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        """`stops` holds no empty string. Takes a while if they are long: some 2 µs a character."""
        self.next: list[dict[str, int]] = [{}]  # by state and character: one character more
        self.depth = [0]  # characters that a state stands for
        self.whole = [0]  # characters of the longest stop string that a state ends with; 0: none
        for stop in stops:
            self._add(stop)
        self.fallback = self._fallbacks()

    def step(self, state: int, character: str) -> int:
        """The state after one more character."""
        following, fallback = self.next, self.fallback
        while state and character not in following[state]:
            state = fallback[state]
        return following[state].get(character, 0)

    def _add(self, stop: str) -> None:
        state = 0
        for character in stop:
            following = self.next[state]
            if character not in following:
                following[character] = len(self.next)
                self.next.append({})
                self.depth.append(self.depth[state] + 1)
                self.whole.append(0)
            state = following[character]
        self.whole[state] = self.depth[state]

    def _fallbacks(self) -> list[int]:
        """For each state the longest shorter one that it ends with, shorter states first."""
        self.fallback = [0] * len(self.next)
        level = [*self.next[0].values()]
        while level:
            deeper = []
            for state in level:
                shorter = self.fallback[state]
                self.whole[state] = self.whole[state] or self.whole[shorter]
                for character, longer in self.next[state].items():
                    self.fallback[longer] = self.step(shorter, character)
                    deeper.append(longer)
            level = deeper
        return self.fallback


class StopMatcher:
    """Watches one text for stop strings."""

    def __init__(self, stops: StopStrings) -> None:
        self._stops = stops
        self._state = 0
        self._held = ""
        self.matched = False

    def push(self, text: str, *, may_match: bool = True) -> str:
        """Take more text and return what is safe to give out; nothing follows a match.

        With `may_match` false, stop strings that this text completes are text like any other.
        """
        if self.matched:
            return ""
        stops, state = self._stops, self._state
        first = stops.next[0]
        if not first:
            return text
        for place, character in enumerate(text):
            if not state and character not in first:
                continue
            state = stops.step(state, character)
            whole = stops.whole[state]
            if whole and may_match:
                self.matched = True
                seen = self._held + text[: place + 1]
                self._held = ""
                return seen[: len(seen) - whole]
            while state and not stops.next[state]:
                # A whole string is never a mere beginning; what of it may begin another one is.
                state = stops.fallback[state]
        self._state = state
        seen = self._held + text
        given = len(seen) - stops.depth[state]
        self._held = seen[given:]
        return seen[:given]

    def finish(self) -> str:
        """The text is over: return what was held back in vain."""
        held, self._held = self._held, ""
        return held
