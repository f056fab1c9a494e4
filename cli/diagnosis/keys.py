"""Keys on this machine: can packages and deployments be trusted, and signed, from here."""

from collections.abc import Iterator

from cli.diagnosis.findings import Finding, error, ok, warning
from contracts.errors import MillraceError
from contracts.keys import PURPOSES, Purpose, key_id, load_private_key, load_trusted_keys
from contracts.settings import Settings

CHECK = "keys"


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Look at the folder of keys."""
    for purpose in PURPOSES:
        try:
            trusted = load_trusted_keys(settings.keys, purpose)
        except MillraceError as failure:
            yield error(CHECK, str(failure), "replace the file by the right public key")
            continue
        if not trusted:
            yield error(
                CHECK,
                f"no key is trusted to sign {purpose}: workers here refuse everything",
                f"put the public key into {settings.keys / 'trusted' / purpose}",
            )
            continue
        yield ok(CHECK, f"{purpose}: trusted are {', '.join(sorted(trusted))}")
        yield from _signing(settings, purpose, set(trusted))


def _signing(settings: Settings, purpose: Purpose, trusted: set[str]) -> Iterator[Finding]:
    if not (settings.keys / f"{purpose}.pem").exists():
        yield ok(CHECK, f"{purpose}: no private key here; a worker needs none")
        return
    try:
        mine = key_id(load_private_key(settings.keys, purpose).public_key())
    except MillraceError as failure:
        yield error(CHECK, str(failure), "private keys are for their owner alone")
        return
    if mine not in trusted:
        yield warning(
            CHECK,
            f"what is signed here for {purpose} ({mine}) is not trusted here",
            f"put its public key into {settings.keys / 'trusted' / purpose}",
        )
