"""What a terminal's disk holds that its club does not: read from a copy, the disk itself is not changed and not mounted.

Copied is what is in use. The copy's ext4 journal is replayed first: after pulled power the newest sales are only there. The
database is read by vafa-export with its write-ahead log beside it, for the same reason."""
import contextlib
import datetime
import errno
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace

import blocks
import gpt
from common import ROOT, Refused
from plain import plain

BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release"))
OURS = ("scr", "boot_a", "root_a", "ident", "data")
# Every image's file system for data has this name (tools/image/build.py), and begins at a multiple of STEP before SEARCHED.
DATA_UUID = uuid.UUID("b7e4c668-e719-54ca-baee-e4b789947f5e")
STEP, SEARCHED = 16 << 10, 512 << 20
LUKS_LABEL = b"vafa-data"   # boards/common/device/vault_open.c
# What stands at the beginning of `ident` while the disk is written: what it held was looked after before. The second line
# when that is gone from the disk, too.
BEGUN, GONE = b"vafa: this disk is half written\n", b"vafa: what it held is gone\n"
PATIENCE_S = 900      # for a program that reads a disk
MORE = 32 << 20       # bytes of room, beside what is in use
HEAD = 32 << 20       # where an enciphered disk's keys lie: without these bytes the rest says nothing


class Unreadable(Exception):
    """Why the disk does not tell what is on it."""


def call(*args, **kw):
    try:
        return subprocess.run([str(a) for a in args], capture_output=True, text=True, errors="replace", check=False, timeout=PATIENCE_S,
                              **kw)
    except subprocess.TimeoutExpired:
        raise Unreadable(f"{args[0]} did not come to an end on it.") from None


def export_program():
    program = BUILD / "vafa-export"
    if not program.exists():
        raise Refused(f"{program} is missing, which reads terminals' disks: make programs.")
    return program


class Held:
    """One terminal's disk. `trouble`: why it is not known what is unsent; None: `unsent` says it. `used`: the bytes of the disk
    that its data take, as [(first, behind the last)]; None: that is not known."""
    def __init__(self, folder):
        self.folder, self.used, self.trouble, self.terminal, self.unsent = Path(folder), None, None, 0, 0
        self.look = {}

    def take_look(self):
        done = self.ask("look")
        if done.returncode != 0:
            raise Unreadable(done.stderr.strip().removeprefix("vafa-export: "))
        self.look = json.loads(done.stdout)
        self.terminal, self.unsent = self.look["terminal"], self.look["unsent"]

    def ask(self, command, *more):
        """vafa-export, which makes a copy of its own."""
        return call(export_program(), command, "--db", self.folder / "terminal.db", *more, env={**os.environ, "TMPDIR": str(self.folder)})

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
        done = self.ask("write", "--identity", self.folder, "--to", path)
        if done.returncode != 0:
            raise Refused(f"The unsent entries could not be exported, nothing was written: "
                          f"{done.stderr.strip().removeprefix('vafa-export: ')}")
        return done.stdout.strip()


def stat(image, name):
    """What debugfs says of a name in the copy; None: there is none."""
    told = call("debugfs", "-R", f"stat {name}", image)
    if "File not found" in told.stderr:
        return None
    if "Type: " not in told.stdout:
        raise Unreadable(f"{name} is no file: {plain((told.stderr.splitlines() or ['?'])[-1])}")
    return told.stdout


def dump(image, name, target, bytes_max):
    """One file out of the copy. False: there is none."""
    told = stat(image, name)
    if told is None:
        return False
    size = re.search(r"\bSize: (\d+)", told)
    if "Type: regular" not in told or not size:
        raise Unreadable(f"{name} is no file.")
    if int(size[1]) > bytes_max:
        raise Unreadable(f"{name} says that it is larger than all that the disk holds.")
    call("debugfs", "-R", f'dump {name} "{target}"', image)
    if not Path(target).exists():
        raise Unreadable(f"{name} cannot be read.")
    return True


def in_use(disk, place):
    """As of blocks.in_use(); all of it when that is not known."""
    return blocks.in_use(call, disk.path, *place) or [(0, place[1])]


def copy_whole(disk, place, used, image, bar):
    """What is in use when the journal has been replayed, which the bitmaps on the disk need not know yet: that is added to `used`."""
    blocks.copy(disk.path, *place, used, image, bar)
    if "needs_recovery" not in call("dumpe2fs", "-h", image).stdout:
        return
    call("e2fsck", "-y", "-E", "journal_only", image)
    more = blocks.union(used, in_use(SimpleNamespace(path=image), (0, place[1])))
    if more != used:
        used[:] = more
        blocks.copy(disk.path, *place, used, image, bar)


def kind_of(disk, place):
    return call("blkid", "-p", "-O", place[0], "-o", "value", "-s", "TYPE", disk.path).stdout.strip()


