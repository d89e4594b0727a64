"""Which file system a path lies on, and whether it is shared over a network."""

from __future__ import annotations

from pathlib import Path

# The write-ahead log needs memory shared between processes, which no network file system gives across hosts.
NETWORK = {
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone",
    "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs",
    "panfs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "webdav",
}  # fmt: skip


def mount_of(path: Path) -> tuple[str, str]:
    """Return (type, mount point) of the file system under ``path``; ("", "/") where nobody says."""
    import psutil

    where = path.resolve()
    try:
        partitions = psutil.disk_partitions(all=True)
    except OSError:
        return "", "/"
    holding = [p for p in partitions if where.is_relative_to(p.mountpoint)]
    # The last mount on a point hides the ones before it, and max() keeps the first: hence the reversal.
    nearest = max(reversed(holding), key=lambda p: len(p.mountpoint), default=None)
    return (nearest.fstype.lower(), nearest.mountpoint) if nearest else ("", "/")


def is_network(kind: str) -> bool:
    """Say whether a file system of this type is shared over a network."""
    return kind in NETWORK
