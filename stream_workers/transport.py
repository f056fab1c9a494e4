"""A Faust transport over librdkafka whose hot path is the lane, not Faust's streams.

Faust keeps what it is good at: the worker's life cycle, the steps of a rebalance, the commit
timer, tasks and web views. No Faust message is ever made of a feature event.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import confluent_kafka
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.transport.producer import Producer as FaustProducer
from faust.types import TP
from faust.types.transports import ConsumerT
from mode import Service

from contracts.errors import DeliveryError
from contracts.kafka_reading import Partition
from stream_workers.lane import Lane

_METADATA_SECONDS = 10.0


class Fetcher(Service):
    """Faust starts a fetcher after each rebalance; the lane fetches by itself."""

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class Consumer(FaustConsumer):
    """Faust's view of the lane: Faust orders, the lane obeys, in its own thread.

    The app must offer `new_lane(listener) -> Lane`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lane: Lane = self.app.new_lane(self)  # type: ignore[attr-defined]
        self._rebalances: asyncio.Queue[tuple[bool, set[TP]]] = asyncio.Queue()

    # What the lane tells, from its own thread.

    def lane_assigned(self, partitions: frozenset[Partition]) -> None:
        """Queue an assignment for Faust."""
        self._tell(True, partitions)

    def lane_revoked(self, partitions: frozenset[Partition]) -> None:
        """Queue a revocation for Faust; the lane has finished and committed them already."""
        self._tell(False, partitions)

    def lane_crashed(self, error: BaseException) -> None:
        """Crash the worker: without its lane it would only hold partitions back."""
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self.crash(error)))

    def _tell(self, gained: bool, partitions: frozenset[Partition]) -> None:
        change = (gained, {TP(*partition) for partition in partitions})
        self.loop.call_soon_threadsafe(self._rebalances.put_nowait, change)

    @Service.task
    async def _rebalance(self) -> None:
        """Take Faust through the rebalances one after the other."""
        while not self.should_stop:
            gained, partitions = await self._rebalances.get()
            if gained:
                await self.on_partitions_assigned(partitions)
            else:
                self.app.on_rebalance_start()
                await self.on_partitions_revoked(partitions)

    # What Faust orders.

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group; the app's own bookkeeping of a first rebalance begins here."""
        self.app.on_rebalance_start()
        self.lane.subscribe(sorted(topics))

    def stop_flow(self) -> None:
        """Stop reading."""
        super().stop_flow()
        self.lane.pause()

    def resume_flow(self) -> None:
        """Read again: Faust has finished the steps of a rebalance."""
        super().resume_flow()
        self.lane.resume()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit up to the first batch that is not finished; Faust's timer calls this."""
        return await asyncio.wrap_future(self.lane.commit())

    async def wait_empty(self) -> None:
        """Nothing to wait for: whoever stops or takes partitions away, the lane finishes first."""

    async def on_stop(self) -> None:
        """Finish, commit and leave the group, within the lane's bound."""
        await asyncio.to_thread(self.lane.stop)

    def assignment(self) -> set[TP]:
        """The partitions this worker owns."""
        return {TP(*partition) for partition in self.lane.assignment}

    async def perform_seek(self) -> None:
        """Nothing to do: librdkafka starts an assignment at its committed offsets by itself."""

    def topic_partitions(self, topic: str) -> int | None:
        """The number of partitions of a topic."""
        metadata = self.lane.consumer.list_topics(topic, _METADATA_SECONDS)
        return len(metadata.topics[topic].partitions) or None

    def highwater(self, tp: TP) -> int:
        """The end of a partition as of the last fetch."""
        partition = confluent_kafka.TopicPartition(tp.topic, tp.partition)
        return self.lane.consumer.get_watermark_offsets(partition, cached=True)[1]

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The ends of partitions."""
        return {tp: (await self._bounds(tp))[1] for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The beginnings of partitions."""
        return {tp: (await self._bounds(tp))[0] for tp in partitions}

    async def _bounds(self, tp: TP) -> tuple[int, int]:
        partition = confluent_kafka.TopicPartition(tp.topic, tp.partition)
        return await asyncio.to_thread(
            self.lane.consumer.get_watermark_offsets, partition, _METADATA_SECONDS
        )

    async def position(self, tp: TP) -> int | None:
        """The offset of the next record to be read."""
        partition = confluent_kafka.TopicPartition(tp.topic, tp.partition)
        offset = self.lane.consumer.position([partition])[0].offset
        return offset if offset >= 0 else None

    def close(self) -> None:
        """Let go of the group at once; Faust calls this when it rebalances while stopping."""
        self.lane.stop()

    # Faust's per-message path, which the lane replaces.

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        raise NotImplementedError(_NO_MESSAGES)

    def _to_message(self, tp: TP, record: Any) -> Any:
        raise NotImplementedError(_NO_MESSAGES)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        raise NotImplementedError(_NO_MESSAGES)

    async def _seek(self, partition: TP, offset: int) -> None:
        raise NotImplementedError(_NO_MESSAGES)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Not supported: positions belong to the lane."""
        raise NotImplementedError(_NO_MESSAGES)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Not supported: positions belong to the lane."""
        raise NotImplementedError(_NO_MESSAGES)

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Not supported: topics are declared in `contracts.topics`."""
        raise NotImplementedError("topics are declared in contracts.topics")

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int:
        """Not supported: outputs go to the partition their input came from."""
        raise NotImplementedError(_NO_MESSAGES)

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)


_NO_MESSAGES = "the lane reads and writes records; declare no Faust agents or tables on them"


class Producer(FaustProducer):
    """Faust's producer; nothing on the hot path goes through it."""

    async def flush(self) -> None:
        """Nothing is buffered here: the lane has its own producer."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Not supported."""
        raise DeliveryError(_NO_MESSAGES)

    send_and_wait = send


class Transport(base.Transport):
    """`librdkafka://host:port[;host:port]`."""

    Consumer: ClassVar[type[ConsumerT]] = Consumer
    Producer = Producer
    Fetcher = Fetcher

    default_port = 9092
    driver_version = f"confluent-kafka={confluent_kafka.__version__}"
