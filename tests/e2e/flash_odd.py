#!/usr/bin/env python3
"""flash_odd - tools/flash before disks that lie and technicians who slip: what a disk says of itself, words that would get
into a terminal's file, missing programs, no room, two at once, Ctrl-C, and writing that ends at any of its steps."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools/flash"), str(ROOT / "tools/image"), str(ROOT / "tests/e2e")]

import card_image  # noqa: E402
import devices  # noqa: E402
import gpt  # noqa: E402
import held  # noqa: E402
from card_image import MIB, Loop  # noqa: E402
from flash import FLASH, Bench, flash, refused, selftest  # noqa: E402
from tap import check, exit_code  # noqa: E402

ESCAPE = "\x1b[2J\x1b]0;x\x07\u202e"


def is_plain(text):
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text)


# --- words ------------------------------------------------------------------------------------


def says_letters_only(bench):
    node = {"path": "/dev/sdx", "type": "disk", "size": 10 ** 9, "log-sec": 512, "model": ESCAPE, "serial": f"a{ESCAPE}", "ro": False,
            "fstype": None, "label": None, "partlabel": None, "mountpoints": [None], "children": [
                {"path": "/dev/sdx1", "type": "part", "size": 1, "log-sec": 512, "model": None, "serial": None, "ro": False, "fstype": "vfat",
                 "label": ESCAPE, "partlabel": f"{ESCAPE}\nsdy", "mountpoints": [f"/media/{ESCAPE}"]}]}
    disk = devices.Disk(devices.clean(node))
    check("a disk's own words are shown as letters", is_plain(disk.say()) and "\n" not in disk.say(), repr(disk.say()))
    check("also in a refusal", is_plain(disk.refusal(1)) and "umount /dev/sdx1" in disk.refusal(1), repr(disk.refusal(1)))
    code, said, page = selftest(bench, (f"[   1.000] {ESCAPE}device: words", f"[   3.200] vafa: self-test failed: reader: {ESCAPE}no answer"))
    check("so are a terminal's, at the console and on the page", code == 1 and is_plain(said) and "no answer" in said and
          "\x1b" not in page, (code, repr(said)))


def takes_no_odd_words(bench, card):
    for name in ("club\ncode=AAAA-AAAA-AAAA", "club\x1b[2J", "club name", "a" * 100):
        refused(bench, card, f"the server's name {name[:20]!r}", "is no name of a club's server", **{"club-name": name})
    refused(bench, card, "a club's address that a terminal could not read", "no club's address", club="a" * 95 + ".ir:8443")
    both = bench.path("both.pem")
    Path(both).write_text(Path(bench.path("ca.pem")).read_text() + Path(bench.path("ca.key")).read_text())
    refused(bench, card, "a CA with its key", "must not leave the club", ca=both)
    empty = Path(bench.path("empty.img"))
    empty.write_bytes(bench.image.read_bytes())
    Path(f"{empty}.bmap").write_text(re.sub("<Range.*</Range>", "", Path(f"{bench.image}.bmap").read_text()))
    refused(bench, card, "a map that names no blocks", "names no blocks", image=empty)


# --- what is missing --------------------------------------------------------------------------


def path_without(bench, name):
    """All programs but that one."""
    folder = Path(bench.path(f"without-{name}"))
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for path in Path(place).iterdir() if Path(place).is_dir() else ():
            if path.name != name and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path)
    return str(folder)


def is_whole_before(bench, card):
    for name in ("bmaptool", "mksquashfs", "qrencode"):
        refused(bench, card, f"a machine without {name}", f"{name} cannot be found, nothing was written", env={"PATH": path_without(bench, name)})
    refused(bench, card, "a folder for labels that takes none", "name another folder, --labels", labels="/proc/labels")
    done = flash("selftest", "/dev/null", "--page", "/proc/page.html")
    check("so is a place for the page, before anybody waits", done.returncode == 1 and "name another folder, --page" in done.stderr, done.stderr)
    small = Path(bench.path("small-tmp"))
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", small], capture_output=True, check=False).returncode == 0:
        try:
            refused(bench, card, "a full folder for what is prepared", "", env={"TMPDIR": str(small)})
        finally:
            subprocess.run(["umount", small], check=True)


def large_sectors(bench):
    try:
        with Loop(bench.path("large"), 64 * MIB, "--sector-size", "4096") as card:
            refused(bench, card, "a disk with sectors of 4096 bytes", "has sectors of 4096 bytes")
    except OSError as why:
        print(f"ok a_disk_with_large_sectors # SKIP {why}")


# --- hands ------------------------------------------------------------------------------------


def two_at_once(bench, card):
    with open(card.path, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused(bench, card, "a disk that another flash writes", "by another flash")


def typed_keys(bench, card, keys, **changed):
    """The keys are pressed when the first question comes. Exit code and what was said."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(FLASH, [str(FLASH), "write", *map(str, bench.options(card.path, **changed))])
    said = b""
    try:
        while not said.endswith(b": ") and (piece := os.read(fd, 4096)):
            said += piece
        while True:
            os.kill(pid, keys) if isinstance(keys, int) else os.write(fd, keys)
            while select.select([fd], [], [], 1)[0] and (piece := os.read(fd, 4096)):   # or it came before the line was read: again
                said += piece
    except OSError:
        pass   # its end
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")


