# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What is recurrence good for?
#
# A small tanh RNN learns to predict the next number of a sequence, 1, 3, 5, 7, 9, ... or 1, 1, 2, 3, 5, 8, ... Then
# it runs freely: each number that it predicts is what it reads next. Its training loss is tiny. Is it right?

# %%
import unroll

# %% tags=["parameters"]
STORE = "results.db"  # where results are kept: what it holds is never trained again
SEEDS = ["seed=[21]"]  # one seed of the large studies, a few minutes each; [] trains all ten
SMALLER = []  # further settings for a quicker look, such as ["train.epochs=5"]

# %% [markdown]
# ## The two models, as they were
#
# The study `numbers-notebook` draws its random numbers as the notebook that this one retells did, in the same order.
# That notebook set no seed, so its own draws cannot be had again: each seed here is another run of its code.

# %%
notebook = unroll.run(unroll.read_study("numbers-notebook", SMALLER), STORE)
notebook.trials()[["task", "seed", "train_loss", "test_mse"]]

# %% [markdown]
# Losses of a few ten-thousandths. Now the continuations:

# %%
model = unroll.load_model(notebook.study, STORE, task="odd_numbers", seed=1)
unroll.generate(model, [1, 3, 5, 7, 9], steps=8).table()

# %%
notebook.plot.continuation()

# %% [markdown]
# A small loss one step ahead says little about many steps of free running. Four things in the notebook's code are
# in the way:
#
# - **scale**: a sequence was divided by its largest value, future included; in generation the future is unknown
# - **priming twice**: the last number of the prompt was fed twice
# - **overlap**: nothing was held back to test on
# - **bounded state**: a tanh lies between -1 and 1, so the output has a bound, and the sequences have none
#
# ## What was each worth?
#
# `numbers-traps` trains with every combination of the four, on and off. Here and below one seed of each study is shown,
# the whole studies have ten: what is said of the models rests on those, see `docs/recurrence.md`.

# %%
traps = unroll.run(unroll.read_study("numbers-traps", SEEDS + SMALLER), STORE)
traps.plot.traps()

# %%
table = traps.traps()
table[["task", "off", "n", "relative_error", "worth"]].sort_values(["task", "relative_error"]).groupby("task").head(4)

# %% [markdown]
# ## Q1: strengths and weaknesses of a recurrent network
#
# `numbers-models` turns the traps off and asks all models, on sequences of which, as the network sees them, none
# was trained on: of the trained range of parameters, and others. The free-running error, as it grows with the number
# of steps (a panel for each kind of sequence, encoding and regime, so it is drawn when you run the cell):

# %% tags=["large"]
models = unroll.run(unroll.read_study("numbers-models", SEEDS + SMALLER), STORE)
models.plot.horizons()

# %%
errors = models.horizons().query("horizon == 8 and task in ['odd_numbers', 'fibonacci']")
errors.pivot_table("relative_error", ["task", "task.representation", "model"], "regime").round(4)

# %% [markdown]
# In which code the numbers are put before a network is part of the question. Where the rule is linear in the numbers,
# least squares over a few of them finds it, and says it:

# %%
linear = unroll.load_model(
    models.study, STORE, task="fibonacci", model="linear", settings={"task.representation": "raw"}
)
linear.rule

# %% [markdown]
# ## Q2: can a feedforward network do it?
#
# It sees a window of the last numbers. Where what is asked for lies within the window, it can; where it does
# not, no training helps. A recurrent network keeps a state instead, of fixed size, for as long as it learns to.
#
# The task `announce`: a value, then zeros; after a gap the value is asked for. `window-and-lag` tries windows
# and states of several sizes on gaps of several lengths.

# %%
window_lag = unroll.run(unroll.read_study("window-and-lag", SEEDS + SMALLER), STORE)
window_lag.plot.window_lag()

# %% [markdown]
# Left of the diagonal the window holds the value. Beyond it, the network cannot see what it is asked for. What a state
# keeps differs from seed to seed: with all ten, look at how many of them know the value.

# %%
window_lag.window_lag()[["model", "capacity_name", "capacity", "length", "unexplained", "solved"]].head(12)
