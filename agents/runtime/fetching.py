"""Faust's consumer thread, with aiokafka's consumer set up for latency and for throughput."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import aiokafka
from aiokafka import OffsetAndMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError
from faust.transport.drivers import aiokafka as driver

from agents.runtime import eventloop
from agents.runtime.fetched import fetched_records
from agents.runtime.lenient import keep_bytes
from topics.declare import Topic

__all__ = ["MOST_AT_ONCE", "ChunkThread"]

FETCH_WAIT_MS: Final = 250
"""A partition that was held back when a fetch went out is in the next one, after so long at most.
Faust's 1,500 is fixed in its driver."""
MOST_AT_ONCE: Final = 4_000
"""So many records come of a fetch at once: what is made of them holds the loop up."""


class ChunkThread(driver.AIOKafkaConsumerThread):
    """Makes the consumer of a worker.

    declared: the topics that are read, by their whole names; what is none of them is a changelog.
    """

    def __init__(self, *args: Any, declared: Mapping[str, Topic], **kwargs: Any) -> None:
        self._declared = declared
        keep_bytes()
        super().__init__(*args, thread_loop=eventloop.new_loop(), **kwargs)
        # A loop that was handed over is left open upstream; this one is ours alone.
        self._close_thread_loop_on_stop = True

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        app, conf = self.app, self.app.conf
        # Without tables nothing has to lie together, and no standby is to be placed.
        tables = conf.table_standby_replicas > 0 or app.tables.changelog_topics
        self._assignor = app.assignor if tables else RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: Collection[Any],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[Any, list[Any]]:
        """As upstream's, by our own way out of the fetcher."""
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            return await fetched_records(
                fetcher,
                active_partitions,
                self._declared,
                timeout or 0.0,
                max_records or MOST_AT_ONCE,
            )

    async def go_to(self, partition: Any, offset: int) -> None:
        """Have the next fetch of a partition begin there."""
        await self.call_thread(self._ensure_consumer().seek, partition, offset)

    async def back_to(self, partition: Any, offset: int) -> None:
        """Have the next fetch of a partition begin there, unless it begins before that."""
        await self.call_thread(self._back_to, partition, offset)

    async def _back_to(self, partition: Any, offset: int) -> None:
        consumer = self._ensure_consumer()
        # Nothing is awaited between the two where a position is known.
        if partition in consumer.assignment() and await consumer.position(partition) > offset:
            consumer.seek(partition, offset)

    async def is_member(self) -> bool:
        """Whether the broker takes this worker for a member of the group's current generation.

        It is asked to commit what is committed, which it does for nobody else.
        """
        answer: bool = await self.call_thread(self._is_member)
        return answer

    async def _is_member(self) -> bool:
        consumer = self._ensure_consumer()
        for tp in consumer.assignment():
            offset = await consumer.committed(tp)
            if offset is None:
                offset = (await consumer.beginning_offsets([tp]))[tp]
            try:
                await consumer.commit({tp: OffsetAndMetadata(offset, "")})
            except (CommitFailedError, IllegalStateError):
                return False
            return True
        return False
