"""A user's text: which character comes next."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from unroll.axes import Float64
from unroll.capabilities import Writes
from unroll.declarations import Line
from unroll.errors import DataError, PromptError
from unroll.streams.base import Generator, Streams
from unroll.study.user_file import FileSetting, UserFile
from unroll.tasks.base import Criterion, Dataset, Split
from unroll.tasks.own import HELD, Own

CHUNK = 1 << 22
"""Bytes that are decoded, or symbols that are counted, at once."""
CODES = 0x110000
MOST_SHOWN = 60
"""Symbols that a message lists."""
MOST_KEPT = 1_000
OTHER, SEEN = "□", {ord(" "): "␣", ord("\n"): "⏎", ord("\t"): "→"}
"""How what is no letter is written where a text is shown: a symbol that is none of those kept, and white space."""


class Text(Own, Writes):
    r"""The next character of a text, or the next byte of any file, at every step.

    ``file``: a path, from the folder of the study file on. ``level``: "char" for the characters of a UTF-8 text, "byte"
    for any file. The ``keep`` most frequent symbols of the training part have ids of their own, 1, 2, ... in the order
    of their codes; all others, those that training never shows included, are the one symbol 0.

    The baseline knows how often each symbol occurs, and nothing else: p = (n + 1) / (N + A) for one that occurs n times
    among the N of the training part, with A symbols in all; its loss is that on the test part, in nats. Whoever knows
    the last symbol alone has that of the bigrams of the training part, smoothed by the share of pairs that are new
    (Witten and Bell 1991). A trial counts as solved when it is better than that: then it holds more than the last
    symbol. Neither says that it holds much.
    """

    name = "text"
    title = "text"
    in_a_sentence = "the text"
    summary = "a text of your own: the next character, at every step"
    version = "1"
    tags = ("classification", "language")
    objective = "cross_entropy"
    sources = ("witten1991zero", "bai2018empirical")
    pitfalls = ("Losses of other alphabets, and of other tokens than characters, cannot be compared.",)

    file: FileSetting = Field(examples=["my-text.txt"])
    keep: Annotated[int, Field(ge=1, le=MOST_KEPT)] = 100
    level: Literal["char", "byte"] = "char"

    @property
    def tokens(self) -> bool:
        """Symbols, by their ids."""
        return True

    @property
    def inputs(self) -> int:
        """Those kept, and one for all others."""
        return self._corpus().alphabet

    @property
    def outputs(self) -> int:
        """The same."""
        return self._corpus().alphabet

    @property
    def readout(self) -> Literal["every"]:
        """Every step."""
        return "every"

    def criterion(self, length: int) -> Criterion:
        """Better than the frequencies and than the bigrams, on the targets of this length."""
        return Criterion("test_nats", below=min(self.baseline(length), self.second(length).loss))

    def written(self, token: int) -> str:
        """See Task: the character, with signs for those that are not seen; of bytes that are no letters the number."""
        if token == 0:
            return OTHER
        code = int(self._corpus().kept[token - 1])
        seen = chr(code).isprintable() and (self.level == "char" or code < 127)
        return SEEN.get(code) or (chr(code) if seen else f"{code:x}")

    def written_answer(self, place: int) -> str:
        """See Task: the same."""
        return self.written(place)

    def read(self, text: str) -> list[int]:
        """See Writes: characters, or the bytes that they are in UTF-8."""
        kept = self._corpus().kept
        codes = _bytes_of(text) if self.level == "byte" else [ord(one) for one in text]
        places = np.searchsorted(kept, codes)
        known = kept[np.minimum(places, len(kept) - 1)] == codes
        for place in np.flatnonzero(~known)[:1]:
            wrong = f"0x{codes[place]:02x}" if self.level == "byte" else json.dumps(text[place], ensure_ascii=False)
            noun = "byte" if self.level == "byte" else "character"
            raise PromptError(
                f"{noun.capitalize()} {place + 1} of the prompt, {wrong}, is none of the {len(kept)} {noun}s that the "
                f"network knows: {self._alphabet()}. Write it without."
            )
        return [int(place) + 1 for place in places]

    def text_of(self, ids: Sequence[int]) -> str:
        r"""See Writes: the symbol 0, which is none of those kept, is □; a byte that is no part of UTF-8 is \xNN."""
        kept = self._corpus().kept
        if self.level == "char":
            return "".join(chr(kept[one - 1]) if one else OTHER for one in ids)
        parts = (bytes([kept[one - 1]]) if one else OTHER.encode() for one in ids)
        return b"".join(parts).decode("utf-8", "backslashreplace")

    def _alphabet(self) -> str:
        """Return the symbols that are kept, for a message: as a sequence is shown, of very many the first."""
        shown = [self.written(one) for one in range(1, len(self._corpus().kept) + 1)]
        more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
        return (" " if self.level == "byte" else "").join(shown[:MOST_SHOWN]) + more

    def size(self) -> int:
        """See Own."""
        return len(self._corpus().ids)

    def reach(self) -> int:
        """See Own: the next symbol."""
        return 1

    def baseline(self, length: int) -> float:
        """The loss of the training part's frequencies on the test targets."""
        return self._corpus().unigram(*self._targets(length))

    def chance(self, length: int) -> float:
        """How often the most frequent symbol of training is right in the test."""
        corpus = self._corpus()
        first, end = self._targets(length)
        return float(np.mean(corpus.ids[first + 1 : end] == corpus.counts.argmax()))

    @property
    def memoryless(self) -> bool:
        """The current symbol tells much of the next."""
        return False

    def second(self, length: int) -> Line:
        """The bigrams of the training part."""
        loss, accuracy = self._corpus().bigram(*self._targets(length))
        return Line("bigram", "who sees the current symbol alone", loss, accuracy)

    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Cut the parts into windows; see Own. The seed changes nothing."""
        self.check_length(length)
        ids = self._corpus().ids

        def cut(part: range, n: int) -> Split:
            steps = slice(part.start, part.start + n * length)
            after = slice(part.start + 1, part.start + n * length + 1)
            return Split(ids[steps].reshape(n, length), ids[after].astype(np.int32).reshape(n, length))

        train, validation, test = map(cut, self.parts(length), self.examples(length))
        return Dataset(train, validation, test)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Cut windows of the test part to look at a network with, n of them, from anywhere in it."""
        ids, part = self._corpus().ids, self.parts(length)[2]
        steps = generator.integers(part.start, part.stop - length, (n,))[:, None] + np.arange(length)
        return Split(ids[steps], ids[steps + 1].astype(np.int32))

    def _targets(self, length: int) -> tuple[int, int]:
        """Return the step before the first target of the test and that after the last."""
        first = self.parts(length)[2].start
        return first, first + self.examples(length)[2] * length + 1

    def _corpus(self) -> Corpus:
        return _corpus(self.file, self.level, self.keep)


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as ids, uint8 or int32, (n,); how often each of ``alphabet`` symbols occurs in the training part.

    ``kept``: the codes of the symbols from 1 on.
    """

    ids: NDArray[Any]
    kept: NDArray[Any]
    alphabet: int
    train: int
    counts: Float64

    def unigram(self, first: int, end: int) -> float:
        """Return the mean loss of the frequencies on the symbols after ``first``, up to before ``end``."""
        seen = np.bincount(self.ids[first + 1 : end], minlength=self.alphabet)
        return float(-(seen * np.log(self.shares())).sum() / seen.sum())

    def bigram(self, first: int, end: int) -> tuple[float, float]:
        """Return the mean loss of the bigrams on the same symbols, and the share that they guess."""
        return _bigram(self, first, end)

    def shares(self) -> Float64:
        """Return the probability of each symbol, (A,)."""
        shares: Float64 = (self.counts + 1) / (self.counts.sum() + self.alphabet)
        return shares

    def pairs(self, first: int, end: int) -> Float64:
        """Count which symbol follows which, (A, A)."""
        counts = np.zeros(self.alphabet**2)
        for start in range(first, end - 1, CHUNK):
            part = self.ids[start : min(end, start + CHUNK + 1)].astype(np.int64)
            counts += np.bincount(part[:-1] * self.alphabet + part[1:], minlength=len(counts))
        return counts.reshape(self.alphabet, self.alphabet)


@lru_cache(maxsize=16)
def _bigram(corpus: Corpus, first: int, end: int) -> tuple[float, float]:
    pairs, shares = corpus.pairs(0, corpus.train), corpus.shares()
    firsts, kinds = pairs.sum(axis=1, keepdims=True), (pairs > 0).sum(axis=1, keepdims=True)
    after = np.where(firsts > 0, (pairs + kinds * shares) / np.maximum(1, firsts + kinds), shares)
    asked = corpus.pairs(first, end)
    guessed = asked[np.arange(corpus.alphabet), after.argmax(axis=1)]
    return float(-(asked * np.log(after)).sum() / asked.sum()), float(guessed.sum() / asked.sum())


@lru_cache(maxsize=2)
def _corpus(file: UserFile, level: str, keep: int) -> Corpus:
    """Read a text. Raises DataError with line and column where it is not UTF-8."""
    data = file.read("task.file")

    def codes() -> Iterator[NDArray[Any]]:  # again for each use, so that few symbols at once have four bytes
        return _bytes(data) if level == "byte" else _characters(data, file.path)

    n = sum(map(len, codes()))
    counts = np.zeros(CODES, dtype=np.int64)
    train, done = n - 2 * (n // HELD), 0
    for part in codes():
        shown = part[: max(0, train - done)]
        counts += np.bincount(shown, minlength=CODES)
        done += len(part)
    occurring = np.flatnonzero(counts)
    kept = np.sort(occurring[np.argsort(-counts[occurring], kind="stable")][:keep])
    alphabet = len(kept) + 1
    table = np.zeros(CODES, dtype=np.uint8 if alphabet <= 256 else np.int32)
    table[kept] = np.arange(1, alphabet)
    ids, done = np.empty(n, dtype=table.dtype), 0
    for part in codes():
        ids[done : done + len(part)] = table[part]
        done += len(part)
    known = counts[kept].astype(np.float64)
    return Corpus(ids, kept, alphabet, train, np.array([train - known.sum(), *known]))


def _bytes(data: bytes) -> Iterator[NDArray[Any]]:
    for start in range(0, len(data), CHUNK):
        yield np.frombuffer(data[start : start + CHUNK], dtype=np.uint8)


def _characters(data: bytes, path: str) -> Iterator[NDArray[Any]]:
    """Yield the codes of a text's characters, without the mark that some programs put before a text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    for start in range(first, len(data), CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data[start : start + CHUNK], final=start + CHUNK >= len(data))
        except UnicodeDecodeError as error:
            raise _not_utf8(data, start - pending + error.start, path) from None
        yield np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def _not_utf8(data: bytes, place: int, path: str) -> DataError:
    line = data.count(b"\n", 0, place) + 1
    begin = data.rfind(b"\n", 0, place) + 1
    column = len(data[begin:place].decode("utf-8", errors="replace")) + 1
    return DataError(
        f"{path}, line {line:,}, column {column:,}: not UTF-8 text (byte 0x{data[place]:02x}). Save it as UTF-8, or "
        'read its bytes: task.level = "byte"',
        "task.file",
    )


def _bytes_of(text: str) -> list[int]:
    """Return the bytes of a text in UTF-8; those that a command line could not read as such are what they were."""
    try:
        return list(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise PromptError(f"Character {error.start + 1} of the prompt is half of one and has no bytes.") from None