def ends_at_each_question(bench, card):
    before = card.bytes()
    for what, keys, question, left_out in (
            ("Ctrl-C", b"\x03", "the board", {"board": None}), ("Ctrl-C", b"\x03", "the code", {"code": None}),
            ("Ctrl-C", b"\x03", "the disk's name", {}), ("Ctrl-D", b"\x04", "the disk's name", {}),
            ("a closed window", signal.SIGHUP, "the disk's name", {}), ("a number that is none", "²\n".encode(), "the board", {"board": None})):
        code, said = typed_keys(bench, card, keys, **left_out)
        check(f"{what} at {question} ends it, nothing is written", code == 1 and "Traceback" not in said and "flash: " in said and
              card.bytes() == before, (code, said))


# --- writing that ends ------------------------------------------------------------------------

# The n-th sync or program of flash's own while it writes, counted from its first mark on the disk.
BROKEN = """
import os, subprocess, errno
at, left = 0, int(os.environ["VAFA_BREAK_AT"])
def count():
    global left
    left -= 1
    if left == 0:
        raise OSError(errno.EIO, "it was pulled out")
real = os.fsync
def fsync(fd):
    real(fd)
    count()
os.fsync = fsync
real_run = subprocess.run
def run(args, *rest, **kw):
    done = real_run(args, *rest, **kw)
    if str(args[0]) in ("bmaptool", "blockdev"):
        count()
    return done
subprocess.run = run
"""


def ends_at_any_step(bench):
    """A terminal's disk that cannot be read, given up with a word. Cut anywhere, the next try needs no second word."""
    folder = Path(bench.path("broken"))
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BROKEN)
    source = Path(bench.path("source.img"))
    source.write_bytes(bench.image.read_bytes())
    with open(source, "r+b") as file:
        offset, size = gpt.place(source, "data")
        file.seek(offset)
        file.write(b"\x33" * size)
    steps, asked = 0, []
    while True:
        steps += 1
        with Loop(bench.path("card"), 64 * MIB, source=source) as card:
            done = bench.write(card.path, "--lose-unsent", "3", env={"PYTHONPATH": str(folder), "VAFA_BREAK_AT": str(steps)})
            if done.returncode == 0:
                break
            said = "half written" in done.stderr and "Traceback" not in done.stderr
            again = bench.write(card.path)
            if not said or again.returncode != 0:
                asked.append((steps, done.stderr, again.stderr))
    check(f"writing was cut at each of its {steps - 1} steps: it says so, and the next try needs no word", steps > 8 and asked == [], asked)


# --- disks that lie ---------------------------------------------------------------------------


def header(**changed):
    """A GPT header with a right check sum over wrong words."""
    words = {"at": 1, "other": 99, "first": 34, "last": 99, "entries": 2, "count": 128, "size": 128, "sum": 0, **changed}
    head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, words["at"], words["other"], words["first"], words["last"],
                       bytes(16), words["entries"], words["count"], words["size"], words["sum"])
    return head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]


def lies_in_its_table(bench):
    entries = b"".join(struct.pack("<16s16sQQQ72s", b"\1" * 16, bytes(16), 2 ** 63, 2 ** 64 - 1, 0, name) for name in
                       (b"\x00\xd8" * 36, "data".encode("utf-16-le"), "ident".encode("utf-16-le"), "scr".encode("utf-16-le"),
                        "boot_a".encode("utf-16-le"), "root_a".encode("utf-16-le"))).ljust(128 * 128, b"\0")
    cases = {"more entries than there is memory": header(count=0xffffffff, size=0xffffffff), "entries behind its end": header(entries=2 ** 62),
             "no entries": header(count=0), "names and places that cannot be": header(sum=zlib.crc32(entries))}
    for what, head in cases.items():
        with Loop(bench.path("card"), 64 * MIB) as card:
            with open(card.path, "r+b") as file:
                file.seek(512)
                file.write(head.ljust(512, b"\0") + entries)
                file.flush()
                os.fsync(file.fileno())
            looked = flash("look", card.path)
            done = bench.write(card.path)
            check(f"a table with {what} is none", "Traceback" not in looked.stderr + done.stderr and done.returncode == 0,
                  (looked, done.stdout + done.stderr))


