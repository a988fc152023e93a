"""``--anonymize`` and ``--anonymize-key``: the options, and where the key comes from."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from analyzer.errors import ConfigError

if TYPE_CHECKING:
    from analyzer.diagnose.finding import Diagnosis

KEY_OCTETS = 32
"""What a key has at least: as many as its HMAC-SHA-256 gives (RFC 2104 §3)."""

Command = TypeVar("Command", bound=Callable[..., object])


def options(command: Command) -> Command:
    """The two options, in their order."""
    command = click.option(
        "--anonymize-key", "key_file", metavar="FILE",
        help="Anonymize with this secret (32 octets or more), so that several reports fit together.",
    )(command)
    return click.option(
        "--anonymize", "anonymous", is_flag=True,
        help="Replace addresses, MACs and names in every output; the key is random and forgotten.",
    )(command)


def key(key_file: str | None) -> bytes:
    """The key: from the file, or random, so that nothing leads back."""
    if key_file is None:
        return secrets.token_bytes(KEY_OCTETS)
    try:
        octets = Path(key_file).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{key_file}: cannot be read as a key: {(error.strerror or str(error)).lower()}; make one with "
            f"(umask 077; head -c {KEY_OCTETS} /dev/urandom > FILE)"
        ) from None
    if len(octets) < KEY_OCTETS or len(set(octets)) < KEY_OCTETS // 4:
        raise ConfigError(
            f"{key_file}: is too short or too regular for a key; expected at least {KEY_OCTETS} random octets, as "
            f"(umask 077; head -c {KEY_OCTETS} /dev/urandom > FILE) makes them"
        )
    return octets


def replaced(diagnosis: Diagnosis, secret: bytes | None) -> Diagnosis:
    """The diagnosis under pseudonyms, or as it is where there is no key."""
    if secret is None:
        return diagnosis
    from analyzer.report.anonymize import anonymize  # noqa: PLC0415 - not for --version

    return anonymize(diagnosis, secret)
