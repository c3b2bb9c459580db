"""Two models' answers before a judge, pair by pair, in both orders."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

from bluey_admin.evaluation.findings import ShownQuestion
from bluey_admin.evaluation.judge_endpoint import Judge, Outcome
from bluey_admin.evaluation.judge_prompt import message
from bluey_admin.evaluation.side_by_side import side_by_side


class Match(msgspec.Struct, frozen=True):
    """Two models' answers to one probe with one seed, in one order."""

    probe: str
    seed: int
    shown_first: str  # the models' names, which the judge isn't told
    shown_second: str
    message: str  # all that the judge is told


class Ruling(msgspec.Struct, frozen=True):
    """What the judge made of a match. To be kept: with it, the match needn't be judged again."""

    probe: str
    seed: int
    shown_first: str
    shown_second: str
    digest: str  # sha256 of the judge's name and the message, hex: other texts are another match
    outcome: Outcome  # "first" and "second" as they were shown
    reason: str

    @property
    def winner(self) -> str | None:
        """The model that won, if one did."""
        return {"first": self.shown_first, "second": self.shown_second}.get(self.outcome)

    @property
    def counts(self) -> bool:
        """Whether there is a verdict, a tie or other."""
        return self.outcome not in ("refused", "malformed")


def matches(
    character: str, first: str, second: str, questions: Iterable[ShownQuestion]
) -> list[Match]:
    """Two models' matches, each in both orders, wherever both answered with the same seed.

    `character` is what `judge_prompt.describe` made of training examples.
    """
    pairs = []
    for question in questions:
        said = {(answer.model, answer.seed): answer.text for answer in question.answers}
        for seed in sorted({seed for _, seed in said}):
            if (first, seed) in said and (second, seed) in said:
                for one, other in ((first, second), (second, first)):
                    asked = message(character, question.prompt, said[one, seed], said[other, seed])
                    pairs.append(Match(question.id, seed, one, other, asked))
    return pairs


def judge_all(
    judge: Judge,
    asked: Sequence[Match],
    *,
    known: Iterable[Ruling] = (),
    heard: Callable[[Ruling], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    at_once: int = 8,
) -> list[Ruling]:
    """The rulings in the order of the matches; those in `known` aren't asked for again.

    `heard` is told of each new one as it comes, `progress` how many there are, of how many; both
    in this thread. Raises Failure when the judge gives no reply, after `heard` was told of all
    that had been asked.
    """
    keys = [_key(match, _digest(judge, match)) for match in asked]
    rulings = {_key(ruling, ruling.digest): ruling for ruling in known}
    missing = [match for match, key in zip(asked, keys, strict=True) if key not in rulings]
    done = len(asked) - len(missing)
    progress(done, len(asked))

    def rule(match: Match) -> Ruling:
        decision = judge.decide(match.message)
        return Ruling(
            match.probe,
            match.seed,
            match.shown_first,
            match.shown_second,
            _digest(judge, match),
            decision.outcome,
            decision.reason,
        )

    def keep(ruling: Ruling) -> None:
        nonlocal done
        done += 1
        rulings[_key(ruling, ruling.digest)] = ruling
        heard(ruling)
        progress(done, len(asked))

    # One alone finds out what the judge takes, and whether it is there at all.
    for some in (missing[:1], missing[1:]):
        side_by_side(rule, some, at_once, keep)
    return [rulings[key] for key in keys]


def _key(match: Match | Ruling, digest: str) -> tuple[str, int, str, str, str]:
    return match.probe, match.seed, match.shown_first, match.shown_second, digest


def _digest(judge: Judge, match: Match) -> str:
    return hashlib.sha256(f"{judge.model}\n{match.message}".encode()).hexdigest()
