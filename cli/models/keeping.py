"""What keeps the model store in order, and who may sign what is in it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from cli.models.arguments import Name
from cli.options import BootstrapServers, Json
from cli.output import print_json, print_table, stdout
from contracts.errors import PackageError, UsageError
from contracts.settings import load_settings

if TYPE_CHECKING:
    from contracts.model_store import ModelStore
    from trainer.deployments.collecting import Collectable


class Collected(Struct, frozen=True, kw_only=True):
    """One package in `models collect --json`."""

    model: str
    version: str | None
    digest: str
    why: str


def collect(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The model; default: all.")
    ] = None,
    keep_days: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Keep what served or was made since.")
    ] = 30,
    keep_champions: Annotated[
        int, typer.Option(metavar="N", min=1, help="Keep the last champions for rollbacks.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Delete old packages from the model store.

    Never deleted are versions that serve in any role or stand by, the last champions, what served
    or was made within --keep-days, and the newest version.

    Examples: `millrace models collect --dry-run`, `millrace models collect fraud --keep-days 90`
    """
    from contracts.control_topic import read_control
    from contracts.model_store import ModelStore
    from trainer.deployments.collecting import collectable, stored_versions

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    store = ModelStore(settings.store_url)
    gone: list[Collected] = []
    for model in [name] if name else store.models():
        if name and not store.packages(model):
            store.find(model)  # says which models there are
        stored = stored_versions(store, model)
        # Read anew for each model, and as late as can be: somebody may deploy meanwhile.
        history = read_control(settings).log.history.get(model, [])
        _require_known(store, model, history[-1].sequence if history else 0)
        found: list[Collectable] = list(
            collectable(
                stored,
                history,
                datetime.now(UTC),
                keep=timedelta(days=keep_days),
                keep_champions=keep_champions,
            )
        )
        for one in found:
            if not dry_run:
                store.remove(model, one.stored.version, one.stored.digest)
            gone.append(
                Collected(
                    model=model, version=one.stored.version, digest=one.stored.digest, why=one.why
                )
            )
    if json:
        print_json({"dry_run": dry_run, "collected": gone})
    elif not gone:
        stdout.print("there is nothing that may go")
    else:
        title = "would go" if dry_run else "deleted"
        rows = [(one.model, one.version or "none", one.digest[:12], one.why) for one in gone]
        print_table(title, ("model", "version", "digest", "why"), rows)


def _require_known(store: "ModelStore", model: str, newest: int) -> None:
    """Nothing may go while it is not certain what serves.

    Args:
        newest: the last sequence that counts here.

    Raises:
        UsageError: the store knows a later one: the control topic was lost, or its key is not
            trusted here.
    """
    kept = max(store.archived(model), default=0)
    if newest < kept:
        raise UsageError(
            f"the store knows deployment {kept} of '{model}', the control topic as it counts here "
            f"ends at {newest}: is a key not trusted here ('millrace models history {model}'), or "
            "was the topic lost ('millrace models restore')? Nothing was deleted"
        )


def rebuild(name: Name, json: Json = False) -> None:
    """Give packages their version numbers anew, where the store has lost them.

    Example: `millrace models rebuild fraud`
    """
    from contracts.model_store import ModelStore

    store = ModelStore(load_settings().store_url)
    known = set(store.versions(name).values())
    made: dict[str, str] = {}
    broken: dict[str, str] = {}
    for digest in store.packages(name):
        if digest in known:
            continue
        try:
            version = store.manifest(name, digest).version
            store.claim(name, version, digest)
        except PackageError as error:
            broken[digest] = str(error)
        else:
            made[version] = digest
    if json:
        print_json({"model": name, "rebuilt": made, "refused": broken})
        return
    rows = [(version, digest[:12], "") for version, digest in made.items()]
    rows += [("", digest[:12], why) for digest, why in broken.items()]
    print_table(f"rebuilt of {name}", ("version", "digest", ""), rows)


def keygen(json: Json = False) -> None:
    """Create the key pairs that sign packages and deployments, where they do not exist yet.

    The private keys stay in the folder of keys (MILLRACE_KEYS_DIR) with mode 0600; workers need
    only its folder `trusted`. `millrace up` does the same.

    Example: `millrace models keygen`
    """
    from contracts.keys import generate_keys

    settings = load_settings()
    ids = generate_keys(settings.keys)
    if json:
        print_json({"folder": str(settings.keys), "keys": ids})
        return
    print_table(f"keys in {settings.keys}", ("signs", "key id"), ids.items())
