"""Write store_v2.db: real trials, trained and stored by the unroll that knew no seals yet.

It was run once, with that unroll first on the path (``python make_store_v2.py SRC store_v2.db``), and is kept to say
what the file holds: trials of a sum and of number sequences that are complete, one that diverged, one that was
interrupted and keeps its checkpoint, one that waits. Never run it again over the asset: the point of an old store is
that today's code did not write it.
"""

import sys
from itertools import islice

if __name__ == "__main__":
    sys.meta_path = [finder for finder in sys.meta_path if "ScikitBuild" not in type(finder).__name__]
    sys.path.insert(0, sys.argv[1])

    from unroll.kernels.pick import pick
    from unroll.registry import models
    from unroll.running import execute
    from unroll.store import Store
    from unroll.study import Study, expand
    from unroll.training import Training, numerics, single_thread

    sums = Study(
        name="old sums",
        question="Which cells remember?",
        factors={"task": ["adding"], "model": ["tanh_rnn", "lstm"], "length": [4], "seed": [1, 2]},
        task={"train": 48, "validation": 16, "test": 16},
        model={"hidden": 3},
        train={"epochs": 3, "batch": 8},
    )
    numbers = Study(
        name="old numbers",
        question="What comes next?",
        factors={"task": ["odd_numbers"], "model": ["gru", "linear"], "length": [4], "seed": [1]},
        where=[{"match": {"model": ["gru"]}, "model": {"hidden": 3}}],
        train={"epochs": 2},
    )
    diverging = Study(
        name="old failure",
        factors={"task": ["adding"], "model": ["tanh_rnn"], "length": [4], "seed": [1]},
        task={"train": 16, "test": 16},
        model={"hidden": 2},
        train={"epochs": 30, "batch": 4, "optimizer": "sgd", "learning_rate": 1000.0},
    )
    store = sys.argv[2]
    for study in (sums, numbers, diverging):
        print(execute(study, store, executor="inline"))
    unfinished = Study(
        name="old and unfinished",
        factors={"task": ["adding"], "model": ["gru"], "length": [4], "seed": [1, 2]},
        task={"train": 16, "test": 16},
        model={"hidden": 2},
        train={"epochs": 4, "batch": 4},
    )
    execute(unfinished, store, executor="inline", part=lambda trials: ())
    trial = expand(unfinished)[0]
    with single_thread(), Store.open(store, write=True) as opened:
        training = Training(trial)
        opened.claim(trial.key)
        *_, progress = islice(training.run(), 6)
        frozen = progress.freeze()
        found = numerics(pick(models.load(trial.model).cell, backend=trial.train.backend))
        opened.save_checkpoint(trial.key, frozen.tensors, frozen.position, found)
        opened.release(trial.key, "stopped")
        print([(str(record.state), record.key[:8]) for record in opened.trials()])
