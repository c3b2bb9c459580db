"""The embedded pair, tiny-pt and tiny-it: its text, its tokenizer, its training."""
