"""What `.millrace/stack.json` holds: where the running stack is."""

import msgspec

from local_stack.options import Options


class StackState(msgspec.Struct, frozen=True):
    """Endpoints (`kafka`: host:port, `elasticsearch`: URL), versions, data directory, supervisor.

    The file stays behind when everything is killed at once, so compare the supervisor's identity.
    """

    kafka: str
    elasticsearch: str
    listeners: dict[str, str]
    versions: dict[str, str]
    data: str
    supervisor_pid: int
    supervisor_identity: str
    options: Options
