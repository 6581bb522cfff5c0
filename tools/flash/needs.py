"""What flash cannot do without, looked at before anything is written: programs, and folders that take its files."""
import os
import shutil
import tempfile

from common import Refused

LOOK = {"lsblk": "util-linux", "blkid": "util-linux", "dumpe2fs": "e2fsprogs", "e2fsck": "e2fsprogs", "debugfs": "e2fsprogs"}
CODE = {"lsblk": "util-linux", "blockdev": "util-linux", "mksquashfs": "squashfs-tools", "unsquashfs": "squashfs-tools", "openssl": "openssl"}
WRITE = {**LOOK, **CODE, "bmaptool": "bmap-tools", "qrencode": "qrencode"}


def programs(packages):
    """{program: package}"""
    os.environ["PATH"] += ":/usr/sbin:/sbin"   # which people's own path lacks
    missing = sorted(name for name in packages if not shutil.which(name))
    if missing:
        raise Refused(f"{', '.join(missing)} cannot be found, nothing was written. Once: tools/setup image, or apt install "
                      f"{' '.join(sorted({packages[name] for name in missing}))}.")


def folder_for(path, option):
    """A file can be made in it."""
    try:
        os.makedirs(path, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as why:
        raise Refused(f"Nothing can be put into {path} ({why.strerror}): name another folder, {option}.") from None
