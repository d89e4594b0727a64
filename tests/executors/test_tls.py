"""TLS by files, with a real scheduler and a real worker of this machine: the right ones open it, and no others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executors.dask_cluster import Cluster, Forge, wait_for
from unroll.errors import ExecutorError
from unroll.executors import Channel
from unroll.testing.executors import PATIENCE, double, ignore

dask = pytest.importorskip("dask")
pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')
pytest.importorskip("cryptography", reason="certificates are made with cryptography")

from unroll.executors.dask import Dask


def certify(folder: Path) -> dict[str, Path]:
    """Write an authority's certificate, one that it signed, and the key of that; return the options that name them."""
    from distributed import Security

    held = Security.temporary().get_tls_config_for_role("client")
    folder.mkdir()
    files = {"tls_ca": "ca_file", "tls_cert": "cert", "tls_key": "key"}
    for option, name in files.items():
        (folder / f"{option}.pem").write_text(held[name])
    return {option: folder / f"{option}.pem" for option in files}


@pytest.fixture(scope="module")
def secured(forge: Forge, tmp_path_factory: pytest.TempPathFactory):
    """A cluster that speaks TLS alone, and the files that open it."""
    folder = tmp_path_factory.mktemp("tls")
    files = certify(folder / "certificates")
    cluster = Cluster(forge, folder, 1, tls=files)
    yield cluster, files
    cluster.close()


def test_a_cluster_with_tls_is_used_with_its_certificates(secured):
    cluster, files = secured
    assert cluster.address.startswith("tls://127.0.0.1:")
    with Dask(scheduler=cluster.address, **files) as executor:
        wait_for(lambda: executor.slots == 1)
        assert executor.notice == ""
        assert executor.submit(double, 4, Channel(ignore)).result(PATIENCE) == 8
        assert {address[:6] for address in executor._workers} == {"tls://"}


def test_without_the_right_certificates_nobody_is_spoken_to(secured, tmp_path):
    cluster, files = secured
    address, strange = cluster.address, certify(tmp_path / "strange")
    plain = address.replace("tls://", "tcp://")
    with dask.config.set({"distributed.comm.timeouts.connect": "0.5 s"}):
        for options in ({"scheduler": address, **strange}, {"scheduler": plain}):
            with pytest.raises(ExecutorError, match="No Dask scheduler answers at"):
                Dask(**options)
    with Dask(scheduler=address, **files) as executor:
        wait_for(lambda: executor.slots == 1)
        assert executor.submit(double, 5, Channel(ignore)).result(PATIENCE) == 10


def test_a_file_that_is_not_there_or_none_is_said(secured, tmp_path):
    cluster, files = secured
    with pytest.raises(ExecutorError, match=r"There is no file .*nowhere\.pem with what TLS needs"):
        Dask(scheduler=cluster.address, **{**files, "tls_key": tmp_path / "nowhere.pem"})
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(ExecutorError, match=r"empty\.pem and .*tls_key\.pem cannot be used for TLS: "):
        Dask(scheduler=cluster.address, **{**files, "tls_cert": empty})


def test_a_tls_address_without_certificates_is_said(secured):
    cluster, _ = secured
    with pytest.raises(ExecutorError, match=r"a scheduler at tls:// needs tls-ca, tls-cert and tls-key"):
        Dask(scheduler=cluster.address)
