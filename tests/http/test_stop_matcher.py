"""StopMatcher: for any text, any stop strings, any cutting, the result of looking at it all."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bluey_server.http.answer.stop_matcher import StopMatcher, StopStrings

LETTERS = st.text("ab", max_size=24)  # two letters: beginnings that repeat and overlap
STOPS = st.lists(st.text("ab", min_size=1, max_size=6), max_size=4)


def naive(text: str, stops: list[str], blind: int = 0) -> tuple[str, bool]:
    """The text before the stop string that is complete first, the longest of those; those
    complete within the first `blind` characters don't count."""
    for end in range(blind + 1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - len(max(found, key=len))], True
    return text, False


def cut(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(place for place in cuts if place <= len(text))})
    return [text[start:end] for start, end in itertools.pairwise(places)]


@given(LETTERS, STOPS, st.lists(st.integers(0, 24)))
def test_result_is_that_of_the_whole_text_however_it_was_cut(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    matcher = StopMatcher(StopStrings(stops))
    given_out = "".join(matcher.push(piece) for piece in cut(text, cuts)) + matcher.finish()
    assert (given_out, matcher.matched) == naive(text, stops)


@given(LETTERS, STOPS, st.lists(st.integers(0, 24)))
def test_nothing_is_held_back_in_vain(text: str, stops: list[str], cuts: list[int]) -> None:
    matcher = StopMatcher(StopStrings(stops))
    seen, given_out = "", ""
    for piece in cut(text, cuts):
        seen += piece
        given_out += matcher.push(piece)
        if matcher.matched:
            break
        held = seen[len(given_out) :]
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


@given(LETTERS, STOPS, st.integers(0, 24), st.lists(st.integers(0, 24)))
def test_stop_strings_completed_too_early_are_text(
    text: str, stops: list[str], blind: int, cuts: list[int]
) -> None:
    matcher = StopMatcher(StopStrings(stops))
    given_out, place = "", 0
    for piece in cut(text, [*cuts, blind]):
        place += len(piece)
        given_out += matcher.push(piece, may_match=place > blind)
    assert (given_out + matcher.finish(), matcher.matched) == naive(text, stops, blind)


def test_a_match_ends_everything() -> None:
    matcher = StopMatcher(StopStrings(["\n\n"]))
    assert matcher.push("one\n") == "one"
    assert matcher.push("\ntwo") == ""
    assert matcher.matched
    assert matcher.push("three") + matcher.finish() == ""


def test_a_beginning_that_comes_to_nothing_is_given_out() -> None:
    matcher = StopMatcher(StopStrings(["STOP"]))
    assert matcher.push("ST") == ""
    assert matcher.push("ART") == "START"


def test_without_stop_strings_all_text_passes() -> None:
    matcher = StopMatcher(StopStrings())
    assert matcher.push("anything") + matcher.finish() == "anything"
