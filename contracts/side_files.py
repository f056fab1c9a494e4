"""Files that lie beside a package, and that its manifest names by their sha256.

They are for those who judge a model; no worker reads them.
"""

import zlib
from typing import TypeVar

import msgspec
from msgspec import Struct

from contracts.errors import PackageError
from contracts.packages import sha256

S = TypeVar("S", bound=Struct)


def to_bytes(content: Struct) -> bytes:
    """As it lies in the model store; the same content gives the same bytes."""
    return zlib.compress(msgspec.json.encode(content))


def from_bytes(data: bytes, digest: str, kind: type[S], name: str) -> S:
    """Read what `to_bytes` wrote.

    Args:
        digest: the sha256 in the manifest.
        name: what errors call it.

    Raises:
        PackageError: it was altered, or is malformed.
    """
    if sha256(data) != digest:
        raise PackageError(f"the sha256 of {name} is not the one in the manifest: altered")
    try:
        return msgspec.json.decode(zlib.decompress(data), type=kind)
    except (ValueError, zlib.error) as error:
        raise PackageError(f"{name} cannot be read: malformed ({error})") from error
