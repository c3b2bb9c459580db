"""Findings as a comparison makes them, with everything awkward in them that a report may meet."""

import random
from itertools import combinations, product

from bluey_admin.evaluation.findings import (
    SCORES,
    Classifier,
    Curve,
    Findings,
    Interval,
    JudgeFindings,
    ModelFindings,
    ShownAnswer,
    ShownQuestion,
    SweepPoint,
    Training,
    Verdict,
)

SCRIPT = "<script>alert('answers are text')</script>"
LONG_WORD = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 3
BY_HEART = "The sock wins, because it can\u2019t run! That\u2019s the rule"
BREAKS = "I am a computer program"

_MODELS = ("it", "pt", "bluey-it", "bluey-pt")
_PROMPTS = {
    "hello": "Hi, nice to meet you",
    "age": "How old are you?",
    "story": "Tell me a story",
    "sad": "I'm feeling sad",
    "today": "What should I do today?",
    "homework": "Can you help me with my homework?",
}
_SENTENCES = (
    "We can play a game with a big box.",
    "Mum says the rain is only the sky having a wash!",
    "I like to run on the grass, and my tail goes everywhere.",
    "Do you want to be the shop or the one who has no money?",
    "You can sit with me on the steps, and we look at the ants.",
    "First we need two cushions and somebody who is very brave.",
    "That's heaps of fun!",
    "It is a good idea to make a list of what you have to do.",
)


def example(
    models: tuple[str, ...] = _MODELS, questions: int = 40, seeds: int = 3, *, sweep: bool = True
) -> Findings:
    """Findings of that many models, questions and seeds; always the same."""
    chance = random.Random(20)
    compared = [_model(chance, name) for name in models]
    return Findings(
        id="2026-11-22-193000",
        title="it and pt, before and after bluey",
        created_at=1795375800.0,
        dataset="bluey (111 training conversations, 12 held out)",
        probes=questions,
        seeds=list(range(seeds)),
        sampling={"temperature": 0.7, "top_p": 0.95, "max_tokens": 200},
        machine="Apple M4 Pro, 14 cores, 48 GB, macOS 26.1, MLX 0.32.4",
        classifier=Classifier(
            "logistic regression over words and pairs of words, learned from the voice's replies "
            "and plain answers to the same prompts",
            _interval(chance, 0.94, 0.03),
            222,
        ),
        training_words={"mean": 41.3, "p05": 14.0, "p50": 36.0, "p95": 88.0},
        models=compared,
        verdicts=_verdicts(compared),
        judge_model="gemma-3-27b-it",
        judged=[_judged(chance, a, b) for a, b in list(combinations(models, 2))[:3]],
        questions=_questions(chance, models, questions, range(seeds)),
        sweep=_sweep(chance) if sweep else [],
        notes=[
            "Each adapter was trained once: what another seed would change is not known.",
            "Answers were limited to 200 tokens.",
        ],
    )


def _interval(chance: random.Random, middle: float, width: float) -> Interval:
    low, high = (max(0.0, middle - width * chance.uniform(0.7, 1)), middle + width)
    return Interval(middle, low, min(1.0, high) if middle <= 1 else high)


def _scores(chance: random.Random, trained: bool) -> dict[str, Interval]:
    middles = {
        "character": 0.81 if trained else 0.22,
        "on_topic": 0.46 if trained else 0.61,
        "words": 38.0 if trained else 24.0,
        "in_range": 0.88 if trained else 0.7,
        "cut_short": 0.02,
        "by_heart": 0.11 if trained else 0.0,
        "breaks": 0.0,
        "variety": 0.71,
    }
    return {
        name: _interval(chance, value * chance.uniform(0.85, 1.1), 4.0 if name == "words" else 0.06)
        if value
        else Interval(0.0, 0.0, 0.0)
        for name, value in middles.items()
    }


def _model(chance: random.Random, name: str) -> ModelFindings:
    trained = name.startswith("bluey")
    scores = _scores(chance, trained)
    if name == "pt":
        scores["variety"] = Interval()
        scores["in_range"] = Interval(0.64)
        del scores["breaks"]
        return ModelFindings(name, name, scores, {}, why_no_perplexity="it is behind a URL")
    character, plain = (45.0, 71.0) if trained else (140.0, 33.0)
    perplexity = {
        "character": _interval(chance, character * chance.uniform(0.9, 1.1), 9.0),
        "plain": _interval(chance, plain * chance.uniform(0.9, 1.1), 6.0),
    }
    trainings = [_training(chance, f"{name}@2", name.split("-")[-1])] if trained else []
    return ModelFindings(name, f"{name}@2" if trained else name, scores, perplexity, trainings)


