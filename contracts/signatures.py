"""Ed25519 signatures over DSSE envelopes (https://github.com/secure-systems-lab/dsse)."""

import base64

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from contracts.errors import SignatureError
from contracts.keys import TrustedKey, TrustedKeys, key_id

_SHOWN = 64
"""Most signers that an error names, and most characters of each: strangers may write them."""


class _Signature(Struct, frozen=True):
    keyid: str
    sig: str


class Envelope(Struct, frozen=True, rename="camel"):
    """A DSSE envelope: base64 payload, its type, and signatures over both."""

    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


class Signed(Struct, frozen=True):
    """What was signed, and by which key; whether that key counted then is another question
    (`TrustedKey.require_valid`), which takes the time that the payload speaks of."""

    payload: bytes
    key: TrustedKey


def seal(payload: bytes, payload_type: str, key: Ed25519PrivateKey) -> bytes:
    """Sign a payload and give the envelope as JSON bytes."""
    signature = key.sign(_pre_authentication_encoding(payload_type, payload))
    envelope = Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=payload_type,
        signatures=(_Signature(key_id(key.public_key()), base64.b64encode(signature).decode()),),
    )
    return msgspec.json.encode(envelope)


def open_envelope(data: bytes, payload_type: str, trusted: TrustedKeys) -> Signed:
    """Verify an envelope and give the payload that was signed, and by whom.

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
        key = trusted.get(keyid)
        if key is None:
            continue
        try:
            key.public_key.verify(signature, message)
        except InvalidSignature:
            raise SignatureError(
                f"the signature by key {keyid} does not match: the content was altered"
            ) from None
        return Signed(payload, key)
    known = ", ".join(sorted(trusted)) or "none"
    signers = ", ".join(keyid[:_SHOWN] for keyid, _ in signatures[:_SHOWN]) or "nobody"
    raise SignatureError(f"signed by {signers}; trusted keys here: {known}")


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
