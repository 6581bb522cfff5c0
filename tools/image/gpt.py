"""A disk's table of partitions (GPT; UEFI Specification 2.10, 5.3), of sectors of 512 bytes: read, and made to reach to the
disk's end. Whatever a disk holds, reading gives a table that agrees with its check sums, or says that there is none."""
import os
import struct
import zlib

from common import Refused

SECTOR = 512
MIB_SECTORS = (1 << 20) // SECTOR
# Signature, revision, bytes of this, check sum, 0, own place, the other header's, first and last usable sector, the disk's
# identifier, the entries' place, how many, bytes of each, their check sum.
HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
ENTRY = struct.Struct("<16s16sQQQ72s")   # type, identifier, first and last sector, flags, name
ENTRIES_MAX = 1024
MBR_ENTRIES_AT, PROTECTIVE, LBA_MAX = 446, 0xEE, 0xFFFFFFFF


class Table:
    """One of a disk's two copies: `at`, `other`, `first`, `last`, `entries_at` are sectors."""
    def __init__(self, disk, at):
        """ValueError: there is none at that sector."""
        self.sectors = sectors_of(disk)
        block = os.pread(disk, SECTOR, at * SECTOR)
        if len(block) < SECTOR:
            raise ValueError("behind the disk's end")
        (mark, self.revision, size, found, _, self.at, self.other, self.first, self.last, self.id, self.entries_at, self.count, each,
         entries_sum) = HEADER.unpack_from(block)
        if mark != b"EFI PART" or not HEADER.size <= size <= SECTOR or each != ENTRY.size or self.count > ENTRIES_MAX:
            raise ValueError("no header")
        if zlib.crc32(block[:16] + bytes(4) + block[20:size]) != found or self.at != at:
            raise ValueError("the header's check sum is wrong")
        if self.entries_at >= self.sectors:
            raise ValueError("entries behind the disk's end")
        self.entries = bytearray(os.pread(disk, self.count * each, self.entries_at * SECTOR))
        if zlib.crc32(self.entries) != entries_sum:
            raise ValueError("the entries' check sum is wrong")

    def partitions(self):
        """[(name, first, last, number of the entry)] of those that lie on the disk."""
        found = []
        for number in range(self.count):
            kind, _, first, last, _, name = ENTRY.unpack_from(self.entries, number * ENTRY.size)
            if kind.strip(b"\0") and first <= last < self.sectors:
                found.append((name.decode("utf-16-le", errors="replace").split("\0")[0], first, last, number))
        return found

    def set_last(self, number, last):
        struct.pack_into("<Q", self.entries, number * ENTRY.size + 40, last)

    def header(self, at, other, entries_at, last):
        words = [b"EFI PART", self.revision, HEADER.size, 0, 0, at, other, self.first, last, self.id, entries_at, self.count, ENTRY.size,
                 zlib.crc32(self.entries)]
        words[3] = zlib.crc32(HEADER.pack(*words))
        return HEADER.pack(*words).ljust(SECTOR, b"\0")


def sectors_of(disk):
    return os.lseek(disk, 0, os.SEEK_END) // SECTOR


def read(path):
    """The first of the two copies that is whole."""
    disk = os.open(path, os.O_RDONLY)
    try:
        for at in (1, max(sectors_of(disk), 1) - 1):
            try:
                return Table(disk, at)
            except ValueError:
                continue
    finally:
        os.close(disk)
    raise Refused(f"{path} is not one of our images: it has no partition table.")


def place(path, name):
    """(offset, size) in bytes of the partition of that name."""
    for found, first, last, _ in read(path).partitions():
        if found == name:
            return first * SECTOR, (last - first + 1) * SECTOR
    raise Refused(f"{path} has no partition {name}: it is not one of our images.")


def protective(block, sectors):
    """The first sector, whose entry for programs that know no GPT says how large the disk is: where it is the only one. Beside
    another (a hybrid) it only covers what lies before that."""
    block = bytearray(block)
    used = [at for at in range(MBR_ENTRIES_AT, MBR_ENTRIES_AT + 64, 16) if block[at + 4]]
    if [block[at + 4] for at in used] == [PROTECTIVE]:
        struct.pack_into("<II", block, used[0] + 8, 1, min(sectors - 1, LBA_MAX))
    return bytes(block)


def fill(path, name):
    """The partition `name`, which must be the last one, from now on reaches to the disk's last whole MiB, and the second copy
    of the table lies at the disk's end. Gives its size in bytes. The second copy is written before the first: after a cut
    one of them is whole."""
    disk = os.open(path, os.O_RDWR)
    try:
        try:
            table = Table(disk, 1)
        except ValueError as why:
            raise Refused(f"{path} has no partition table: {why}.") from None
        sectors = sectors_of(disk)
        *before, (last_name, first, last, number) = sorted(table.partitions(), key=lambda found: found[1])
        if last_name != name or (before and before[-1][2] >= first):
            raise Refused(f"{path}: {name} is not its last partition.")
        room = -(-len(table.entries) // SECTOR)
        end = max(last, (sectors - 1 - room) // MIB_SECTORS * MIB_SECTORS - 1)
        table.set_last(number, end)
        old_end, new_end, usable = table.other, sectors - 1, sectors - 2 - room
        writes = [(new_end - room, bytes(table.entries)), (new_end, table.header(new_end, 1, new_end - room, usable)),
                  (table.entries_at, bytes(table.entries)), (1, table.header(1, new_end, table.entries_at, usable)),
                  (0, protective(os.pread(disk, SECTOR, 0), sectors))]
        if old_end + room < new_end - room:   # a table in the middle of the data would mislead tools that look for one
            writes.append((old_end - room, bytes((room + 1) * SECTOR)))
        for at, data in writes:
            os.pwrite(disk, data, at * SECTOR)
            os.fsync(disk)
        return (end - first + 1) * SECTOR
    finally:
        os.close(disk)


def check(path, name, size):
    """Reads back what fill() wrote: both copies are whole and say the same, and `name` has that size."""
    disk = os.open(path, os.O_RDONLY)
    try:
        end = sectors_of(disk) - 1
        one, two = Table(disk, 1), Table(disk, end)
        said = [(table.first, table.last, table.id, bytes(table.entries)) for table in (one, two)]
        is_right = said[0] == said[1] and (one.other, two.other) == (end, 1) and place(path, name)[1] == size
    except (ValueError, Refused):
        is_right = False
    finally:
        os.close(disk)
    if not is_right:
        raise Refused(f"{path} does not hold the partition table that was written: it is broken; take another disk.")
