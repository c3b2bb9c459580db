"""mlx-lm's tool parsers, without mlx-lm.

They are plain Python, but importing them as what they are imports MLX with them, which this process
must not: it costs seconds, and can end a process. So their folder is imported as a package of its
own.
"""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PACKAGE = "bluey_server.http.mlx_lm_tool_parsers"

Parse = Callable[[str, Any], Any]
"""A call's text and the tools, as templates see them, to a dict with name and arguments, or to a
list of such; raises whatever it likes."""


@functools.cache
def parser(name: str) -> Parse:
    """The parser of a family."""
    if _PACKAGE not in sys.modules:
        package = importlib.util.find_spec("mlx_lm")
        assert package is not None and package.submodule_search_locations
        folder = Path(package.submodule_search_locations[0]) / "tool_parsers"
        spec = importlib.util.spec_from_file_location(
            _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    parse: Parse = importlib.import_module(f"{_PACKAGE}.{name}").parse_tool_call
    return parse