def _training(chance: random.Random, version: str, base: str) -> Training:
    train = [(s, 1.6 + 3.4 * 0.975**s + chance.gauss(0, 0.25)) for s in range(1, 141)]
    valid = [(s, 3.6 + 2.4 * 0.97**s + 0.0015 * s) for s in range(0, 141, 28)]
    return Training(
        version,
        base,
        161.4,
        {"epochs": 5, "batch_size": 4, "learning_rate": 1.5e-3, "warmup_steps": 5, "rank": 8}
        | {"scale": 4.0, "dropout": 0.0, "num_layers": -1, "max_length": 1024, "seed": 0},
        {"steps": 140, "train_loss_first": 4.71, "train_loss_last": 1.72}
        | {"valid_loss_first": 6.0, "valid_loss_last": None},
        Curve(train, valid),
    )


def _verdicts(models: list[ModelFindings]) -> list[Verdict]:
    """Of each pair whose intervals lie apart, and one that says that nothing can be said."""
    verdicts = []
    for score, (a, b) in product(SCORES, combinations(models, 2)):
        one, other = (m.scores.get(score, Interval()) for m in (a, b))
        first, second = (a, b) if (one.value or 0) > (other.value or 0) else (b, a)
        more, less = (one, other) if first is a else (other, one)
        if more.value is None or less.value is None or more.low is None or less.high is None:
            continue
        if more.low > less.high and more.high is not None and less.low is not None:
            difference = Interval(
                more.value - less.value, more.low - less.high, more.high - less.low
            )
            says = (
                f"{first.name} has more of {score.replace('_', ' ')} than {second.name}: "
                f"{more.value:.2f} against {less.value:.2f}, difference {difference.value:+.2f} "
                f"(95 % interval {difference.low:+.2f} to {difference.high:+.2f})"
            )
            verdicts.append(Verdict(score, first.name, second.name, difference, says))
    says = f"{models[0].name} and {models[1].name} can't be told apart: there are too few answers"
    return [*verdicts, Verdict("variety", models[0].name, models[1].name, Interval(), says)]


def _judged(chance: random.Random, first: str, second: str) -> JudgeFindings:
    wins = _interval(chance, chance.uniform(0.2, 0.7), 0.09)
    return JudgeFindings(first, second, wins, 120, 0.78, None if first == "pt" else 0.56, 2, 1)


def _questions(
    chance: random.Random, models: tuple[str, ...], count: int, seeds: range
) -> list[ShownQuestion]:
    prompts = _PROMPTS | {
        f"probe-{n}": f"What do you think about number {n}?" for n in range(count)
    }
    questions = []
    for id_, prompt in list(prompts.items())[:count]:
        answers = [
            ShownAnswer(
                model,
                seed,
                " ".join(chance.sample(_SENTENCES, chance.randint(1, 6))),
                "stop",
                chance.random(),
                chance.random() < 0.6,
                None,
                None,
                False,
            )
            for model in models
            for seed in seeds
        ]
        questions.append(ShownQuestion(id_, prompt, answers))
    awkward = [
        ShownAnswer(models[0], 0, SCRIPT, "stop", 0.02, False, None, None, False),
        ShownAnswer(models[1], 0, LONG_WORD, "length", 0.4, None, None, None, True),
        ShownAnswer(
            models[2],
            0,
            "We race. The sock wins, because it can\u2019t run! That\u2019s the rule.",
            "stop",
            0.97,
            True,
            BY_HEART,
            None,
            False,
        ),
        ShownAnswer(models[3], 0, "", "stop", 0.5, False, None, None, False),
        ShownAnswer(
            models[3],
            1,
            f'{BREAKS}, so I have no legs.\n\n1 < 2 & "so" on.',
            "stop",
            0.1,
            True,
            None,
            BREAKS,
            False,
        ),
    ]
    known = {(answer.model, answer.seed): answer for answer in awkward}
    questions[0] = ShownQuestion(
        questions[0].id,
        questions[0].prompt,
        [known.get((answer.model, answer.seed), answer) for answer in questions[0].answers],
    )
    return questions


def _sweep(chance: random.Random) -> list[SweepPoint]:
    points = []
    for base, epochs, rank in product(("it", "pt"), (2, 5, 10), (4, 16)):
        scores = _scores(chance, trained=True)
        scores["character"] = _interval(
            chance, 0.5 + 0.03 * epochs + 0.004 * rank + 0.04 * (base == "it"), 0.05
        )
        scores["by_heart"] = _interval(
            chance, 0.002 * epochs * rank**0.5 + 0.02 * (base == "it") + 0.01, 0.02
        )
        if (base, epochs, rank) == ("pt", 2, 4):
            scores = {}
        points.append(
            SweepPoint(
                f"{base}, epochs {epochs}, rank {rank}",
                base,
                {"epochs": epochs, "rank": rank},
                scores,
                {"character": _interval(chance, 60 - 2.0 * epochs, 5)} if scores else {},
                31.5 * epochs if scores else None,
                4.0 - 0.2 * epochs,
                None if epochs == 10 else 4.1,
            )
        )
    return points
