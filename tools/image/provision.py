"""Writes what makes an image one terminal's: the folder that a technician prepared, into the partition `ident`.

The folder holds terminal.conf (club=HOST:PORT, club_name=NAME in its certificate, code=one-time code, and if wanted
interval=SECONDS between two contacts) and ca.pem, the club's CA. The device mounts it read-only; its own TLS key is made on the device and never leaves it."""
import os
import struct
import tempfile
from pathlib import Path

from common import Refused, run

SECTOR = 512
NEEDED = {"terminal.conf": 0o600, "ca.pem": 0o644}   # the code is for root alone


def partition(image, name):
    """(offset, size) in bytes of the GPT partition of that name."""
    with open(image, "rb") as file:
        file.seek(SECTOR)
        header = file.read(92)
        if header[:8] != b"EFI PART":
            raise Refused(f"{image} is not one of our images: it has no partition table.")
        at, = struct.unpack_from("<Q", header, 72)
        count, size = struct.unpack_from("<II", header, 80)
        file.seek(at * SECTOR)
        for _ in range(count):
            entry = file.read(size)
            first, last = struct.unpack_from("<QQ", entry, 32)
            if entry[56:128].decode("utf-16-le").rstrip("\0") == name:
                return first * SECTOR, (last - first + 1) * SECTOR
    raise Refused(f"{image} has no partition {name}: it is not one of our images.")


def write_partition(image, name, content):
    """The bytes of the file `content` at the partition's start; what was behind them stays."""
    offset, size = partition(image, name)
    with open(content, "rb") as source, open(image, "r+b") as target:
        data = source.read()
        if len(data) > size:
            raise Refused(f"{content} is {len(data):,} bytes; the partition {name} holds {size:,}.")
        target.seek(offset)
        target.write(data)
        target.flush()
        os.fsync(target.fileno())


def provision(image, folder):
    missing = [name for name in NEEDED if not (Path(folder) / name).exists()]
    if missing:
        raise Refused(f"{folder} has no {' and no '.join(missing)}: tools/image/provision.py says what they are.")
    with tempfile.TemporaryDirectory() as work:
        content, files = Path(work) / "ident.squashfs", Path(work) / "ident"
        files.mkdir(mode=0o755)
        for name, mode in NEEDED.items():
            (files / name).write_bytes((Path(folder) / name).read_bytes())
            (files / name).chmod(mode)
        run("mksquashfs", files, content, "-all-root", "-noappend", "-quiet", "-no-progress")
        write_partition(image, "ident", content)
