"""Secrets that bluey makes: API keys and the admin key.

They are kept and compared as a plain SHA-256. A slow hash (scrypt, Argon2) is for passwords, which
people choose and machines can guess; 43 random letters and digits can't be guessed, whatever a
guess costs, and the hash is computed for every request.
"""

import hashlib
import secrets
import string

API_PREFIX = "sk-bluey-"
ADMIN_PREFIX = "sk-bluey-admin-"
"""Clients that check a key's look want `sk-`; the rest tells scanners and people whose it is."""

_LETTERS = string.ascii_letters + string.digits  # a double click selects them all
_LENGTH = 43  # 62^43 > 2^256


def new_secret(prefix: str) -> str:
    """A key that nobody has or can guess."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def digest_of(key: bytes) -> str:
    """What is kept of a key, and compared: sha256, hex."""
    return hashlib.sha256(key).hexdigest()
