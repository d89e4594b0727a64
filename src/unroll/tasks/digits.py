"""Handwritten digits, read pixel by pixel: real data that need no network."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from typing import Literal

import numpy as np

from unroll.axes import Float32, Int64
from unroll.errors import DataError
from unroll.streams.base import Generator, Streams
from unroll.streams.keyed import KeyedGenerator
from unroll.tasks.base import Criterion, Dataset, Memory, Split
from unroll.tasks.given import Given

COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
"""Images of each digit."""
IMAGES = sum(COUNTS)
PIXELS = 64
LARGEST = 16
HELD = 300
"""Images for validation, and as many for the test."""
CONTENT = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""SHA-256 of all pixels and then of all digits, a byte each."""


class Digits(Given):
    r"""Which digit was written, told after its image was read from the upper left to the lower right.

    1,797 images of 8 x 8 pixels with values 0 to 16, which scikit-learn brings along (``load_digits``): the test part
    of the digits of Alpaydin and Kaynak in the UCI repository. ``pixels``: 1 a step, so that the length is 64, or 8, a
    row, so that it is 8. ``order = "permuted"`` shuffles the 64 pixels, in the same way in all images and for all
    seeds: what stood beside each other comes long after each other.

    x: (N, 64, 1) or (N, 8, 8), pixels divided by 16; y: the digit, at the last step. The seed of a trial chooses 300
    images for validation and 300 for the test; the 1,197 others are trained on. Guessing by the frequencies of the
    digits is the baseline, 2.3025 nats, and always saying 3 is right in 10.18 %. More than 95 % right counts as solved;
    of 300 images that has a standard error of 1.3 points.

    These are not the 28 x 28 images of "sequential MNIST": never compare with a number for 784 steps.

    Needs scikit-learn: ``pip install "unroll-lab[digits]"``.
    """

    name = "digits"
    title = "digits"
    in_a_sentence = "reading digits"
    summary = "handwritten digits, 8 x 8, read pixel by pixel or row by row"
    version = "1"
    tags = ("classification", "images")
    objective = "cross_entropy"
    sources = ("alpaydin1998cascading", "pedregosa2011scikit")
    pitfalls = ("8 x 8 images in 64 steps: no number for sequential MNIST, 784 steps, can be compared.",)

    pixels: Literal[1, 8] = 1
    order: Literal["rows", "permuted"] = "rows"

    @property
    def inputs(self) -> int:
        """Pixels of a step."""
        return self.pixels

    @property
    def outputs(self) -> int:
        """Ten digits."""
        return len(COUNTS)

    @property
    def readout(self) -> Literal["last"]:
        """After the last pixel."""
        return "last"

    @property
    def solved(self) -> Criterion:
        """More than 95 % of the test images right."""
        return Criterion("test_accuracy", above=0.95)

    @property
    def notes(self) -> str:
        """How they are read."""
        read = "a pixel a step" if self.pixels == 1 else "a row a step"
        return f"{read}, permuted" if self.order == "permuted" else read

    def baseline(self, length: int) -> float:
        """The entropy of the digits' frequencies."""
        return -sum(count / IMAGES * math.log(count / IMAGES) for count in COUNTS)

    def chance(self, length: int) -> float:
        """The share of the most frequent digit."""
        return max(COUNTS) / IMAGES

    @property
    def memoryless(self) -> bool:
        """What is shown last is a part of the image."""
        return False

    def memory(self, length: int) -> Memory:
        """Bits, at most log2 10."""
        return Memory("bits", math.log2(len(COUNTS)))

    def check_length(self, length: int) -> None:
        """An image has as many steps as it has."""
        steps = PIXELS // self.pixels
        if length != steps:
            raise ValueError(
                f"{length} steps are not those of an image, {steps} with {self.pixels} pixel"
                f"{'s' if self.pixels > 1 else ''} a step. Set length = [{steps}]"
            )

    def check_data(self) -> None:
        """The images must be there, and be these."""
        _images()

    def examples(self, length: int) -> tuple[int, int, int]:
        """See Given."""
        return IMAGES - 2 * HELD, HELD, HELD

    def dataset(self, streams: Streams, length: int) -> Dataset:
        """Part the images by the stream ``data``; see Task.

        Raises DataError where scikit-learn is not installed, or brings other images.
        """
        self.check_length(length)
        chosen = streams.generator("data").permutation(IMAGES)
        parts = chosen[2 * HELD :], chosen[:HELD], chosen[HELD : 2 * HELD]
        train, validation, test = map(self._split, parts)
        return Dataset(train, validation, test)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Choose images to look at a network with: n of all, each as likely, so that one may come twice."""
        return self._split(generator.integers(0, IMAGES, (n,)))

    def _split(self, places: Int64) -> Split:
        """Return the images with these numbers."""
        images, digits = _images()
        if self.order == "permuted":
            images = images[:, KeyedGenerator(0, "digits").permutation(PIXELS)]
        return Split(
            images[places].reshape(-1, PIXELS // self.pixels, self.pixels), digits[places, None].astype(np.int32)
        )


@cache
def _images() -> tuple[Float32, Int64]:
    """Return the images, (N, 64) from 0 to 1, and their digits, (N,), after they were compared with ``CONTENT``."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            'The images of the task "digits" come with scikit-learn, which is not installed here. Install it: '
            'pip install "unroll-lab[digits]"'
        ) from None
    found = load_digits()
    pixels, digits = found.data.astype(np.uint8), found.target.astype(np.uint8)
    if hashlib.sha256(pixels.tobytes() + digits.tobytes()).hexdigest() != CONTENT:
        raise DataError(
            'This version of scikit-learn brings other images than those of the task "digits". Install another: '
            'pip install "unroll-lab[digits]"'
        )
    return (pixels / np.float32(LARGEST)).astype(np.float32), digits.astype(np.int64)
