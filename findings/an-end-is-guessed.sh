#!/bin/sh
# llguidance 1.9.1: an LLTokenizer that isn't told which token ends a text guesses. Of known names it
# takes one that isn't marked as special either (for Gemma 3's tokenizer "</s>", the HTML tag); where it
# finds none, token 0 is the end, whatever that is. An answer is then over, "EndOfSentence", as soon as
# that ordinary token is written.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check \
    llguidance==1.9.1 tokenizers==0.23.3
"$scratch/venv/bin/python" - <<'PY'
from llguidance import LLMatcher, LLTokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet(), key=lambda character: character != "a")


def after_an_a(more: list[str], told: list[int] | None) -> tuple[int, str]:
    """The end that is taken, and how things stand when "a", token 0, was written for /a+/."""
    inner = Tokenizer(models.BPE({token: at for at, token in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_tokens([AddedToken(token, special=False, normalized=False) for token in more])
    tokenizer = LLTokenizer(inner.to_str(), eos_token=told)
    matcher = LLMatcher(tokenizer, "start: /a+/", log_level=0)
    assert matcher.consume_token(0)
    return tokenizer.eos_token, matcher.stop_reason()


for what, more, told, expected in (
    ("no known name", [], None, (0, "EndOfSentence")),
    ("an ordinary token '</s>'", ["</s>"], None, (256, "NotStopped")),
    ("told that 5 is the end", ["</s>"], [5], (5, "NotStopped")),
):
    end, state = after_an_a(more, told)
    print(f"{what}: token {end} ends texts; after one 'a': {state}")
    assert (end, state) == expected, "this has changed"
PY
