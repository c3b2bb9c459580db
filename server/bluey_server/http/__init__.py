"""The HTTP process: OpenAI's requests in, OpenAI's answers out."""
