"""What holds when nobody says otherwise. Imports nothing, so that a command's help can show it at once."""

STORE = "results.db"
"""Where results go."""

MAX_TRIALS = 100_000
"""Trials that a study may ask for."""

POINTS = 400
"""Points that a thinned curve keeps: about the pixels that a figure has for it."""
