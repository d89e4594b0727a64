"""A trial's named random streams. Nothing here, or anywhere, reads, seeds or moves a global generator."""

from unroll.streams.base import Generator, Streams
from unroll.streams.keyed import KeyedStreams

__all__ = ["Generator", "KeyedStreams", "Streams"]
