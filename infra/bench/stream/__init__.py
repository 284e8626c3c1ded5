"""`bench stream`: our runtime, Faust as it comes, Quix Streams and a bare loop at one job.

The contestants are modules that run as processes of their own; the ones of other packages import
nothing but the standard library from here.
"""

from infra.bench.stream.bench import BENCH

__all__ = ["BENCH"]
