"""Numbers, lists and names as a reader expects them in a sentence, a table or a figure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from unroll.inert import clipped

MISSING = "–"
"""What stands where a number is missing."""

SUPERSCRIPTS = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")
EXPONENT = re.compile(r"(?<![\w.])([-\N{MINUS SIGN}]?)(\d+(?:\.\d+)?)e([+-]?\d+)(?![\w.]*\w)")
ACRONYMS = frozenset({"rnn", "lstm", "gru", "mlp", "mgu", "tcn"})
COLUMNS = frozenset({"task", "model", "length", "lengths", "seed", "state", "parameters"})
"""Names that a table's column may have and that stand for something else than a setting."""
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(value: Any, digits: int = 3) -> str:
    """Return a number with so many significant digits; a dash for one that is missing, and 0 as it is."""
    if value is None or value != value:
        return MISSING
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}"
    return f"{value:.{digits - 1}e}" if "e" in text or abs(value) < 1e-4 else text.rstrip(".")


def superscript(value: str) -> str:
    """Return a number's digits, raised.

    >>> superscript("-5"), superscript("0.98")
    ('⁻⁵', '⁰·⁹⁸')
    """
    return value.translate(SUPERSCRIPTS)


def powers(text: str) -> str:
    """Return a text in which numbers like 8.2e-05 are written as people write them.

    >>> powers("8.2e-05, below 1e-05"), powers("-2e+09 of gate_1e5")
    ('8.2 × 10⁻⁵, below 10⁻⁵', '−2 × 10⁹ of gate_1e5')
    """

    def written(found: re.Match[str]) -> str:
        sign = "\N{MINUS SIGN}" if found[1] else ""
        mantissa = "" if found[2] == "1" else f"{found[2]} × "
        return f"{sign}{mantissa}10{superscript(str(int(found[3])))}"

    return EXPONENT.sub(written, text)


def percent(share: Any) -> str:
    """Return a relative error in per cent, as a person reads it; a dash where there is none."""
    if share is None or share != share:
        return MISSING
    if share < 1e-9 or share == float("inf"):
        return "0" if share < 1e-9 else "∞"
    per_cent = 100 * share
    if 9.95 <= per_cent < 1e4:
        return f"{per_cent:.0f} %"
    return f"{number(per_cent, 2)} %" if 1e-3 <= per_cent < 1e4 else f"{per_cent:.0e} %"


