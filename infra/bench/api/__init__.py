"""`bench api`: the queue, searches and the stream, with a month of events behind them."""

from infra.bench.api.bench import BENCH

__all__ = ["BENCH"]
