"""Images: of which board and version they are, whether they are whole, and how they come onto a disk.

An image's block map (bmap) lies beside it: which of its blocks hold something, and their SHA-256. bmaptool writes by it;
here it is also what image and disk are compared with."""
import contextlib
import hashlib
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from collections import namedtuple
from pathlib import Path

import held
import provision
from common import ROOT, Refused, run

Written = namedtuple("Written", "written cleared write_s verify_s")
PIECE = 1 << 20
# What an older terminal left there would be believed: the slots' state; or would stay to be read: its data and identity.
CLEARED = ("env1", "env2", "data")


def boards():
    return sorted(path.parent.name for path in ROOT.glob("boards/*/board.conf"))


def of(board):
    """The board's images, the newest first."""
    return sorted(ROOT.glob(f"build/{board}-image/*.img"), key=lambda path: -path.stat().st_mtime)


class Bmap:
    """The block map of an image."""
    def __init__(self, path):
        try:
            root = xml.parse(path).getroot()
            self.size = int(root.find("ImageSize").text)
            self.block = int(root.find("BlockSize").text)
            if root.find("ChecksumType").text.strip() != "sha256":
                raise ValueError("other sums than SHA-256")
            self.ranges = [(*map(int, (node.text.strip().split("-") * 2)[:2]), node.get("chksum")) for node in root.iter("Range")]
        except FileNotFoundError:
            raise Refused(f"{path} is missing: it comes with the image; make image writes both.") from None
        except (AttributeError, ValueError, xml.ParseError) as why:
            raise Refused(f"{path} is no block map ({why}): copy image and map again.") from None

    def bytes(self):
        return sum(last - first + 1 for first, last, _ in self.ranges) * self.block

    def differs(self, path, progress=lambda part: None):
        """The first byte of the first range that is not as the map says; None: all are."""
        done, whole = 0, self.bytes()
        with open(path, "rb") as file:
            for first, last, want in self.ranges:
                file.seek(first * self.block)
                left = min((last + 1) * self.block, self.size) - first * self.block
                digest = hashlib.sha256()
                while left > 0 and (data := file.read(min(left, PIECE))):
                    digest.update(data)
                    left -= len(data)
                    done += len(data)
                    progress(min(done / whole, 0.99))
                if left > 0 or digest.hexdigest() != want:
                    return first * self.block
        progress(1)
        return None


class Image:
    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_file():
            raise Refused(f"{path} is no file: make image BOARD=... writes images into build/.")
        self.size = self.path.stat().st_size
        self.bmap = Bmap(f"{self.path}.bmap")

    def inside(self, name):
        """A file of slot A's root file system."""
        offset, _ = provision.partition(self.path, "root_a")
        done = subprocess.run(["unsquashfs", "-o", str(offset), "-cat", self.path, name], capture_output=True, check=False)
        if done.returncode != 0:
            raise Refused(f"{self.path} is damaged, or not one of our images: {name} cannot be read in it.")
        return done.stdout.decode(errors="replace")

    def check(self, board):
        if board not in boards():
            raise Refused(f"There is no board {board}: choose one of {' '.join(boards())}.")
        at = self.bmap.differs(self.path) if self.bmap.size == self.size else min(self.size, self.bmap.size)
        if at is not None:
            raise Refused(f"{self.path} is damaged, from byte {at:,} on: it is not what its block map says. Copy both again, or make "
                          "image.")
        found = re.search(r"^compatible=vafa-(\S+)$", self.inside("etc/vafa/rauc.conf"), re.M)
        if not found or found[1] != board:
            raise Refused(f"{self.path} is for {found[1] if found else 'no board of ours'}, and the terminal is {board}: choose the "
                          "other image, or the other board.")
        self.version = self.inside("etc/vafa/version").strip()

    def places(self, disk, names):
        """Where they are, and where they were: an older layout may have had them elsewhere."""
        found = {provision.partition(self.path, name) for name in names}
        with contextlib.suppress(Refused):
            found |= {provision.partition(disk.path, name) for name in names}
        return [(offset, min(size, disk.size - offset)) for offset, size in found if offset < disk.size]

    def clear(self, disk):
        """Zeros where an older terminal's words would stay between the image's blocks; first of all in `ident`, with a mark
        that goes when all is written, so that a disk whose writing was cut is known."""
        cleared = 0
        for names, mark in ((("ident",), held.BEGUN), (CLEARED, b"")):
            for offset, size in self.places(disk, names):
                run("blkdiscard", "--force", "--zeroout", "--offset", offset, "--length", size, disk.path)
                cleared += size
                with open(disk.path, "r+b") as file:
                    file.seek(offset)
                    file.write(mark)
                    file.flush()
                    os.fsync(file.fileno())
        return cleared

    def write(self, disk, bar):
        begun = time.monotonic()
        cleared = self.clear(disk)
        shown = None if sys.stdout.isatty() else subprocess.PIPE   # its own progress
        done = subprocess.run(["bmaptool", "copy", "--bmap", f"{self.path}.bmap", self.path, disk.path], stderr=shown, text=True,
                              stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Refused(f"{disk.path} could not be written: take another disk. {(done.stderr or '')[-300:]}")
        written_at = time.monotonic()
        run("blockdev", "--flushbufs", disk.path)   # so that the disk itself is read
        at = self.bmap.differs(disk.path, bar("read back"))
        if at is not None:
            raise Refused(f"{disk.path} does not hold what was written, from byte {at:,} on: it is broken; take another disk.")
        return Written(self.bmap.bytes(), cleared, written_at - begun, time.monotonic() - written_at)