def setting(value: Any) -> str:
    """Return a setting's value as every table, figure and sentence spells it; a dash where there is no such setting.

    >>> setting(0.5), setting(3.0), setting("raw"), setting(True), setting((1, 2.0))
    ('0.5', '3', 'raw', 'yes', '[1, 2]')
    >>> setting(None), setting(float("nan"))  # a setting that is none, and one that is not there
    ('none', '–')
    """
    value = value.tolist() if hasattr(value, "tolist") else value  # a column's NumPy values, whose True is no bool
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(setting, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value != value:
        return MISSING
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def level(factor: str, value: Any) -> str:
    """Return a factor's value as readers are told it: the backend "reference" is PyTorch's own layers.

    >>> level("train.backend", "reference"), level("model.hidden", 32.0)
    ('torch', '32')
    """
    return "torch" if factor.rpartition(".")[2] == "backend" and value == "reference" else setting(value)


def coordinate(value: Any) -> str:
    """Return a place on an axis: a whole number whole, a text as it is.

    >>> coordinate(1200), coordinate(3.0), coordinate(0.25), coordinate("cell")
    ('1,200', '3', '0.25', 'cell')
    """
    if isinstance(value, str):
        return value
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def listed(items: Sequence[object], last: str = "and") -> str:
    """Return items as a list in a sentence.

    >>> listed(["the LSTM", "the GRU"])
    'the LSTM and the GRU'
    >>> listed([10, 25, 50], "or")
    '10, 25 or 50'
    """
    words = [str(item) for item in items]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def reached(tried: Sequence[int], good: Sequence[int], symbol: str = "T = ") -> str:
    """Return at which lengths, of those that were tried, something holds: "up to" only where it holds at every shorter.

    >>> reached([10, 25, 50], [10, 25]), reached([10, 25, 50], [25]), reached([4, 8], [], "lag ")
    ('up to T = 25', 'at T = 25', 'at no lag')
    """
    if not good:
        return "at no length" if symbol == "T = " else f"at no {symbol.strip()}"
    shorter = [length for length in sorted(set(tried)) if length <= max(good)]
    if len(good) > 1 and shorter == sorted(set(good)):
        return f"up to {symbol}{max(good):,}"
    return f"at {symbol}{listed([f'{length:,}' for length in sorted(set(good))])}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, small ones in words.

    >>> counted(1, "seed"), counted(3, "seed"), counted(54, "trial")
    ('one seed', 'three seeds', '54 trials')
    """
    amount = COUNTED[count] if 0 <= count < len(COUNTED) else f"{count:,}"
    return f"{amount} {noun if count == 1 else noun + 's'}"


def measured(amount: float, unit: str) -> str:
    """Return a whole number of units, always in digits.

    >>> measured(1.2, "step"), measured(1234.5, "step")
    ('1 step', '1,234 steps')
    """
    return f"{round(amount):,} {unit if round(amount) == 1 else unit + 's'}"


def at_most(amount: float, units: str) -> str:
    """Return how much of something there is, with a tenth where it is no whole number.

    >>> at_most(1.0, "bits"), at_most(10.0, "symbols"), at_most(3.3219, "bits")
    ('1 bit', '10 symbols', '3.3 bits')
    """
    return measured(amount, units.removesuffix("s")) if amount == round(amount) else f"{amount:,.1f} {units}"


def short_names(settings: Sequence[str]) -> list[str]:
    """Return the names of settings without their sections, where each is still one of a kind.

    >>> short_names(["train.epochs", "model.hidden"]), short_names(["task.steps", "generate.steps"])
    (['epochs', 'hidden'], ['task.steps', 'generate.steps'])
    """
    short = [name.rpartition(".")[2] for name in settings]
    return [
        whole if short.count(name) > 1 or name in COLUMNS else name for name, whole in zip(short, settings, strict=True)
    ]


def are(amount: int, noun: str) -> str:
    """Return a number of things, and the verb that goes with it.

    >>> are(1, "trial"), are(1200, "trial")
    ('1 trial is', '1,200 trials are')
    """
    return f"{measured(amount, noun)} {'is' if amount == 1 else 'are'}"


def label(name: str) -> str:
    """Return a model's or a task's name as a figure's legend shows it: known acronyms as capitals, others as they are.

    >>> label("tanh_rnn"), label("lstm"), label("my_model")
    ('tanh RNN', 'LSTM', 'my_model')
    """
    parts = name.split("_")
    if ACRONYMS.isdisjoint(parts):
        return name
    return " ".join(part.upper() if part in ACRONYMS else part for part in parts)


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return the label of each name; names that would share one stay as they are, so that no two look alike.

    >>> labels(["tanh_rnn", "gru"]), labels(["gru", "GRU"])
    ({'tanh_rnn': 'tanh RNN', 'gru': 'GRU'}, {'gru': 'gru', 'GRU': 'GRU'})
    """
    found = {name: label(name) for name in names}
    often = Counter(found.values())
    return {name: text if often[text] == 1 else name for name, text in found.items()}


def distinct(texts: Iterable[str], most: int) -> dict[str, str]:
    """Return each text, cut in its middle where it has more than ``most`` letters, and none where two would look alike.

    >>> distinct(["short", "a very long name"], 10)
    {'short': 'short', 'a very long name': 'a very…ame'}
    >>> list(distinct(["a very long name", "a very wrong name"], 10).values())
    ['a very long name', 'a very wrong name']
    """
    found = {text: clipped(text, most) for text in texts}
    return found if len(set(found.values())) == len(found) else {text: text for text in found}


def without(memoryless: Iterable[bool]) -> str:
    """Return who has the baseline of several rows: of some tasks who sees the current input has less.

    >>> without([True, True]), without([True, False])
    ('a predictor with no memory', 'a predictor that sees no input')
    """
    return "a predictor with no memory" if all(memoryless) else "a predictor that sees no input"


def variants(notes: Iterable[str]) -> str:
    """Return the variants of a task, each a list of facts: what they have in common, and one of each as they differ.

    >>> variants(["8 symbols, at the front, fresh", "8 symbols, anywhere, fresh"])
    '8 symbols, fresh; at the front or anywhere'
    >>> variants(["a pixel a step", "a pixel a step, permuted", "a row a step"])
    'a pixel a step; or a pixel a step, permuted; or a row a step'
    """
    several = [note.split(", ") for note in dict.fromkeys(notes) if note]
    common = [fact for fact in several[0] if all(fact in facts for facts in several)] if several else []
    apart = [[fact for fact in facts if fact not in common] for facts in several]
    if common and len(several) > 1 and all(len(facts) == 1 for facts in apart):
        return f"{', '.join(common)}; {listed([fact for (fact,) in apart], 'or')}"
    return "; or ".join(", ".join(facts) for facts in several)


def lines(rows: Iterable[tuple[Any, Any]]) -> str:
    """Return what the second lines of several rows are, each name with its words; "" where there is none.

    >>> lines([("bag", "who knows the values alone"), (float("nan"), None), ("bag", "who knows the values alone")])
    'bag: who knows the values alone'
    """
    told = ((name, words) for name, words in rows if isinstance(name, str) and isinstance(words, str))
    return "; ".join(dict.fromkeys(f"{name}: {words}" for name, words in told))


def second(name: Any, loss: Any, accuracy: Any) -> str:
    """Return a second line in a cell: its name, its loss and, in brackets, its accuracy; a dash where there is none.

    >>> second("bag", 1.1868, 0.3842), second("current input", 0.00882, None), second(None, None, None)
    ('bag 1.19 (0.384)', 'current input 0.00882', '–')
    """
    if not isinstance(name, str):
        return MISSING
    right = "" if accuracy is None or accuracy != accuracy else f" ({number(accuracy)})"
    return f"{name} {number(loss)}{right}"


def metric_label(metric: str) -> str:
    """Return a metric's name in words.

    >>> metric_label("test_mse"), metric_label("relative_error_8")
    ('test MSE', 'relative error 8')
    """
    return " ".join(part.upper() if part in ("mse",) else part for part in metric.split("_"))


def loss_words(words: Iterable[str]) -> str:
    """Return what the test losses of several rows are called together.

    >>> loss_words(["test MSE", "test MSE"]), loss_words(["test MSE", "test cross-entropy"])
    ('test MSE', 'test loss')
    """
    different = set(words)
    return different.pop() if len(different) == 1 else "test loss"


def capital(sentence: str) -> str:
    """Return a sentence with a capital at its beginning and everything else as it was."""
    return sentence[:1].upper() + sentence[1:]


def duration(seconds: float) -> str:
    """Return seconds in words that a person would use.

    >>> duration(0.2), duration(40), duration(200), duration(7800)
    ('under 1 s', '40 s', '3 min', '2 h 10 min')
    """
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours / 24:.0f} days"


def about(seconds: float | None) -> str:
    """Return an expected time in words; None is one that is not known."""
    if seconds is None:
        return "an unknown time"
    return duration(seconds) if seconds < 1 else f"about {duration(seconds)}"


def bytes_(count: float) -> str:
    """Return a size in KiB, MiB or GiB.

    >>> bytes_(1000), bytes_(5 * 2**20), bytes_(2.5 * 2**30)
    ('1 KiB', '5.0 MiB', '2.5 GiB')
    """
    if count < 2**20:
        return f"{max(1, round(count / 2**10)) if count else 0:,} KiB"
    unit, name = (2**20, "MiB") if count < 1000 * 2**20 else (2**30, "GiB")
    return f"{count / unit:.1f} {name}" if count < 100 * unit else f"{count / unit:,.0f} {name}"


def times(count: int) -> str:
    """Return how often, in words as far as there are any.

    >>> times(1), times(2), times(3)
    ('once', 'twice', '3 times')
    """
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
