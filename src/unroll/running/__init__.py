"""Run a study: the joint of study, training, store and executors."""

from unroll.running.observer import Observer, Outlook
from unroll.running.planning import check
from unroll.running.run import DEFAULT_STORE, Summary, execute

__all__ = ["DEFAULT_STORE", "Observer", "Outlook", "Summary", "check", "execute"]
