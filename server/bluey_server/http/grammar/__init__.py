"""What an answer must look like: JSON schemas, and calls, as grammars that decoding obeys."""
