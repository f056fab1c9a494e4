"""The marks of an event that waits for a paused model: which model, and whence it came."""

from contracts.dead_letters import Headers

_MODEL = "millrace-waiting-model"
_TOPIC = "millrace-waiting-topic"
_MARKS = frozenset({_MODEL, _TOPIC})


def marked(headers: Headers, model: str, topic: str) -> Headers:
    """Headers of an event that is put aside; marks of an earlier pause are replaced."""
    return [*unmarked(headers), (_MODEL, model.encode()), (_TOPIC, topic.encode())]


def unmarked(headers: Headers) -> Headers:
    """Headers as they were before."""
    return [(name, value) for name, value in headers if name not in _MARKS]


def marks(headers: Headers) -> tuple[str, str] | None:
    """The model that an event waits for, and the topic it came from."""
    found = {name: value for name, value in headers if value is not None}
    if not found.keys() >= _MARKS:
        return None
    return found[_MODEL].decode("utf-8", "replace"), found[_TOPIC].decode("utf-8", "replace")
