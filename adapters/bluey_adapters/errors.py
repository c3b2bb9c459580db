"""Errors of everything an adapter is made of and lives in.

BlueyError                        (bluey_data.errors)
├── HomeError                     BLUEY_HOME can't be found, made or written
├── SettingsError                 a bad value in a flag, the environment or config.toml
├── RegistryError                 the registry refused
│   ├── UnknownName               no base, adapter or version of that name
│   ├── UnknownResponse           no such response, or no longer
│   └── Conflict                  somebody else was there first, or it is in use
├── StoreError                    an adapter's files
│   └── DamagedAdapter            they are not the files that were published
└── BaseError                     a base model can't be used
    ├── NoChatTemplate            it has no way to write a conversation down
    └── WrongBase                 an adapter was trained on other weights
"""

from bluey_data.errors import BlueyError


class HomeError(BlueyError):
    """BLUEY_HOME can't be found, made or written."""


class SettingsError(BlueyError):
    """A bad value in a flag, the environment or config.toml."""


class RegistryError(BlueyError):
    """The registry refused."""


class UnknownName(RegistryError):
    """No base, adapter or version of that name."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class UnknownResponse(RegistryError):
    """No response of that id, or no longer, or not this owner's."""

    def __init__(self, response_id: str) -> None:
        super().__init__(f"Response with id '{response_id}' not found.")
        self.response_id = response_id


class Conflict(RegistryError):
    """Somebody else was there first, or the thing is in use."""


class StoreError(BlueyError):
    """An adapter's files can't be stored or found."""


class DamagedAdapter(StoreError):
    """Files are not those that were published."""


class BaseError(BlueyError):
    """A base model can't be used."""


class NoChatTemplate(BaseError):
    """A base has no way to write a conversation down."""


class WrongBase(BaseError):
    """An adapter was trained on other weights."""
