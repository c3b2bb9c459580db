"""What a backend tells of itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BackendFigures:
    """What the backend holds, and what it has done since it was made."""

    memory_bytes: int = 0
    kv_bytes: int = 0
    prefix_bytes: int = 0
    prefix_entries: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    steps: int = 0
    rows_stepped: int = 0
