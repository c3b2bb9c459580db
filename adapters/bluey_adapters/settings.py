"""Settings: flags win over the environment, that over BLUEY_HOME/config.toml, that over defaults.

Flags and environment are click's work (each option names its variable); this file supplies what
lies below them, as click's `default_map`.
"""

import tomllib
from typing import Any

from bluey_adapters.errors import SettingsError
from bluey_adapters.home import Home

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 25839  # BLUEY on a phone's keys

KNOWN = {
    "host": str,
    "port": int,
    "api_key": str,
    "admin_key": str,
    "insecure": bool,
    "preload": list,
    "allow_host": list,
    "allow_origin": list,
    "slots": int,
    "memory": float,
    "idle_timeout": float,
    "max_waiting": int,
    "request_timeout": float,
    "log_level": str,
    "log_format": str,
}


def read_config(home: Home) -> dict[str, Any]:
    """The user's config.toml, checked; empty if there is none.

    Raises SettingsError for broken TOML, an unknown key or a value of the wrong type.
    """
    try:
        config = tomllib.loads(home.config.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):  # the latter is the home's to tell
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{home.config} can't be read: {error}") from None
    for key, value in config.items():
        kind = KNOWN.get(key)
        if kind is None:
            raise SettingsError(
                f"{home.config}: unknown key {key!r}; known are {', '.join(sorted(KNOWN))}"
            )
        fits = isinstance(value, int | float if kind is float else kind)
        # For Python, True is an int as well.
        if not fits or isinstance(value, bool) is not (kind is bool):
            raise SettingsError(f"{home.config}: {key} must be of type {kind.__name__}")
    return config
