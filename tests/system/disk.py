"""A device's disk as the host sees it: the boot loader's state, and partitions that are spoilt or copied."""
import os
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/image"), str(ROOT / "tests/support")]

import provision  # noqa: E402
from common import facts, run  # noqa: E402

BOARD = os.environ.get("BOARD", "qemu-virt-arm64")
MACHINE = facts(ROOT / "boards" / BOARD / "qemu.conf")
IMAGE = ROOT / f"build/{BOARD}-image/{BOARD}.img"
SCRIPT_AT = 64 + 8   # in boot.scr: behind U-Boot's header and the script's length
ENV_BYTES = 0x4000   # U-Boot's format: CRC-32 over the rest, then NAME=VALUE, each ended by a zero byte


def device_disk(path):
    """A device's disk with the image on it, of a size that cards have: QEMU takes only powers of two. The folder `first`
    beside it gets what is in the first partition; there the kernel gets MACHINE's arguments."""
    run("cp", "--sparse=always", IMAGE, path)
    os.truncate(path, 1 << (IMAGE.stat().st_size - 1).bit_length())
    first, files = path.parent / "first", f"{path}@@{provision.partition(path, 'scr')[0]}"
    first.mkdir()
    run("mcopy", "-s", "-i", files, "::", first)
    if MACHINE["arguments"]:
        script = (first / "boot.scr").read_bytes()[SCRIPT_AT:].decode()
        (first / "boot.cmd").write_text(script.replace(" quiet ", f" quiet {MACHINE['arguments']} "))
        run("mkimage", "-T", "script", "-C", "none", "-d", first / "boot.cmd", first / "boot.scr")
        run("mcopy", "-o", "-i", files, first / "boot.scr", "::boot.scr")


def environment(image, name):
    """What the boot loader reads: {variable: value}, or None when the check sum is wrong."""
    block = read(image, name, ENV_BYTES)
    if struct.unpack("<I", block[:4])[0] != zlib.crc32(block[4:]):
        return None
    return dict(word.split("=", 1) for word in block[4:].split(b"\0\0")[0].decode().split("\0"))


def write_environment(image, **variables):
    """Both copies."""
    words = b"".join(f"{name}={value}".encode() + b"\0" for name, value in sorted(variables.items()))
    words = words.ljust(ENV_BYTES - 4, b"\0")
    for name in ("env1", "env2"):
        write(image, name, struct.pack("<I", zlib.crc32(words)) + words)


def read(image, name, size=None):
    offset, whole = provision.partition(image, name)
    with open(image, "rb") as file:
        file.seek(offset)
        return file.read(size or whole)


def write(image, name, data):
    offset, _ = provision.partition(image, name)
    with open(image, "r+b") as file:
        file.seek(offset)
        file.write(data)