def lies_in_its_data(bench):
    """A terminal's disk whose files are not what they seem: it is not read, and not overwritten without a word."""
    def disk(what, word, *commands, make=None):
        content = Path(tempfile.mkdtemp(dir=bench.dir))
        (content / "terminal").mkdir()
        (make or (lambda folder: None))(content / "terminal")
        data = card_image.make_data(bench.path("lies.ext4"), content)
        for command in commands:
            subprocess.run(["debugfs", "-w", "-R", command, data], check=True, capture_output=True)
        image = bench.path("lies.img")
        shutil.copy(bench.image, image)
        with open(image, "r+b") as file:
            file.seek(gpt.place(image, "data")[0])
            file.write(data.read_bytes())
        with Loop(bench.path("card"), 64 * MIB, source=image) as card:
            begun = time.monotonic()
            refused(bench, card, what, word)
            check("without much ado", time.monotonic() - begun < 60)
    disk("a database that says it is a TB", "larger than all", make=lambda folder: subprocess.run(
        ["truncate", "-s", "1T", folder / "terminal.db"], check=True))
    disk("a link in place of the database", "is no file", make=lambda folder: (folder / "terminal.db").symlink_to("/etc/shadow"))
    disk("a file system that says it has no blocks", "cannot be read", "ssv blocks_count 0")


def damaged_and_large(bench):
    """ext4's bitmap is damaged, and this machine has no room for all of such a disk: it can still be given up. One that hangs, too."""
    path = Path(shutil.copy(bench.image, bench.path("large.img")))
    os.truncate(path, 600 * MIB)
    gpt.fill(path, "data")
    at, _ = gpt.place(path, "data")
    disk = SimpleNamespace(path=str(path))
    usage, patience = held.shutil.disk_usage, held.PATIENCE_S
    held.shutil.disk_usage = lambda folder: SimpleNamespace(free=200 * MIB)
    try:
        with held.read(disk) as found:
            check("a large disk that has not sold is read in little room", found.trouble is None and found.used, found.trouble)
        told = subprocess.run(["dumpe2fs", f"{path}?offset={at}"], capture_output=True, text=True, check=True).stdout
        with open(path, "r+b") as file:
            file.seek(at + 4096 * int(re.search(r"Block bitmap at (\d+)", told)[1]))
            file.write(b"\x5a" * 64)
        with held.read(disk) as found:
            check("one whose bitmap is damaged, without room for all of it, is one that cannot be read", "no room for a copy" in str(found.trouble) and
                  found.used is None, found.trouble)
        held.PATIENCE_S = 0
        with held.read(disk) as found:
            check("so is one whose reading never ends", "did not come to an end" in str(found.trouble), found.trouble)
    finally:
        held.shutil.disk_usage, held.PATIENCE_S = usage, patience


def enciphered(bench):
    """Its key is in a board: given up by a word only, and of a large disk the head is overwritten, without which nobody reads the
    rest."""
    with Loop(bench.path("card"), 600 * MIB, source=bench.image) as card:
        gpt.fill(card.path, "data")
        with open(card.path, "r+b") as file:
            file.seek(gpt.place(card.path, "data")[0])
            file.write(b"LUKS\xba\xbe\0\1".ljust(4096, b"\0") + b"\x66" * 30 * MIB)
            file.flush()
            os.fsync(file.fileno())
        refused(bench, card, "a disk whose data are enciphered", "its data are enciphered")
        done = bench.write(card.path, "--lose-unsent", "1")
        cleared = re.search(r"(\d+) MiB cleared", done.stdout)
        check("it is given up by its number, and its head is gone", done.returncode == 0 and cleared and 30 < int(cleared[1]) < 100 and
              b"\x66" * 512 not in card.bytes(), done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-flash.") as folder:
        bench = Bench(folder)
        says_letters_only(bench)
        if os.environ.get("PROFILE") == "sanitize":
            print("ok flash_odd # SKIP none of it is C: the release build's run has tried it")
            return exit_code()
        try:
            Loop(bench.path("try"), MIB).__exit__()
        except OSError as why:
            print(f"ok flash_odd # SKIP there is no loop device: {why}")
            return exit_code()
        with Loop(bench.path("card"), 64 * MIB) as card:
            for part in (takes_no_odd_words, is_whole_before, two_at_once, ends_at_each_question):
                part(bench, card)
        for part in (large_sectors, lies_in_its_table, lies_in_its_data, damaged_and_large, enciphered, ends_at_any_step):
            part(bench)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
