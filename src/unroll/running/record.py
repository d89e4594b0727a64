"""What is written into the store of a trial whose worker is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unroll.axes import Float32
from unroll.errors import StoreLimitError
from unroll.running.failure import described
from unroll.running.fingerprint import fingerprint
from unroll.running.messages import Outcome
from unroll.store import MeasureRecord, Store
from unroll.training.result import axis_of

REFUSED = (ValueError, TypeError, OverflowError, LookupError)
"""What the store, or what prepares a result for it, raises of a result that breaks a rule, such as a metric of NaN."""


@dataclass(frozen=True)
class Record:
    """Writes results and failures into a store, with the circumstances of the run ``around`` them."""

    store: Store
    around: Mapping[str, Any]

    def complete(self, key: str, outcome: Outcome, keep: bool) -> Outcome:
        """Write a result; return what was written: where no store can hold it, the trial's failure, not the run's.

        With ``keep``, its last checkpoint stays.
        """
        try:
            self._result(key, outcome, keep)
        except (StoreLimitError, *REFUSED) as error:
            failure = Outcome(outcome.numerics, outcome.circumstances, error=described(error))
            self.fail(key, failure)
            return failure
        return outcome

    def fail(self, key: str, outcome: Outcome) -> None:
        """Write a failure; without its histories where those cannot be kept, since the error itself says more."""
        try:
            self._failure(key, outcome, outcome.histories)
        except (StoreLimitError, *REFUSED):
            self._failure(key, outcome, {})

    def _result(self, key: str, outcome: Outcome, keep: bool) -> None:
        result = outcome.result
        assert result is not None  # noqa: S101 - who calls has looked
        histories = result.all_histories
        self.store.finish(
            key,
            metrics=result.all_metrics,
            histories=histories,
            axes={name: axis_of(name) for name in histories},
            parameters=result.parameters,
            fingerprint=fingerprint(outcome, self.around),
            digest=result.digest,
            seconds=result.seconds,
            keep_checkpoint=keep,
            examinations=[replace(one, fingerprint=fingerprint(outcome, self.around)) for one in outcome.examinations],
            measures={
                name: MeasureRecord(
                    digest=measured.digest, metrics=tuple(measured.metrics), histories=tuple(measured.histories)
                )
                for name, measured in result.measured.items()
            },
        )

    def _failure(self, key: str, outcome: Outcome, histories: Mapping[str, Float32]) -> None:
        self.store.fail(
            key,
            error=outcome.error or {},
            fingerprint=fingerprint(outcome, self.around),
            histories=histories,
            axes={name: axis_of(name) for name in histories},
        )
