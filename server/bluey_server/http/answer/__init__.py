"""What is told: from an engine's events to text, log probabilities and usage, streamed or whole."""
