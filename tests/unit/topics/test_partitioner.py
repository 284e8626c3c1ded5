"""The hash, against the values of Kafka's own test and against aiokafka."""

from __future__ import annotations

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from topics.partitioner import murmur2, partition_for


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
        # by the definition: nothing but the seed is mixed
        (b"", 275646681),
    ],
)
def test_murmur2_is_java_s(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@given(key=st.binary(max_size=80), partitions=st.integers(1, 100))
def test_partition_agrees_with_aiokafka(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_for(key, partitions) == DefaultPartitioner()(key, every, every)


def test_no_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one partition"):
        partition_for(b"north", 0)


def test_keys_spread() -> None:
    draw = random.Random(1)
    keys = [f"site-{draw.randrange(10**6)}".encode() for _ in range(4000)]
    counts = [sum(partition_for(key, 4) == p for key in keys) for p in range(4)]
    assert min(counts) > 800
