"""Serving: the HTTP process that speaks OpenAI, and the engine process that owns MLX."""
