"""Deployed models: can a worker here load what is deployed."""

from collections.abc import Iterator

from cli.diagnosis.findings import Finding, error, ok, warning
from contracts.errors import MillraceError
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import refuse_other_libraries
from contracts.packages import verify_package
from contracts.settings import Settings

CHECK = "models"


def check_models(settings: Settings) -> Iterator[Finding]:
    """Read every champion from the store, verify it, and compare its libraries with ours.

    Raises:
        MillraceError: Kafka or the keys do not let us know what is deployed.
    """
    from contracts.control_topic import read_control

    log = read_control(settings, quick=True).log
    store = ModelStore(settings.store_url)
    trusted = load_trusted_keys(settings.keys, "packages")
    if not log.history:
        yield warning(
            CHECK, "no model is deployed: workers refuse all events", "millrace models publish"
        )
    for model in sorted(log.history):
        deployment = log.newest(model)
        if deployment is None:
            continue
        champion = deployment.champion
        try:
            manifest = verify_package(
                store.read(model, champion.digest),
                digest=champion.digest,
                environment=settings.environment,
                trusted=trusted,
            )
            refuse_other_libraries(manifest)
        except MillraceError as failure:
            yield error(
                CHECK,
                f"version {champion.version} of {model} cannot be loaded here: {failure}",
                "workers that run keep what they have, new ones take an older version; publish "
                "a version that can be loaded",
            )
        else:
            yield ok(CHECK, f"version {champion.version} of {model} can be loaded here")
