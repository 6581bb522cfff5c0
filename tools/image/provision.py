"""Writes what makes an image one terminal's: the folder that a technician prepared, into the partition `ident`.

The folder holds terminal.conf (club=HOST:PORT, club_name=NAME in its certificate, code=one-time code, and if wanted
interval=SECONDS between two contacts) and ca.pem, the club's CA. The device mounts it read-only; its own TLS key is made on the device and never leaves it."""
import os
import tempfile
from pathlib import Path

import gpt
from common import Refused, run

NEEDED = {"terminal.conf": 0o600, "ca.pem": 0o644}   # the code is for root alone
partition = gpt.place


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


def pack(folder, content):
    """The file system for `ident`, as the file `content`."""
    missing = [name for name in NEEDED if not (Path(folder) / name).exists()]
    if missing:
        raise Refused(f"{folder} has no {' and no '.join(missing)}: tools/image/provision.py says what they are.")
    with tempfile.TemporaryDirectory() as work:
        files = Path(work) / "ident"
        files.mkdir(mode=0o755)
        for name, mode in NEEDED.items():
            (files / name).write_bytes((Path(folder) / name).read_bytes())
            (files / name).chmod(mode)
        run("mksquashfs", files, content, "-all-root", "-noappend", "-quiet", "-no-progress")


def provision(image, folder):
    with tempfile.TemporaryDirectory() as work:
        content = Path(work) / "ident.squashfs"
        pack(folder, content)
        write_partition(image, "ident", content)
