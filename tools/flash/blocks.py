"""Which bytes of an ext4 file system are in use, and a copy of just those: a terminal's data may reach to the end of a large
disk. What is not mounted is read; nothing is written to it."""
import re

PIECE = 1 << 20


def in_use(call, path, offset, most):
    """[(first, behind the last)] in bytes from `offset`, in order and at most `most`, as the bitmaps on the disk have it; None: they
    cannot be read. `call` runs a program."""
    done = call("dumpe2fs", f"{path}?offset={offset}" if offset else path)
    facts = dict(re.findall(r"^(Block count|Block size): +(\d+)$", done.stdout, re.M))
    if done.returncode != 0 or len(facts) < 2 or "error reading bitmaps" in done.stdout:
        return None
    size, unit, at, used = int(facts["Block count"]), int(facts["Block size"]), 0, []
    for words in re.findall(r"^  Free blocks: (.*)$", done.stdout, re.M):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", words):
            if int(first) > at:
                used.append((at * unit, int(first) * unit))
            at = int(last or first) + 1
    if at < size:
        used.append((at * unit, size * unit))
    return [(first, min(end, most)) for first, end in used if first < most]


def union(*many):
    """Ranges that cover all of these."""
    joined = []
    for first, end in sorted(part for ranges in many for part in ranges):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined


def length(ranges):
    return sum(end - first for first, end in ranges)


def copy(path, offset, size, ranges, target, bar):
    """The ranges of what lies at `offset`, as a file of `size` bytes with holes elsewhere, and where there are zeros."""
    zeros, done, whole = bytes(PIECE), 0, max(length(ranges), 1)
    with open(path, "rb", buffering=0) as source, open(target, "wb") as file:
        for first, end in ranges:
            for at in range(first, min(end, size), PIECE):
                source.seek(offset + at)
                piece = source.read(min(PIECE, end - at, size - at))
                if piece != zeros[:len(piece)]:
                    file.seek(at)
                    file.write(piece)
                done += len(piece)
                bar(min(done / whole, 0.99))
        file.truncate(size)
    bar(1)


def is_empty(path, offset, size):
    """There are zeros only in the first 64 MiB, where a file system begins."""
    with open(path, "rb", buffering=0) as file:
        for at in range(0, min(size, 64 * PIECE), PIECE):
            file.seek(offset + at)
            piece = file.read(min(PIECE, size - at))
            if piece.strip(b"\0"):
                return False
    return True
