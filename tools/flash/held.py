"""What a terminal's disk holds that its club does not: read from a copy, the disk itself is not changed and not mounted.

The copy's ext4 journal is replayed first: after pulled power the newest sales are only there. The database is read by
vafa-export with its write-ahead log beside it, for the same reason."""
import contextlib
import datetime
import json
import os
import shutil
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path

import provision
from common import ROOT, Refused

BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release"))
OURS = ("scr", "boot_a", "root_a", "ident", "data")
PIECE = 1 << 20
# Every image's file system for data has this name (tools/image/build.py), and begins at a multiple of STEP before SEARCHED.
DATA_UUID = uuid.UUID("b7e4c668-e719-54ca-baee-e4b789947f5e")
STEP, SEARCHED = 16 << 10, 512 << 20
# What stands at the beginning of `ident` while the disk is written: what it held was looked after before.
BEGUN = b"vafa: this disk is half written\n"


class Unreadable(Exception):
    """Why the disk does not tell what is on it."""


def call(*args):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False)


def export_program():
    program = BUILD / "vafa-export"
    if not program.exists():
        raise Refused(f"{program} is missing, which reads terminals' disks: make programs.")
    return program


class Held:
    """One terminal's disk. `trouble`: why it is not known what is unsent; None: `unsent` says it."""
    def __init__(self, folder):
        self.folder, self.trouble, self.terminal, self.unsent = Path(folder), None, 0, 0
        self.look = {}

    def take_look(self):
        done = call(export_program(), "look", "--db", self.folder / "terminal.db")
        if done.returncode != 0:
            raise Unreadable(done.stderr.strip().removeprefix("vafa-export: "))
        self.look = json.loads(done.stdout)
        self.terminal, self.unsent = self.look["terminal"], self.look["unsent"]

    def say(self):
        if self.trouble:
            return f"A terminal's disk that cannot be read: {self.trouble}"
        if not self.look:
            return "A terminal's disk that has not sold anything yet."
        who = f"Terminal {self.terminal}"
        if self.unsent == 0:
            return f"{who}'s disk: the club has all of its {self.look['entries']} entries."
        oldest = datetime.datetime.fromtimestamp(self.look["oldest"], datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
        least = "at least " if self.look["at_least"] else ""
        return (f"{who}'s disk: the club lacks {self.unsent} entries, {least}{self.look['transactions']} transactions of "
                f"{self.look['amount']:,} rials, the oldest of {oldest} UTC.")

    def export(self, path):
        done = call(export_program(), "write", "--db", self.folder / "terminal.db", "--identity", self.folder, "--to", path)
        if done.returncode != 0:
            raise Refused(f"The unsent entries could not be exported, nothing was written: "
                          f"{done.stderr.strip().removeprefix('vafa-export: ')}")
        return done.stdout.strip()


def copy_partition(path, offset, size, target):
    """Without the zeros."""
    zeros = bytes(PIECE)
    with open(path, "rb") as source, open(target, "wb") as copy:
        source.seek(offset)
        for at in range(0, size, PIECE):
            piece = source.read(min(PIECE, size - at))
            if piece != zeros[:len(piece)]:
                copy.seek(at)
                copy.write(piece)
        copy.truncate(size)


def stat(image, name):
    """What debugfs says of a name in the copy; None: there is none."""
    told = call("debugfs", "-R", f"stat {name}", image)
    if "File not found" in told.stderr:
        return None
    if "Type: " not in told.stdout:
        raise Unreadable(f"{name} is no file: {(told.stderr.splitlines() or ['?'])[-1]}")
    return told.stdout


def dump(image, name, target):
    """One file out of the copy. False: there is none."""
    told = stat(image, name)
    if told is None:
        return False
    if "Type: regular" not in told:
        raise Unreadable(f"{name} is no file.")
    call("debugfs", "-R", f"dump {name} {target}", image)
    if not Path(target).exists():
        raise Unreadable(f"{name} cannot be read.")
    return True


def extract(disk, folder):
    """The database and the key. False: the disk is empty, or has no database yet."""
    image = f"{folder}/data.ext4"
    offset, size = data_of(disk)
    copy_partition(disk.path, offset, size, image)
    if os.stat(image).st_blocks == 0:
        return False
    kind = call("blkid", "-p", "-o", "value", "-s", "TYPE", image).stdout.strip()
    if kind == "crypto_LUKS":
        raise Unreadable("its data are enciphered, and the key is in the board.")
    # Replays the journal and mends what is safe to mend; what is not may be what hides the sales.
    if kind != "ext4" or call("e2fsck", "-fp", image).returncode > 1:
        raise Unreadable("its data are damaged, or no file system any more.")
    has_database = dump(image, "/terminal/terminal.db", f"{folder}/terminal.db")
    has_log = dump(image, "/terminal/terminal.db-wal", f"{folder}/terminal.db-wal")
    dump(image, "/identity/key.pem", f"{folder}/key.pem")
    # A file, or a link to key.pem once the certificate was renewed (docs/decisions/0020-renewal.md).
    is_enrolled = stat(image, "/identity/terminal.pem") is not None
    if (has_log or is_enrolled) and not has_database:
        raise Unreadable("it is one of a club's terminals, and its database is gone.")
    return has_database


def is_half_written(disk):
    if not is_ours(disk):
        return False
    offset, _ = provision.partition(disk.path, "ident")
    with open(disk.path, "rb") as file:
        file.seek(offset)
        return file.read(len(BEGUN)) == BEGUN


def is_ours(disk):
    try:
        return all(provision.partition(disk.path, name) for name in OURS)
    except Refused:
        return False


def search(disk):
    """(offset, size) of a terminal's data by themselves: a damaged partition table is a reason to flash a disk anew."""
    with open(disk.path, "rb", buffering=0) as file:
        for at in range(0, min(disk.size, SEARCHED), STEP):
            file.seek(at + 1024)
            block = file.read(1024)
            if block[0x38:0x3a] == b"\x53\xef" and block[0x68:0x78] == DATA_UUID.bytes:
                count, = struct.unpack_from("<I", block, 4)
                unit, = struct.unpack_from("<I", block, 24)
                return at, min(count << 10 + min(unit, 6), disk.size - at)
    return None


def data_of(disk):
    """(offset, size). None: it is no terminal's disk."""
    return provision.partition(disk.path, "data") if is_ours(disk) else search(disk)


@contextlib.contextmanager
def read(disk):
    """Held, or None when it is no terminal's disk. The copy is in memory where that is possible, for the key is in it,
    and goes at the end."""
    place = data_of(disk)
    if place is None or is_half_written(disk):
        yield None
        return
    _, size = place
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 2 * size
    with tempfile.TemporaryDirectory(prefix="vafa-held.", dir=memory if has_room else None) as folder:
        found = Held(folder)
        try:
            if extract(disk, folder):
                found.take_look()
        except Unreadable as why:
            found.trouble = str(why)
        yield found
