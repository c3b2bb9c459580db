"""The admin key: what `/admin/…` asks for.

The server makes it on its first start, in a file that only its user may read; whoever can read
that file could as well read the registry beside it. The CLI finds it there by itself.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from bluey_adapters.errors import SettingsError
from bluey_adapters.files import sync
from bluey_adapters.home import Home
from bluey_adapters.secret import ADMIN_PREFIX, new_secret
from bluey_adapters.settings import read_config

ENVIRONMENT = "BLUEY_ADMIN_KEY"
_MODE = 0o600


def servers_admin_key(home: Home, given: str | None) -> str:
    """The key given by flag, environment or config.toml, or else the home's own, made where there
    is none yet.

    Raises SettingsError for a key that no header can carry, or a file that can't be used.
    """
    if given is None:
        return _read(home) or _make(home)
    if not _is_fit(given):
        raise SettingsError(
            "the admin key must be one word of printable ASCII; "
            f"leave --admin-key and {ENVIRONMENT} out, and the server makes one"
        )
    return given


def find_admin_key(home: Home) -> str | None:
    """The key as the home's other programs find it; None where there is none to be read.

    Raises SettingsError for a broken config.toml.
    """
    given = os.environ.get(ENVIRONMENT) or read_config(home).get("admin_key")
    if given:
        return str(given)
    with contextlib.suppress(SettingsError):  # not ours to read: the server tells if it matters
        return _read(home)
    return None


def _read(home: Home) -> str | None:
    try:
        key = home.admin_key.read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the admin key {home.admin_key} can't be read: {error}") from None
    if not _is_fit(key):
        raise SettingsError(
            f"the admin key {home.admin_key} is empty or not one word; "
            "remove the file, and the server makes a new one"
        )
    # Restored from a backup, say, or copied. Where modes can't be set they mean nothing.
    with contextlib.suppress(OSError):
        if home.admin_key.stat().st_mode & 0o777 != _MODE:
            home.admin_key.chmod(_MODE)
    return key


def _make(home: Home) -> str:
    home.make()
    handle, name = tempfile.mkstemp(prefix=".admin-key-", dir=home.root)  # with mode 0600
    scratch = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(new_secret(ADMIN_PREFIX) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, it leaves the key of a starter that was faster.
            os.link(scratch, home.admin_key)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            scratch.replace(home.admin_key)
    finally:
        scratch.unlink(missing_ok=True)
    sync(home.root)
    made = _read(home)
    if made is None:
        raise SettingsError(f"the admin key {home.admin_key} is gone as soon as it was made")
    return made


def _is_fit(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key
