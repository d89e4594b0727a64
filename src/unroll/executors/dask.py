"""Dask: a cluster on this machine, for trying, or one that is there."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import signal
import sys
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from unroll.errors import ExecutorError
from unroll.executors.cluster import Cluster, Silence
from unroll.executors.cores import usable_cores
from unroll.wording import listed

QUIET = logging.CRITICAL + 1
"""A level of logging: what happens to workers is told by the run."""
LOG = logging.getLogger("distributed")
FROM_A_TERMINAL = (signal.SIGINT, signal.SIGHUP)
"""What reaches all processes of a terminal at once; workers hear of it from the coordinator."""
TRACKED = "ignore:resource_tracker"
TLS = ("tls_ca", "tls_cert", "tls_key")


class DaskOptions(Silence):
    """Where the cluster is, and how to speak to it."""

    scheduler: str | None = Field(default=None, description="address of a scheduler that is there, tcp:// or tls://")
    tls_ca: Path | None = Field(default=None, description="certificate of the authority that signed the others")
    tls_cert: Path | None = Field(default=None, description="this program's certificate")
    tls_key: Path | None = Field(default=None, description="its key")

    @field_validator("scheduler")
    @classmethod
    def _whole(cls, address: str | None) -> str | None:
        """Return an address with its protocol, which is tcp where none is said."""
        if address is None:
            return None
        whole = address if "://" in address else f"tcp://{address}"
        try:
            parts = urlsplit(whole)
            right = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port and parts.path in ("", "/")
        except ValueError:
            right = False
        if not right:
            raise ValueError(
                f'"{address}" is no address of a scheduler. Write it as tcp://HOST:PORT or tls://HOST:PORT'
            )
        return whole

    @model_validator(mode="after")
    def _all_of_tls(self) -> Self:
        missing = [name.replace("_", "-") for name in TLS if getattr(self, name) is None]
        if len(missing) == len(TLS):
            if (self.scheduler or "").startswith("tls:"):
                raise ValueError(f"a scheduler at tls:// needs {listed(missing)} (--executor-option {missing[0]}=FILE)")
            return self
        if missing:
            raise ValueError(f"TLS needs {listed(missing)} as well (--executor-option {missing[0]}=FILE)")
        if self.scheduler is None:
            raise ValueError("TLS is for a scheduler that is there. Say which (--scheduler tls://HOST:PORT)")
        return self


class Dask(Cluster):
    """Run callables in the workers of a Dask cluster.

    Without ``scheduler`` a cluster of ``workers`` processes is started on this machine, over loopback alone, and ends
    with this executor. With it, those of its workers are used that are there, ``workers`` of them at most.
    """

    options: ClassVar[type[DaskOptions]] = DaskOptions
    settings: DaskOptions
    name: ClassVar[str] = "dask"

    def _is_here(self) -> bool:
        return self.settings.scheduler is None

    def _warning(self) -> str:
        address = self.settings.scheduler
        if address is None or self.settings.tls_ca is not None or _is_loopback(address):
            return ""
        return (
            f"The connection to {address} is neither encrypted nor closed to others: whoever reaches that port can run "
            "code on its workers and here. Use a scheduler with TLS (tls-ca, tls-cert, tls-key), or a closed network."
        )

    async def _cluster(self) -> Any:
        """Return what the client connects to: a cluster that ends with this executor, or an address."""
        if self.settings.scheduler is not None:
            return self.settings.scheduler
        from distributed import LocalCluster

        _start_tracker()
        signal.pthread_sigmask(signal.SIG_BLOCK, FROM_A_TERMINAL)  # for this thread, and so for its processes
        workers = self._most or usable_cores()
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would be a fixed port
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=QUIET,
            scheduler_kwargs={"worker_ttl": f"{self.settings.silence} s"},
            asynchronous=True,
        )
        try:
            return await cluster
        except BaseException:  # of its workers some may be there
            before = LOG.level
            LOG.setLevel(QUIET)  # the cluster itself is loud again when its start has failed
            try:
                await _kill(cluster)
                with suppress(Exception):
                    await cluster.close()
            finally:
                LOG.setLevel(before)
            raise

    async def _kill(self) -> None:
        if self._own is not None:
            await _kill(self._own)

    def _security(self) -> Any:
        if self.settings.tls_ca is None:
            return None
        given = {name: getattr(self.settings, name) for name in TLS}
        for path in given.values():
            if not path.is_file():
                raise ExecutorError(f"There is no file {path} with what TLS needs.")
        from distributed import Security

        security = Security(
            tls_ca_file=str(given["tls_ca"]),
            tls_client_cert=str(given["tls_cert"]),
            tls_client_key=str(given["tls_key"]),
            require_encryption=True,
        )
        try:
            security.get_connection_args("client")
        except OSError as error:
            raise ExecutorError(
                f"{listed(list(map(str, given.values())))} cannot be used for TLS: {error}. They are to be "
                "certificates and a key that belong together, as PEM."
            ) from error
        return security

    def _unreachable(self, error: BaseException) -> str:
        if self.settings.scheduler is None:
            return f"No Dask cluster can be started on this machine: {error}. The executor processes needs none."
        return f"No Dask scheduler answers at {self.settings.scheduler}: {error}. See whether it runs, and its address."


async def _kill(cluster: Any) -> None:
    """Kill the workers of a cluster of this machine: asked to leave, those that compute take seconds."""
    nannies = [nanny for nanny in cluster.workers.values() if nanny.pid is not None]
    for nanny in nannies:
        nanny.close_gracefully()  # else it would start another worker
        with suppress(ProcessLookupError):
            os.kill(nanny.pid, signal.SIGKILL)
    if nannies:
        await asyncio.wait([asyncio.ensure_future(nanny.finished()) for nanny in nannies], timeout=1.0)


def _start_tracker() -> None:
    """Start Python's tracker of semaphores so that it collects those of a killed coordinator without a warning."""
    sys.warnoptions.append(TRACKED)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(TRACKED)


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