def extract(disk, folder, used=None, bar=lambda part: None):
    """The database and the key. False: the disk is empty, or has no database yet; a device's first start makes an empty file of that
    name. `used`: what in_use() says of the data, and then also what its journal adds."""
    image = f"{folder}/data.ext4"
    offset, size = place = data_of(disk)
    if blocks.is_empty(disk.path, offset, size):
        return False
    kind = kind_of(disk, place)
    if kind == "crypto_LUKS":
        raise Unreadable("its data are enciphered, and its board alone has the key.")
    if kind == "ext4":
        copy_whole(disk, place, used or in_use(disk, place), image, bar)
    # Replays the journal and mends what is safe to mend; what is not may be what hides the sales.
    if kind != "ext4" or call("e2fsck", "-fp", image).returncode > 1:
        raise Unreadable("its data are damaged, or no file system any more.")
    most = os.stat(image).st_blocks * 512
    has_database = dump(image, "/terminal/terminal.db", f"{folder}/terminal.db", most) and os.path.getsize(f"{folder}/terminal.db") > 0
    has_log = dump(image, "/terminal/terminal.db-wal", f"{folder}/terminal.db-wal", most)
    dump(image, "/identity/key.pem", f"{folder}/key.pem", most)
    # A file, or a link to key.pem once the certificate was renewed (docs/decisions/0020-renewal.md).
    is_enrolled = stat(image, "/identity/terminal.pem") is not None
    os.unlink(image)
    if (has_log or is_enrolled) and not has_database:
        raise Unreadable("it is one of a club's terminals, and its database is gone.")
    return has_database


def is_marked(disk, mark, ident=None):
    """Writing it was cut: BEGUN; behind the clearing: BEGUN + GONE. `ident`: where the mark is when the table was cut, too."""
    if is_ours(disk):
        ident = gpt.place(disk.path, "ident")
    if ident is None:
        return False
    with open(disk.path, "rb") as file:
        file.seek(ident[0])
        return file.read(len(mark)) == mark


def is_ours(disk):
    try:
        return all(gpt.place(disk.path, name) for name in OURS)
    except Refused:
        return False


def search(disk):
    """(offset, size) of a terminal's data by themselves: a damaged partition table is a reason to flash a disk anew."""
    with open(disk.path, "rb", buffering=0) as file:
        for at in range(0, min(disk.size, SEARCHED), STEP):
            file.seek(at)
            head = file.read(2048)
            if head.startswith(b"LUKS\xba\xbe\0\2") and head[24:72].rstrip(b"\0") == LUKS_LABEL:
                return at, disk.size - at
            block = head[1024:]
            if block[0x38:0x3a] == b"\x53\xef" and block[0x68:0x78] == DATA_UUID.bytes:
                count, = struct.unpack_from("<I", block, 4)
                unit, = struct.unpack_from("<I", block, 24)
                return at, min(count << 10 + min(unit, 6) or disk.size, disk.size - at)
    return None


def data_of(disk):
    """(offset, size). None: it is no terminal's disk."""
    return gpt.place(disk.path, "data") if is_ours(disk) else search(disk)


def room_for(used):
    """A folder with room for the copy and what is taken out of it: in memory if that can be, for the key is in it."""
    need = 2 * used + MORE
    for folder in ("/dev/shm", tempfile.gettempdir()):
        if os.path.isdir(folder) and shutil.disk_usage(folder).free > need:
            return folder
    raise Refused(f"There is no room for a copy of what its terminal holds: {need >> 20:,} MiB, neither in memory nor in {folder}. "
                  "Make some, or name a folder that has it: TMPDIR=FOLDER before the command.")


def measure(disk, place):
    """What of its place the data take, None where that is not known, and a folder with room for a copy. That a damaged one finds no
    room for all of its disk keeps nobody from giving it up; one that can be read is read first."""
    kind = kind_of(disk, place)
    if kind != "ext4":
        return [(0, min(HEAD, place[1]))] if kind == "crypto_LUKS" else None, room_for(0)
    used = blocks.in_use(call, disk.path, *place)
    if used is not None:
        return used, room_for(blocks.length(used))
    try:
        return None, room_for(place[1])
    except Refused as why:
        raise Unreadable(f"its file system is damaged. {why}") from None


@contextlib.contextmanager
def read(disk, bar=lambda part: None, ident=None):
    """Held, or None when it is no terminal's disk. The copy goes at the end. `ident`: as of is_marked(). What was lost in writing that
    was cut was looked after before; what can still be read may be newer than that, of a terminal that was started once more."""
    place = data_of(disk)
    if place is None:
        yield None
        return
    is_cut = is_marked(disk, BEGUN, ident)
    with read_place(disk, place, bar) as found:
        yield None if is_cut and found.trouble else found


@contextlib.contextmanager
def read_place(disk, place, bar):
    try:
        used, room = measure(disk, place)
    except Unreadable as why:
        found = Held(tempfile.gettempdir())
        found.trouble = str(why)
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="vafa-held.", dir=room) as folder:
        found = Held(folder)
        try:
            if extract(disk, folder, used, bar):
                found.take_look()
        except Unreadable as why:
            found.trouble = str(why)
        except OSError as why:
            if why.errno != errno.EIO:
                raise
            found.trouble = "its data cannot be read any more."
        found.used = used and [(place[0] + first, place[0] + end) for first, end in used]
        yield found
