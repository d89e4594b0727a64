"""What a job under Slurm runs: a Dask worker of one thread, which leaves when Slurm says that its time ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from distributed import Security, Worker

from unroll.executors import dask_worker

CERTIFICATE, KEY = "certificate.pem", "key.pem"
"""Files of the folder that a run shares with its jobs."""
WARNINGS: Final = (signal.SIGUSR1, signal.SIGTERM)
"""What Slurm sends before a job's time is over, and before it is cancelled or put into the queue again."""
LOOK_SECONDS = 0.05
FLUSH_SECONDS = 0.5
CLOSING_SECONDS = 5.0


async def serve(scheduler: str, folder: Path, silence: float, interface: str | None = None) -> None:
    """Be a worker of a scheduler until that is gone or this job has to end, then end this process."""
    loop, to_go = asyncio.get_running_loop(), asyncio.Event()
    for number in WARNINGS:
        loop.add_signal_handler(number, to_go.set)
    certificate, key = str(folder / CERTIFICATE), str(folder / KEY)
    worker = Worker(
        scheduler,
        name=f"{_job()}-{os.environ.get('SLURM_RESTART_COUNT', '0')}",
        nthreads=1,
        memory_limit=0,
        interface=interface,
        protocol="tls",
        security=Security(
            tls_ca_file=certificate, tls_worker_cert=certificate, tls_worker_key=key, require_encryption=True
        ),
        death_timeout=silence,
        dashboard_address="127.0.0.1:0",
    )
    await worker
    running = worker.status
    while worker.status == running:
        if to_go.is_set():
            await _leave()
            break
        await asyncio.sleep(LOOK_SECONDS)
    dask_worker.lose()
    with suppress(Exception):
        await asyncio.wait_for(worker.close(), CLOSING_SECONDS)
    os._exit(0)  # whatever still computes is nobody's


async def _leave() -> None:
    """Wait until what runs here has handed in what it has; Slurm says when that takes too long."""
    dask_worker.leave()
    while dask_worker.busy():
        await asyncio.sleep(LOOK_SECONDS)
    await asyncio.sleep(FLUSH_SECONDS)  # so that the last frames leave


def _job() -> str:
    return os.environ.get("SLURM_JOB_ID", str(os.getpid()))


if __name__ == "__main__":
    address, folder, seconds, *interface = sys.argv[1:]
    asyncio.run(serve(address, Path(folder), float(seconds), *interface))
