"""`millrace up`, `down` and `setup`: the local stack, and what the servers must hold."""

import shutil
from typing import Annotated

import typer
from msgspec import Struct

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, say, stdout
from contracts.settings import Settings, load_settings


class SetUp(Struct, frozen=True):
    """What a set-up found or made."""

    kafka: str
    elasticsearch: str
    topics_created: list[str]
    keys: dict[str, str]


def set_up(settings: Settings) -> SetUp:
    """Create topics, index template and keys that are not there yet; harmless to repeat.

    Raises:
        UnreachableError: Kafka or Elasticsearch does not answer.
    """
    from contracts.kafka import create_topics
    from contracts.keys import generate_keys
    from prediction_log.template import install_template

    created = create_topics(settings)
    install_template(settings)
    keys = {str(purpose): keyid for purpose, keyid in generate_keys(settings.keys).items()}
    return SetUp(settings.kafka, settings.elasticsearch_url, created, keys)


def up(as_json: Json = False) -> None:
    """Start Kafka and Elasticsearch on this machine, without Docker, and set them up.

    Returns when both are healthy and leaves them running until `millrace down`.
    The first time, the programs are downloaded (about 150 MB).

    Example: `millrace up && millrace status`
    """
    import local_stack

    settings = load_settings()
    local_stack.up(settings.project_dir)
    made = set_up(load_settings())
    if as_json:
        print_json(made)
        return
    stdout.print(f"Kafka          {made.kafka}")
    stdout.print(f"Elasticsearch  {made.elasticsearch}")
    say("Both are up. Next: millrace train --data my.csv --target y --model mine")


def setup(
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    as_json: Json = False,
) -> None:
    """Create the topics, the index template and the keys on a Kafka and Elasticsearch you run.

    Example: `millrace setup --bootstrap-servers kafka:9092 --elasticsearch http://search:9200`
    """
    made = set_up(load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch))
    if as_json:
        print_json(made)
    else:
        created = ", ".join(made.topics_created) or "none, all were there"
        stdout.print(f"Topics created: {created}")
        stdout.print(f"Index template installed on {made.elasticsearch}")


def down(
    wipe: Annotated[
        bool,
        typer.Option("--wipe", help="Delete everything too: topics, documents, model store, keys."),
    ] = False,
    as_json: Json = False,
) -> None:
    """End the local stack and all services started with it; keep the data unless `--wipe`.

    Example: `millrace down`
    """
    import local_stack

    settings = load_settings()
    ran = local_stack.down(settings.project_dir, wipe=wipe)
    if wipe:
        shutil.rmtree(settings.state_dir, ignore_errors=True)
    if as_json:
        print_json({"was_running": ran, "wiped": wipe})
    else:
        say("The local stack is down." if ran else "No local stack was running here.")
        if wipe:
            say("Its data, the local model store and the keys are deleted.")
