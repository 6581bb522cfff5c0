"""Images: of which board and version they are, whether they are whole, and how they come onto a disk.

An image's block map (bmap) lies beside it: which of its blocks hold something, and their SHA-256. bmaptool writes by it;
here it is also what image and disk are compared with."""
import contextlib
import fcntl
import hashlib
import os
import re
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from collections import namedtuple
from pathlib import Path

import bundle
import gpt
import held
from common import ROOT, Refused, run
from plain import plain

Written = namedtuple("Written", "written cleared data write_s verify_s")
PIECE = 1 << 20
# What an older terminal left there would be believed: the slots' state; or would stay to be read: its data and identity.
CLEARED = ("env1", "env2", "data")
BLKZEROOUT, BLKRRPART = 0x127F, 0x125F   # linux/fs.h


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
            if not self.ranges or self.block <= 0:
                raise ValueError("it names no blocks")
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
        offset, _ = gpt.place(self.path, "root_a")
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
            raise Refused(f"{self.path} is for {plain(found[1]) if found else 'no board of ours'}, and the terminal is {board}: choose the "
                          "other image, or the other board.")
        self.ident = gpt.place(self.path, "ident")
        self.version = self.inside("etc/vafa/version").strip()
        if not re.fullmatch("[0-9]{1,9}", self.version):
            raise Refused(f"{self.path} is not one of our images: its version is no number.")
        self.is_trial = bundle.are_trial(self.inside("etc/vafa/update-ca.pem"))

    def places(self, disk, names):
        """Where they are, and where they were: an older layout may have had them elsewhere."""
        found = {gpt.place(self.path, name) for name in names}
        with contextlib.suppress(Refused):
            found |= {gpt.place(disk.path, name) for name in names if name != "data"}
        return [(offset, min(size, disk.size - offset)) for offset, size in found if offset < disk.size]

    def to_clear(self, disk, used):
        """Beside the image's own: what an older terminal's data take, or all of their place where that is not known."""
        place = held.data_of(disk)
        if place is None or held.is_marked(disk, held.BEGUN + held.GONE, self.ident):
            return self.places(disk, CLEARED)
        old = [place] if used is None else [(first, end - first) for first, end in used]
        return self.places(disk, CLEARED) + [(offset, min(size, disk.size - offset)) for offset, size in old if offset < disk.size]

    def mark(self, disk, text):
        """In `ident`, until all is written: so a disk whose writing was cut is known."""
        with open(disk.path, "r+b") as file:
            for offset, _ in self.places(disk, ("ident",)):
                file.seek(offset)
                file.write(text.ljust(gpt.SECTOR, b"\0"))
            file.flush()
            os.fsync(file.fileno())

    def clear(self, disk, used, bar):
        """Zeros where an older terminal's words would stay between the image's blocks. Gives how many bytes."""
        zeros, idents = self.to_clear(disk, used), self.places(disk, ("ident",))
        self.mark(disk, held.BEGUN)
        begin = [(offset + gpt.SECTOR, size - gpt.SECTOR) for offset, size in idents]
        whole = sum(size for _, size in begin + zeros)
        done = 0
        with open(disk.path, "r+b", buffering=0) as file:
            for offset, size in begin + zeros:
                for at in range(offset, offset + size, 16 * PIECE):
                    length = min(16 * PIECE, offset + size - at)
                    fcntl.ioctl(file, BLKZEROOUT, struct.pack("QQ", at, length))
                    done += length
                    bar(min(done / whole, 0.99))
            os.fsync(file.fileno())
        bar(1)
        self.mark(disk, held.BEGUN + held.GONE)
        return done

    def write(self, disk, used, bar):
        """`used`: what an older terminal's data take (held.Held)."""
        begun = time.monotonic()
        cleared = self.clear(disk, used, bar("clear"))
        shown = None if sys.stdout.isatty() else subprocess.PIPE   # its own progress
        done = subprocess.run(["bmaptool", "copy", "--bmap", f"{self.path}.bmap", self.path, disk.path], stderr=shown, text=True,
                              stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Refused(f"{disk.path} could not be written: if it was pulled out, begin again; else take another disk. "
                          f"{(done.stderr or '')[-300:]}")
        written_at = time.monotonic()
        run("blockdev", "--flushbufs", disk.path)   # so that the disk itself is read
        at = self.bmap.differs(disk.path, bar("read back"))
        if at is not None:
            raise Refused(f"{disk.path} does not hold what was written, from byte {at:,} on: it is broken; take another disk.")
        return Written(self.bmap.bytes(), cleared, self.fill(disk), written_at - begun, time.monotonic() - written_at)

    def fill(self, disk):
        """The rest of the disk is for data, too: its file system grows into it at the terminal's first start."""
        size = gpt.fill(disk.path, "data")
        run("blockdev", "--flushbufs", disk.path)
        gpt.check(disk.path, "data", size)
        with contextlib.suppress(OSError), open(disk.path, "rb") as file:
            fcntl.ioctl(file, BLKRRPART)   # a kernel that shows partitions; it may do so by itself
        return size
