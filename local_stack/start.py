"""Start a stack: programs, ports, both servers at once, and wait until both are healthy."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_stack.account import Account, require_passage, server_account
from local_stack.elasticsearch_server import elasticsearch_server
from local_stack.errors import StartError
from local_stack.home import prepare_home, require_disk, stack_home
from local_stack.install import Programs, install
from local_stack.kafka_server import kafka_server
from local_stack.lock_file import read_lock
from local_stack.options import Options
from local_stack.ports import LOOPBACK
from local_stack.project import ProjectFiles
from local_stack.server import Place
from local_stack.stack import PortTakenError, Stack
from local_stack.stack_ports import StackPorts, choose_stack_ports
from local_stack.stack_state import StackState
from local_stack.supervision import Supervision
from local_stack.supervision_files import replace_file
from local_stack.temporary import mark_temporary, sweep

_PORT_ATTEMPTS = 3


def start(files: ProjectFiles, options: Options, temporary: bool) -> Stack:
    """Start both servers, attached to this process; call with the project's stack lock held.

    A `temporary` stack deletes its project directory and data when it ends. Raises LocalStackError.
    """
    home = prepare_home()
    account = server_account()
    require_passage(home, account)
    programs = install(home, read_lock(), account)
    sweep(home)
    data = _prepare_data(home, files.project_dir)
    if temporary:
        mark_temporary(data, files.project_dir)
    require_disk(data, 0)
    avoid: set[int] = set()
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        ports = choose_stack_ports(options, data, avoid)
        try:
            return _start_on(files, options, programs, account, data, ports, temporary)
        except PortTakenError:
            if attempt == _PORT_ATTEMPTS:
                raise
            avoid |= ports.kafka.all() | ports.elasticsearch.all()
    raise AssertionError("unreachable")


def _prepare_data(home: Path, project_dir: Path) -> Path:
    data = stack_home(home, project_dir)
    data.parent.mkdir(exist_ok=True)
    data.parent.chmod(0o755)
    data.mkdir(exist_ok=True)
    data.chmod(0o711)  # the servers' user passes through it to its own directories
    return data


def _start_on(
    files: ProjectFiles,
    options: Options,
    programs: Programs,
    account: Account,
    data: Path,
    ports: StackPorts,
    temporary: bool,
) -> Stack:
    def place(name: str) -> Place:
        return Place(data / name, files.log(name), account)

    def log_size(name: str) -> int:
        log = files.log(name)
        return log.stat().st_size if log.exists() else 0

    offsets = {name: log_size(name) for name in ("kafka", "elasticsearch")}
    remove = [files.stack, *([data, files.project_dir] if temporary else [])]
    supervision = Supervision(files.run("stack"))
    try:
        # The slower one first: Kafka's data directory is formatted while Elasticsearch starts.
        elasticsearch = elasticsearch_server(
            programs, place("elasticsearch"), ports.elasticsearch, options
        )
        supervision.start([elasticsearch.child], remove)
        kafka = kafka_server(programs, place("kafka"), ports.kafka, options)
        supervision.change(kafka.child)
        status = supervision.status()
        if status is None:
            raise StartError(f"The supervisor process ended at once: see {supervision.log}.")
        state = StackState(
            kafka=kafka.endpoint,
            elasticsearch=elasticsearch.endpoint,
            listeners={name: f"{LOOPBACK}:{port}" for name, port in ports.kafka.extra.items()},
            versions={
                "kafka": programs.kafka_version,
                "elasticsearch": programs.elasticsearch_version,
            },
            data=str(data),
            supervisor_pid=status.pid,
            supervisor_identity=status.identity,
            options=options,
        )
        stack = Stack(files, state, supervision)
        with ThreadPoolExecutor(2) as pool:
            waits = [
                pool.submit(handle.wait_healthy, server.child, offsets[server.name])
                for handle, server in (
                    (stack.kafka, kafka),
                    (stack.elasticsearch, elasticsearch),
                )
            ]
            for wait in waits:
                wait.result()
        replace_file(files.stack, state)
        return stack
    except BaseException:
        supervision.stop()
        raise
