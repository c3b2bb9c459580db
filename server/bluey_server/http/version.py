"""The version of the package that is running."""

import functools
from importlib import metadata


@functools.cache
def version() -> str:
    """As installed; a checkout that was never installed has none."""
    try:
        return metadata.version("bluey")
    except metadata.PackageNotFoundError:
        return "0+checkout"
