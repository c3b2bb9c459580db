"""The embedded pair's tokenizer: byte-level BPE with Gemma's special tokens.

The vocabulary is small on purpose: on a CPU the softmax over it is a large part of each step, and
yet nearly every word of the pair's world is one token, so a model this size seldom makes half
words. Bytes are the floor, so any text can be encoded and comes back unchanged.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

PAD, EOS, BOS, UNK = "<pad>", "<eos>", "<bos>", "<unk>"
START, END = "<start_of_turn>", "<end_of_turn>"
SPECIALS = (PAD, EOS, BOS, UNK, START, END)  # their ids are their places in this tuple
PAD_ID, EOS_ID, BOS_ID, UNK_ID, START_ID, END_ID = range(len(SPECIALS))


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """Learn a vocabulary of `size` tokens, the six specials and 256 bytes among them.

    Encoding adds `<bos>` unless told not to, as Gemma's tokenizer does. Digits stand alone, so
    that "10" and "1" share what they mean.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def save_tokenizer(
    tokenizer: Tokenizer, folder: Path, context: int, template: str | None = None
) -> None:
    """Write the tokenizer as Hugging Face lays it out; with `template`, its chat template too.

    A pre-trained base has no template, and the lack of one is what tells it from a tuned one.
    """
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        bos_token=BOS,
        unk_token=UNK,
        additional_special_tokens=[START, END],
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    )
    if template is not None:
        wrapped.chat_template = template
    wrapped.save_pretrained(str(folder))
