"""The operating system's keyring: the secrets of one account, kept, read back and forgotten.

One entry a secret under the service ``nsbill:<account>``, so that the keyring's own program shows what is there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from nsbill.errors import SettingsError

__all__ = ["demand_keyring", "forget_secrets", "has_keyring", "keep_secrets", "kept_secrets"]

_NO_KEYRING = "this machine has no keyring that nsbill can use (usual for servers and containers)"
_WITHOUT = "Set the NSBILL_… variables instead, from your scheduler's or container's own secret store."


def has_keyring() -> bool:
    """Say whether this machine has a keyring."""
    keyring = _keyring()
    return not isinstance(keyring.get_keyring(), keyring.backends.fail.Keyring)


def demand_keyring(account: str) -> None:
    """Refuse where secrets cannot be kept: no keyring on this machine, or no account to keep them for."""
    if not account:
        raise SettingsError("account", "is not set", "Set it first: nsbill settings set account=1234567")
    if not has_keyring():
        raise SettingsError("keyring", _NO_KEYRING, _WITHOUT)


def kept_secrets(account: str, names: Iterable[str]) -> dict[str, str]:
    """Read those of ``names`` that are kept for the account; none where there is no keyring.

    Raises
    ------
    SettingsError
        The keyring is there and cannot be read, for instance because it is locked.
    """
    if not account or not has_keyring():
        return {}
    with _clear_words():
        found = {name: _keyring().get_password(_service(account), name) for name in names}
    return {name: value for name, value in found.items() if value}


def keep_secrets(account: str, secrets: Mapping[str, str]) -> None:
    """Keep ``secrets`` for the account; those kept before are replaced.

    Raises
    ------
    SettingsError
        There is no keyring, it refused, or it did not keep them.
    """
    demand_keyring(account)
    with _clear_words():
        for name, value in secrets.items():
            _keyring().set_password(_service(account), name, value)
    if kept_secrets(account, secrets) != dict(secrets):  # keyring's backend "null" takes everything and keeps nothing
        raise SettingsError("keyring", "it does not give back what it was given", _WITHOUT)


def forget_secrets(account: str, names: Iterable[str]) -> list[str]:
    """Remove those of ``names`` that are kept for the account; returns what was removed."""
    demand_keyring(account)
    kept = kept_secrets(account, names)
    with _clear_words():
        for name in kept:
            _keyring().delete_password(_service(account), name)
    return list(kept)


def _service(account: str) -> str:
    return f"nsbill:{account}"


@contextmanager
def _clear_words() -> Iterator[None]:
    """Turn the keyring's own errors, which never hold a secret, into a sentence."""
    errors = _keyring().errors
    try:
        yield
    except errors.NoKeyringError as error:
        raise SettingsError("keyring", _NO_KEYRING, _WITHOUT) from error
    except errors.KeyringError as error:
        problem = f"the operating system's keyring refused ({type(error).__name__}: {error})".rstrip(". ")
        raise SettingsError("keyring", problem, f"Unlock it and try again. {_WITHOUT}") from error


def _keyring() -> ModuleType:
    """The keyring package, loaded when it is needed: 0.2 s that an environment full of secrets saves."""
    keyring = importlib.import_module("keyring")
    importlib.import_module("keyring.backends.fail")
    return keyring
