"""Functions that a model may call: how they stand in prompts, and how calls are read."""
