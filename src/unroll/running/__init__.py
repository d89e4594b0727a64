"""Run a study: where study, training, store and executors meet. Names are imported on first use."""

from typing import TYPE_CHECKING

from unroll.lazy import lazily

if TYPE_CHECKING:
    from unroll.running.foresight import Foresight, foresee
    from unroll.running.observer import Observer, Outlook
    from unroll.running.planning import check
    from unroll.running.run import Summary, execute
    from unroll.running.shards import Shard

__all__ = ["Foresight", "Observer", "Outlook", "Shard", "Summary", "check", "execute", "foresee"]

__getattr__ = lazily(
    __name__,
    {
        "Foresight": "foresight",
        "Observer": "observer",
        "Outlook": "observer",
        "Shard": "shards",
        "Summary": "run",
        "check": "planning",
        "execute": "run",
        "foresee": "foresight",
    },
)
