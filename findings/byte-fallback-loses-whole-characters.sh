#!/bin/sh
# tokenizers 0.23.3: the ByteFallback decoder (Gemma, Llama 2, Mistral) takes a run of byte tokens as
# a whole. If the run isn't UTF-8 from end to end, every byte of it becomes U+FFFD, those of whole
# characters too. Text that is streamed token by token therefore differs from the same ids decoded at
# once: "é" was shown, and is gone when a wrong byte follows.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
"$scratch/venv/bin/python" - <<'PY'
from tokenizers import Tokenizer, decoders, models

names = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
tokenizer = Tokenizer(
    models.BPE({name: at for at, name in enumerate(names)}, [], byte_fallback=True, unk_token="<unk>")
)
tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
ids = tokenizer.encode("日é").ids
cut = tokenizer.token_to_id("<0xC3>")  # the first byte of a character that never ends
whole, followed = tokenizer.decode(ids), tokenizer.decode([*ids, cut])
print(f"{len(ids)} tokens: {whole!r}; and one byte more: {followed!r}")
assert whole == "日é"
assert followed == "\ufffd" * (len(ids) + 1), "the whole characters were kept: this has changed"
PY
