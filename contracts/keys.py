"""Ed25519 keys: who signs, who is trusted, and for how long.

A private key is a PKCS#8 PEM file of mode 0600, `<purpose>.pem`. A trusted public key is a PEM file
`trusted/<purpose>/<key id>.pem`; lines before the PEM block (RFC 7468, section 2) may say who holds
it and when it counts: `owner: …`, `not-before: …`, `not-after: …`. One pair signs packages, another
signs deployments.
"""

import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from contracts.errors import ConfigurationError, SignatureError, UsageError

Purpose = Literal["packages", "deployments"]
PURPOSES: tuple[Purpose, ...] = ("packages", "deployments")

_FACT = re.compile(r"^([\w-]+):[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_FACTS = frozenset({"owner", "not-before", "not-after"})
_BLOCK = b"-----BEGIN"


class TrustedKey(Struct, frozen=True):
    """A public key, whose it is, and the time in which what it signed counts: from `not_before`
    up to, but not at, `not_after`."""

    public_key: Ed25519PublicKey
    owner: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None

    def require_valid(self, at: datetime | None) -> None:
        """Refuse what was written when the key did not count.

        Args:
            at: the time stamp of what was signed, never the time of looking at it: whoever looks,
                whenever, must come to the same answer. None: there is none that can be trusted.

        Raises:
            SignatureError: it did not count yet, or not any more, or that cannot be known.
        """
        if self.not_before is None and self.not_after is None:
            return
        keyid = key_id(self.public_key)
        if at is None:
            raise SignatureError(
                f"key {keyid} counts for a limited time, and the record has no time stamp of "
                "Kafka's own: set message.timestamp.type=LogAppendTime on the topic"
            )
        if self.not_before is not None and at < self.not_before:
            raise SignatureError(
                f"signed {at:%Y-%m-%d %H:%M} UTC by key {keyid}, which counts from "
                f"{self.not_before:%Y-%m-%d %H:%M} UTC on"
            )
        if self.not_after is not None and at >= self.not_after:
            raise SignatureError(
                f"signed {at:%Y-%m-%d %H:%M} UTC by key {keyid}, which expired "
                f"{self.not_after:%Y-%m-%d %H:%M} UTC: sign it with a newer key"
            )


TrustedKeys = dict[str, TrustedKey]
"""Key id -> public key."""


def key_id(public_key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the sha256 of the raw public key."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:16]


def generate_keys(keys_dir: Path) -> dict[Purpose, str]:
    """Create the key pairs that do not exist yet, and trust them.

    Returns:
        Purpose -> key id, for every pair, old or new.
    """
    ids: dict[Purpose, str] = {}
    for purpose in PURPOSES:
        if not private_path(keys_dir, purpose).exists():
            _write_pair(keys_dir, purpose, Ed25519PrivateKey.generate())
        ids[purpose] = key_id(load_private_key(keys_dir, purpose).public_key())
    return ids


def rotate_key(keys_dir: Path, purpose: Purpose) -> tuple[str, str]:
    """Replace the signing key of a purpose; the old public key stays trusted until revoked.

    The new public key is trusted here before the private key is replaced, so that a stop in
    between leaves a key that works.

    Returns:
        The ids of the old and the new key.

    Raises:
        ConfigurationError: there is no key to replace.
    """
    old = load_private_key(keys_dir, purpose)
    new = Ed25519PrivateKey.generate()
    _trust(keys_dir, purpose, TrustedKey(new.public_key()))
    aside = private_path(keys_dir, purpose).with_suffix(".new")
    aside.unlink(missing_ok=True)  # of a rotation that was stopped
    _write_private(aside, new)
    aside.replace(private_path(keys_dir, purpose))
    return key_id(old.public_key()), key_id(new.public_key())


def load_private_key(keys_dir: Path, purpose: Purpose) -> Ed25519PrivateKey:
    """Read the signing key of a purpose.

    Raises:
        ConfigurationError: no such key, not an Ed25519 key, or others may read it.
    """
    path = private_path(keys_dir, purpose)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others: run 'chmod 600 {path}'")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no key to sign {purpose} in {keys_dir}: run 'millrace models keygen'"
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not a private key in PEM form: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key")
    return key


def load_trusted_keys(keys_dir: Path, purpose: Purpose) -> TrustedKeys:
    """Read the public keys trusted for a purpose; no folder means that nobody is trusted.

    Raises:
        ConfigurationError: a file there is not an Ed25519 public key, or says nonsense of it.
    """
    trusted: TrustedKeys = {}
    for path in sorted(_trusted_folder(keys_dir, purpose).glob("*.pem")):
        key = read_public_key(path)
        if key_id(key.public_key) in trusted:
            raise ConfigurationError(
                f"{path} holds a key that another file there holds too: delete one of them, or "
                "nobody can say until when it counts"
            )
        trusted[key_id(key.public_key)] = key
    return trusted


def read_public_key(path: Path) -> TrustedKey:
    """Read a public key and what its file says of it.

    Raises:
        ConfigurationError: there is no file, it holds no Ed25519 public key, or a time in it is
            none with a zone.
    """
    try:
        data = path.read_bytes()
        key = serialization.load_pem_public_key(data)
        said = _FACT.findall(data[: data.find(_BLOCK)].decode())
    except FileNotFoundError:
        raise ConfigurationError(f"there is no file {path}") from None
    except (ValueError, OSError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} is not a public key in PEM form: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is not an Ed25519 public key")
    facts = {name.lower(): value for name, value in said}
    if strange := facts.keys() - _FACTS:
        raise ConfigurationError(
            f"{path} says '{min(strange)}', which is none of {', '.join(sorted(_FACTS))}"
        )
    return TrustedKey(
        key,
        facts.get("owner"),
        _moment(path, facts, "not-before"),
        _moment(path, facts, "not-after"),
    )


def trust(keys_dir: Path, purpose: Purpose, key: TrustedKey) -> str:
    """Trust a public key from now on, or change until when and whose it is; give its id."""
    before = _files_of(keys_dir, purpose, key_id(key.public_key))
    _trust(keys_dir, purpose, key)
    for path in before:  # one under another name would still say what it said
        if path.stem != key_id(key.public_key):
            path.unlink()
    return key_id(key.public_key)


def revoke(keys_dir: Path, purpose: Purpose, keyid: str) -> None:
    """Trust a key no longer, not even for what it signed before.

    Raises:
        UsageError: it is not trusted now.
    """
    found = _files_of(keys_dir, purpose, keyid)
    if not found:
        known = ", ".join(load_trusted_keys(keys_dir, purpose)) or "none"
        raise UsageError(f"key {keyid} is not trusted for {purpose}; trusted are: {known}")
    for path in found:  # a file may have been copied under another name
        path.unlink()


def _files_of(keys_dir: Path, purpose: Purpose, keyid: str) -> list[Path]:
    """A public key may have been copied here under any name."""
    files = _trusted_folder(keys_dir, purpose).glob("*.pem")
    return [path for path in files if key_id(read_public_key(path).public_key) == keyid]


def private_path(keys_dir: Path, purpose: Purpose) -> Path:
    """Where the signing key of a purpose lies."""
    return keys_dir / f"{purpose}.pem"


def _trusted_folder(keys_dir: Path, purpose: Purpose) -> Path:
    return keys_dir / "trusted" / purpose


def _moment(path: Path, facts: dict[str, str], name: str) -> datetime | None:
    if name not in facts:
        return None
    try:
        moment = datetime.fromisoformat(facts[name])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(
            f"{path}: {name} must be a time with a zone, for example 2027-01-01T00:00:00Z"
        )
    return moment


def _write_pair(keys_dir: Path, purpose: Purpose, key: Ed25519PrivateKey) -> None:
    _trust(keys_dir, purpose, TrustedKey(key.public_key()))
    keys_dir.chmod(0o700)
    _write_private(private_path(keys_dir, purpose), key)


def _trust(keys_dir: Path, purpose: Purpose, key: TrustedKey) -> None:
    folder = _trusted_folder(keys_dir, purpose)
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, str | None] = {
        "owner": " ".join(key.owner.split()) if key.owner else None,
        "not-before": key.not_before.isoformat() if key.not_before else None,
        "not-after": key.not_after.isoformat() if key.not_after else None,
    }
    pem = key.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    said = "".join(f"{name}: {value}\n" for name, value in facts.items() if value)
    (folder / f"{key_id(key.public_key)}.pem").write_bytes(said.encode() + pem)


def _write_private(path: Path, key: Ed25519PrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # O_EXCL with the mode: at no moment can others read it, and an existing key is never replaced.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
