"""Write the lock file again: `python -m local_stack.lock KAFKA_VERSION ELASTICSEARCH_VERSION`."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from local_stack.download import sha256_of
from local_stack.lock_file import LOCK_FILE

_HEADER = """\
# Kafka and Elasticsearch, pinned. Written by `python -m local_stack.lock`; not edited by hand.
"""
_LOG4J = ("log4j-api", "log4j-core", "log4j-slf4j-impl")


def _kafka_jars(context: Any, version: str) -> list[Any]:
    """Kafka's runtime jars, all of the one version; `context` is a jgo MavenContext."""
    from jgo.maven import POM

    broker = context.project("org.apache.kafka", "kafka_2.13").at_version(version)
    _, nodes = context.pom_dependency_list(POM(broker.artifact(packaging="pom").resolve()))
    jars = [node.dep.artifact for node in nodes]
    log4j = next(jar.version for jar in jars if jar.artifactId == "log4j-api")
    known = {jar.artifactId for jar in jars}
    jars += [
        context.project("org.apache.logging.log4j", name).at_version(log4j).artifact()
        for name in _LOG4J
        if name not in known
    ]
    # jgo's mediation has been seen to mix Kafka versions: refuse rather than pin such a mix.
    mixed = [str(jar) for jar in jars if jar.groupId == broker.groupId and jar.version != version]
    if mixed:
        raise SystemExit(f"resolved other versions than {version}: {', '.join(mixed)}")
    return [broker.artifact(), *sorted(jars, key=str)]


def _entry(table: str, artifact: Any) -> str:
    path = Path(artifact.resolve())
    name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.packaging}:{artifact.version}"
    return (
        f'\n[[{table}]]\nartifact = "{name}"\n'
        f'sha256 = "{sha256_of(path)}"\nsize = {path.stat().st_size}\n'
    )


def main(kafka_version: str, elasticsearch_version: str) -> None:
    """Resolve, download and hash both programs, and overwrite `artifacts.lock`."""
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=60)
        elasticsearch = (
            context.project("org.elasticsearch.distribution.integ-test-zip", "elasticsearch")
            .at_version(elasticsearch_version)
            .artifact(packaging="zip")
        )
        entries = [_entry("elasticsearch", elasticsearch)]
        entries += [_entry("kafka", jar) for jar in _kafka_jars(context, kafka_version)]
    LOCK_FILE.write_text(_HEADER + "".join(entries))
    print(f"{LOCK_FILE.name}: {len(entries)} artifacts", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])
