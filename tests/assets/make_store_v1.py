"""Write store_v1.db: the store as the first release of unroll writes it.

It was run once, at that release, and is kept to say what the file holds. Never run it again over the asset:
the point of an old store is that today's code did not write it.
"""

import sys

from unroll.store import Store
from unroll.testing.stores import finish, planned_study, planned_trial

if __name__ == "__main__":
    with Store.open(sys.argv[1], write=True) as store:
        store.plan(planned_study("memory of the lstm", tuple(planned_trial(seed) for seed in range(4))))
        store.plan(planned_study("one seed", (planned_trial(0),)))
        complete, failed, checkpointed, _ = (trial.key for trial in store.trials())
        store.claim(complete)
        finish(store, complete)
        store.claim(failed)
        store.fail(
            failed,
            error={"type": "DivergedError", "message": "NaN", "traceback": "...", "epoch": 2, "update": 9},
            fingerprint=None,
            histories={"train_loss": [1.0, float("nan")]},
            axes={"train_loss": "epoch"},
        )
        store.claim(checkpointed)
        store.save_checkpoint(checkpointed, b"tensors", {"epoch": 1}, {"torch": "2.6.0"})
        store.release(checkpointed, "stopped")
