"""Counting: as many b as a, and as many c, and then the word ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from unroll.declarations import Line
from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Split
from unroll.tasks.symbols import Symbols


class Counting(Symbols):
    r"""Words :math:`a^n b^n` or :math:`a^n b^n c^n`: at each b (and c) it is asked what must follow.

    ::

        x     a  a  a  b  b  b
        y     .  .  .  b  b  $       n = 3; $ the end; at an a nothing is asked, for nobody knows what follows

    ``symbols``: 2 or 3. n is 1, ..., T, each as likely; the longest word has 2T or 3T steps, a shorter one ends with
    zeros. Tokens: a, b, c are 0, 1, 2. Classes: b, (c,) and the end.

    Only the last answers are hard, so words count that are right as a whole: solved above 99 % of them.

    Baseline and chance know the step t, not the letters. Asked at it are the words with n < t <= 2n, each as likely,
    and of these m words one ends, where t is even; where it is odd none does. So for :math:`a^n b^n`, with h(m) the
    entropy of one in m, the mean over all T (T + 1)/2 answers is

    .. math:: \text{baseline} = \frac{2}{T (T + 1)} \sum_{t \text{ even}} m_t \, h(m_t), \qquad
              m_t = \min(t - 1, T) - t/2 + 1,

    0.1747 at T = 30 (chance 0.940); with three symbols likewise. No amount of memory is told: one count answers all
    questions of a word. That LSTMs learn both is shown by Gers and Schmidhuber (2001).
    """

    name = "counting"
    title = "counting"
    in_a_sentence = "the counting problem"
    summary = "words of as many b as a, and as many c: what must follow, and when is the end"
    version = "1"
    tags = ("classification", "formal languages")
    sources = ("gers2001lstm", "suzgun2019lstm")
    pitfalls = ("Most answers are easy: judge by whole words.",)

    symbols: Literal[2, 3] = 2

    @property
    def inputs(self) -> int:
        """The letters."""
        return self.symbols

    @property
    def outputs(self) -> int:
        """The letters after a, and the end."""
        return self.symbols

    @property
    def readout(self) -> Literal["some"]:
        """Each b and each c."""
        return "some"

    @property
    def solved(self) -> Criterion:
        """More than 99 % of the words right as a whole."""
        return Criterion("test_sequence_accuracy", above=0.99)

    def written(self, token: int) -> str:
        """See Task."""
        return "abc"[token]

    def written_answer(self, place: int) -> str:
        """See Task: the next letter, or $ for the end."""
        return "bc$"[place] if self.symbols == 3 else "b$"[place]

    @property
    def notes(self) -> str:
        """The words."""
        return "a^n b^n" if self.symbols == 2 else "a^n b^n c^n"

    def total_steps(self, length: int) -> int:
        """The longest word."""
        return self.symbols * length

    def baseline(self, length: int) -> float:
        """The mean entropy of an answer, by its step; see the class."""
        entropy = (sum(k * math.log(sum(counts) / k) for k in counts if k) for counts in self._counts(length))
        return math.fsum(entropy) / self._answers(length)

    def chance(self, length: int) -> float:
        """The share of the likeliest answer, by its step."""
        return sum(max(counts) for counts in self._counts(length)) / self._answers(length)

    @property
    def memoryless(self) -> bool:
        """Asked at a b alone, the current letter tells nothing; among b and c it tells which of them may follow."""
        return self.symbols == 2

    def second(self, length: int) -> Line | None:
        """The best answer from the current letter and its step, of words of three letters.

        After a b at step t one word, n = t/2, goes on with c; after a c one, n = t/3, ends.
        """
        if self.symbols == 2:
            return None
        loss, right = 0.0, 0
        for step in range(1, self.total_steps(length) + 1):
            for letters in (2, 3):  # as many as have begun: at a b n < t <= 2n, at a c 2n < t <= 3n
                shortest, longest = -(-step // letters), min((step - 1) // (letters - 1), length)
                words = max(0, longest - shortest + 1)
                other = int(words > 0 and step % letters == 0)
                loss += sum(k * math.log(words / k) for k in (words - other, other) if k)
                right += max(words - other, other)
        answers = self._answers(length)
        return Line("current letter", "who sees the current letter alone", loss / answers, right / answers)

    def _answers(self, length: int) -> int:
        """How many answers the words n = 1, ..., T have together."""
        return (self.symbols - 1) * length * (length + 1) // 2

    def _counts(self, length: int) -> Iterator[tuple[int, int, int]]:
        """Yield, for each step t from 1 on, how many of the words n = 1, ..., T have b, c and the end after it."""
        for step in range(1, self.total_steps(length) + 1):
            shortest, longest = -(-step // self.symbols), min(step - 1, length)
            asked = max(0, longest - shortest + 1)
            b = max(0, longest - max(step // 2, shortest - 1))
            end = int(asked > 0 and step % self.symbols == 0)
            yield b, asked - b - end, end

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        count = generator.integers(1, length + 1, (n,))[:, None]
        steps = np.arange(self.total_steps(length))
        x = (steps >= count).astype(np.uint8)
        answers = (self.symbols - 1) * count
        asked = np.arange(1, (self.symbols - 1) * length + 1)
        y = (asked >= count).astype(np.int32)
        if self.symbols == 3:
            x += (steps >= 2 * count).astype(np.uint8)
            y += asked == answers
        x[steps >= self.symbols * count] = 0
        y[asked > answers] = -1
        return Split(x, y, at=(count - 1 + asked).astype(np.int32))
