"""Ed25519 signatures over DSSE envelopes (https://github.com/secure-systems-lab/dsse), and keys.

Private keys are PKCS#8 PEM files of mode 0600; trusted public keys are PEM files in the folder
`trusted/<purpose>/`. One pair signs packages, another signs deployments.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from contracts.errors import ConfigurationError, SignatureError

Purpose = Literal["packages", "deployments"]
PURPOSES: tuple[Purpose, ...] = ("packages", "deployments")

TrustedKeys = dict[str, Ed25519PublicKey]
"""Key id -> public key."""


class _Signature(Struct, frozen=True):
    keyid: str
    sig: str


class Envelope(Struct, frozen=True, rename="camel"):
    """A DSSE envelope: base64 payload, its type, and signatures over both."""

    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


def key_id(public_key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the sha256 of the raw public key."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:16]


def seal(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> bytes:
    """Sign a payload and give the envelope as JSON bytes."""
    signature = key.sign(_pre_authentication_encoding(payload_type, payload))
    envelope = Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=payload_type,
        signatures=(_Signature(key_id(key.public_key()), base64.b64encode(signature).decode()),),
    )
    return msgspec.json.encode(envelope)


def open_envelope(data: bytes, payload_type: str, trusted: TrustedKeys) -> bytes:
    """Verify an envelope and give the payload that was signed.

    Raises:
        SignatureError: malformed, of another payload type, or no signature by a trusted key.
    """
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        signatures = [
            (s.keyid, base64.b64decode(s.sig, validate=True)) for s in envelope.signatures
        ]
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"not a signed envelope: {error}") from error
    if envelope.payload_type != payload_type:
        raise SignatureError(
            f"the envelope holds '{envelope.payload_type}', expected '{payload_type}'"
        )
    message = _pre_authentication_encoding(payload_type, payload)
    for keyid, signature in signatures:
        public_key = trusted.get(keyid)
        if public_key is None:
            continue
        try:
            public_key.verify(signature, message)
        except InvalidSignature:
            raise SignatureError(
                f"the signature by key {keyid} does not match: the content was altered"
            ) from None
        return payload
    known = ", ".join(sorted(trusted)) or "none"
    signers = ", ".join(keyid for keyid, _ in signatures) or "nobody"
    raise SignatureError(f"signed by {signers}; trusted keys here: {known}")


def generate_keys(keys_dir: Path) -> dict[Purpose, str]:
    """Create the key pairs that do not exist yet.

    Returns:
        Purpose -> key id, for every pair, old or new.
    """
    ids: dict[Purpose, str] = {}
    for purpose in PURPOSES:
        if not _private_path(keys_dir, purpose).exists():
            _write_pair(keys_dir, purpose, Ed25519PrivateKey.generate())
        ids[purpose] = key_id(load_private_key(keys_dir, purpose).public_key())
    return ids


def load_private_key(keys_dir: Path, purpose: Purpose) -> Ed25519PrivateKey:
    """Read the signing key of a purpose.

    Raises:
        ConfigurationError: no such key, not an Ed25519 key, or others may read it.
    """
    path = _private_path(keys_dir, purpose)
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
        ConfigurationError: a file there is not an Ed25519 public key.
    """
    trusted: TrustedKeys = {}
    for path in sorted((keys_dir / "trusted" / purpose).glob("*.pem")):
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except ValueError as error:
            raise ConfigurationError(f"{path} is not a public key in PEM form: {error}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigurationError(f"{path} is not an Ed25519 public key")
        trusted[key_id(key)] = key
    return trusted


def _private_path(keys_dir: Path, purpose: Purpose) -> Path:
    return keys_dir / f"{purpose}.pem"


def _write_pair(keys_dir: Path, purpose: Purpose, key: Ed25519PrivateKey) -> None:
    trusted_dir = keys_dir / "trusted" / purpose
    trusted_dir.mkdir(parents=True, exist_ok=True)
    keys_dir.chmod(0o700)
    (trusted_dir / f"{key_id(key.public_key())}.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # O_EXCL with the mode: at no moment can others read it, and an existing key is never replaced.
    descriptor = os.open(
        _private_path(keys_dir, purpose), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
    )
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
