"""Which alerts are open: read from the topic `alerts` itself, where nothing else says so."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from contracts.alerts import Alert
from contracts.following import FollowedTopic
from contracts.settings import Settings
from contracts.topics import Topics

_alerts = msgspec.json.Decoder(Alert)


class AlertCourse(Struct, frozen=True):
    """An alert from its beginning to what was said last."""

    raised: Alert
    newest: Alert

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.newest.state == "raised"


class Alerts:
    """All alerts as far as the topic was read, in the order in which they were raised.

    Two monitors may say the same at once, so what was said already changes nothing.
    """

    def __init__(self) -> None:
        self._courses: dict[str, AlertCourse] = {}

    @property
    def courses(self) -> Sequence[AlertCourse]:
        """All of them."""
        return tuple(self._courses.values())

    @property
    def open(self) -> Sequence[AlertCourse]:
        """Those that hold now."""
        return tuple(course for course in self._courses.values() if course.is_open)

    def take(self, values: Iterable[bytes]) -> None:
        """Read the next records; what is no alert is passed over, as anybody may write it."""
        for value in values:
            try:
                alert = _alerts.decode(value)
            except (ValueError, RecursionError):
                continue
            if alert.at.tzinfo and alert.window.start.tzinfo and alert.window.end.tzinfo:
                self._add(alert)

    def _add(self, alert: Alert) -> None:
        known = self._courses.get(alert.alert_id)
        if known is not None and known.newest.state == alert.state:
            return
        if alert.state == "raised":
            self._courses.pop(alert.alert_id, None)  # raised again, it is the newest
            self._courses[alert.alert_id] = AlertCourse(alert, alert)
        elif known is not None:
            self._courses[alert.alert_id] = AlertCourse(known.raised, alert)


class AlertLog:
    """Follows the topic; errors as those of `FollowedTopic`."""

    def __init__(self, settings: Settings) -> None:
        self._topic = FollowedTopic(settings, Topics(settings).alerts.name)
        self._alerts = Alerts()

    def close(self) -> None:
        """Disconnect."""
        self._topic.close()

    def refreshed(self) -> Alerts:
        """What the topic says at this moment.

        Raises:
            UnreachableError: Kafka does not answer.
            AccessError: it does not allow that.
        """
        self._alerts.take(self._topic.new_values())
        return self._alerts
