"""The tokenizer process: makes token ids of text, for all bases with one tokenizer.

Loading a large tokenizer holds the interpreter's lock for seconds, and takes hundreds of MB. In a
process of its own that stops no stream, and the memory goes when the process does.
"""
