from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from unroll.store.filesystem import is_network, mount_of

Partition = namedtuple("Partition", "mountpoint fstype")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/results.db", "nfs4"),
        ("/homes/results.db", "ext4"),
        ("/home/scratch/x/results.db", "tmpfs"),
        ("/data/results.db", "lustre"),
    ],
)
def test_the_longest_and_latest_mount_holds_the_path(path: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [
        Partition("/", "ext4"),
        Partition("/home", "NFS4"),
        Partition("/home/scratch", "tmpfs"),
        Partition("/data", "ext4"),
        Partition("/data", "lustre"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)  # noqa: A006
    assert mount_of(Path(path))[0] == kind


def test_a_system_that_does_not_say_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError("no /proc")

    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert mount_of(Path("/x")) == ("", "/")
    assert not is_network("")


def test_network_file_systems() -> None:
    assert all(map(is_network, ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "gpfs", "afs", "9p")))
    assert not any(map(is_network, ("ext4", "xfs", "btrfs", "apfs", "overlay", "tmpfs", "zfs")))
