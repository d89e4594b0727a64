"""The coordinator's end of a line to one start of a submission in a Dask worker; ``dask_worker.Line`` is the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from unroll.executors import dask_worker


class Line:
    """Frames to and from a worker at ``address``, each way in the order in which they were sent.

    ``begin`` makes a task of a coroutine. Everything is called in the thread of the client's loop.
    """

    def __init__(
        self, client: Any, begin: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]], name: str, address: str
    ):
        self.id, self.address = name, address
        self._client, self._begin = client, begin
        self._next = 0
        self._come: dict[int, bytes] = {}  # frames that came before earlier ones
        self._going = deque[bytes]()

    def take(self, number: int, frame: bytes) -> list[tuple[bytes, memoryview]]:
        """Take a frame; return kind and content of those whose turn has come."""
        self._come[number] = frame
        due = []
        while self._next in self._come:
            frame = self._come.pop(self._next)
            self._next += 1
            due.append((frame[:1], memoryview(frame)[1:]))
        return due

    async def fetch(self, number: int) -> bytes | None:
        """Return a large frame, which waits in the worker; None where that is gone, and with it the line."""
        with suppress(Exception):
            found = await self._client.run(dask_worker.fetch, self.id, number, workers=[self.address])
            return bytes(found[self.address])
        return None

    def post(self, frame: bytes) -> None:
        """Let a frame go to the worker, after those before it."""
        self._going.append(frame)
        if len(self._going) == 1:
            self._begin(self._send())

    async def _send(self) -> None:
        while self._going:
            with suppress(Exception):  # a worker that is gone is noticed elsewhere
                await self._client.run(dask_worker.deliver, self.id, self._going[0], workers=[self.address])
            self._going.popleft()
