"""The Hugging Face hub: finding what is on this machine, fetching what isn't.

`huggingface_hub` takes half a second to import and is imported where it is used.
"""

from pathlib import Path

from bluey_adapters.errors import BaseError

_PATTERNS = ["*.json", "model*.safetensors", "*.jinja", "tokenizer.model"]


def find(repo: str) -> Path | None:
    """The folder of the newest snapshot of `repo` in the hub's local cache, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repo, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    return folder if (folder / "config.json").exists() else None


def pull(repo: str) -> Path:
    """Download `repo` with the hub's own progress bars; return its folder.

    Raises BaseError saying what to do, for a gated repo above all.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(snapshot_download(repo, allow_patterns=_PATTERNS))
    except GatedRepoError:
        raise BaseError(
            f"{repo} is gated: accept its licence on its page on huggingface.co while logged in, "
            "then run `hf auth login` (or set HF_TOKEN) and pull again"
        ) from None
    except RepositoryNotFoundError:
        raise BaseError(
            f"the hub has no repo {repo}, or it is private and needs `hf auth login`"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        found = find(repo)
        if found is not None:
            return found
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise BaseError(f"{repo} could not be downloaded: {first_line}") from None
