"""What there is to do, from Kafka, the model store and Elasticsearch: read, and decided purely."""

from collections.abc import Iterator

import structlog

from contracts.alert_log import AlertLog, Alerts
from contracts.control_topic import read_control
from contracts.deployments import Deployment
from contracts.errors import PackageError, SignatureError
from contracts.following import FollowedTopic
from contracts.manifests import verified_manifest
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.topics import Topics
from prediction_log.client import opened
from prediction_log.event_times import newest_event
from trainer.retraining.decisions import Situation, next_retraining
from trainer.retraining.telling import tell_began
from trainer.retraining.trail import Retraining, Trail

log = structlog.get_logger("retrainer")


class Outlook:
    """Follows alerts and model events; for one thread.

    Raises:
        ConfigurationError: Kafka has not all of our topics.
        UnreachableError: it does not answer.
        AccessError: it does not let us in.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._alerts = AlertLog(settings)
        self._events = FollowedTopic(settings, Topics(settings).model_events.name)
        self._trail = Trail()
        self._manifests: dict[str, Manifest] = {}

    def close(self) -> None:
        """Disconnect."""
        self._alerts.close()
        self._events.close()

    def known(self, retraining: str) -> Retraining | None:
        """A retraining as it stands now."""
        self._trail.take(self._events.new_values())
        return self._trail.get(retraining)

    def to_do(self) -> Iterator[Retraining]:
        """Retrainings that are not over: first those that are there, then those that begin now.

        Raises:
            UnreachableError, AccessError: a server.
        """
        self._trail.take(self._events.new_values())
        yield from self._trail.all_open
        alerts = self._alerts.refreshed()
        for model, history in sorted(read_control(self._settings).log.history.items()):
            if self._trail.open(model) is None:
                begun = self._begin(model, history[-1], alerts)
                if begun is not None:
                    yield begun

    def _begin(self, model: str, deployment: Deployment, alerts: Alerts) -> Retraining | None:
        try:
            champion = self._manifest(model, deployment)
        except (PackageError, SignatureError) as error:  # of one model: others go on
            log.warning("a champion cannot be read", model=model, why=str(error))
            return None
        if champion.retrain is None:
            return None
        with opened(self._settings) as client:
            newest = newest_event(client, self._settings, model)
        if newest is None:
            return None
        situation = Situation(
            deployment=deployment,
            champion=champion,
            alerts=[course for course in alerts.open if course.raised.model == model],
            past=self._trail.of(model),
            newest=newest,
        )
        found = next_retraining(situation)
        if found is None:
            return None
        log.info("a retraining begins", retraining=found.id, why=found.why)
        tell_began(self._settings, found)
        self._trail.take(self._events.new_values())
        return self._trail.open(model)

    def _manifest(self, model: str, deployment: Deployment) -> Manifest:
        """Packages never change: each is verified once."""
        digest = deployment.champion.digest
        if digest not in self._manifests:
            self._manifests[digest] = verified_manifest(self._settings, model, digest)
        return self._manifests[digest]
