"""`millrace models keys`: who is trusted to sign packages and deployments, and until when."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.models.tables import minute
from cli.moments import moment
from cli.options import Json
from cli.output import print_json, print_table, stdout
from contracts.errors import UsageError
from contracts.keys import (
    PURPOSES,
    Purpose,
    TrustedKey,
    load_trusted_keys,
    read_public_key,
    revoke,
    rotate_key,
    trust,
)
from contracts.settings import load_settings

app = typer.Typer(
    help="Show, trust, revoke and rotate the keys that sign packages and deployments.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_Purpose = Annotated[
    str, typer.Argument(metavar="PURPOSE", help="What it signs: packages or deployments.")
]
_Moment = Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339; without a zone: UTC.")]


@app.command("list")
def list_keys(json: Json = False) -> None:
    """List the keys that are trusted here.

    Example: `millrace models keys list`
    """
    settings = load_settings()
    found = [
        (purpose, keyid, key)
        for purpose in PURPOSES
        for keyid, key in load_trusted_keys(settings.keys, purpose).items()
    ]
    if json:
        print_json({"keys": [_told(*one) for one in found]})
        return
    print_table(
        f"trusted in {settings.keys}",
        ("signs", "key id", "owner", "from (UTC)", "until (UTC)"),
        [(p, keyid, k.owner, minute(k.not_before), minute(k.not_after)) for p, keyid, k in found],
    )


@app.command("trust")
def trust_key(
    purpose: _Purpose,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The public key, PEM.")],
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Whose it is.")] = None,
    not_before: _Moment = None,
    not_after: _Moment = None,
    json: Json = False,
) -> None:
    """Trust a public key, or change whose it is and when it counts.

    Running workers look at their folder of keys at every record: copy the file to each of them
    before anything is signed with the key. What the key signed counts by Kafka's time of the
    record (deployments) or the time in the manifest (packages), never by the time of looking.

    Example: `millrace models keys trust deployments ana.pem --owner Ana --not-after 2027-12-31`
    """
    key = read_public_key(file)
    keys = load_settings().keys
    said = TrustedKey(
        key.public_key,
        owner or key.owner,
        moment(not_before) or key.not_before,
        moment(not_after) or key.not_after,
    )
    keyid = trust(keys, _purpose(purpose), said)
    if json:
        print_json(_told(purpose, keyid, said))
    else:
        stdout.print(f"{keyid} may sign {purpose} now", markup=False)


@app.command("revoke")
def revoke_key(
    purpose: _Purpose,
    keyid: Annotated[str, typer.Argument(metavar="KEY", help="Its id.")],
    json: Json = False,
) -> None:
    """Trust a key no longer, not even for what it signed before.

    For a key that was stolen. Deployments in force that it signed are refused by workers that
    start from now on: publish anew with another key. For a key that is only to end, set
    --not-after.

    Example: `millrace models keys revoke deployments 3f0a9c2b1d4e5f60`
    """
    revoke(load_settings().keys, _purpose(purpose), keyid)
    if json:
        print_json({"revoked": keyid, "purpose": purpose})
    else:
        stdout.print(f"{keyid} may not sign {purpose} any more", markup=False)


@app.command("rotate")
def rotate(purpose: _Purpose, json: Json = False) -> None:
    """Replace the private key here; the old public key stays trusted until you end or revoke it.

    Example: `millrace models keys rotate deployments`
    """
    keys = load_settings().keys
    old, new = rotate_key(keys, _purpose(purpose))
    if json:
        print_json({"purpose": purpose, "old": old, "new": new})
        return
    stdout.print(
        f"{purpose} are signed with {new} now. Copy {keys}/trusted/{purpose}/{new}.pem to every "
        f"worker, then end the old one: millrace models keys trust {purpose} "
        f"{keys}/trusted/{purpose}/{old}.pem --not-after TIME",
        markup=False,
        soft_wrap=True,
    )


def _purpose(text: str) -> Purpose:
    for purpose in PURPOSES:
        if text == purpose:
            return purpose
    raise UsageError(f"keys sign {' or '.join(PURPOSES)}, not '{text}'")


def _told(purpose: str, keyid: str, key: TrustedKey) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "key": keyid,
        "owner": key.owner,
        "not_before": key.not_before,
        "not_after": key.not_after,
    }
