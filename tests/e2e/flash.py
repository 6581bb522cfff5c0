#!/usr/bin/env python3
"""flash - tools/flash on loop devices: what is written, what is refused, the label, and the self-test's page.

Re-flashing a disk with unsent sales is flash_again.py. What needs a loop device is skipped where there is none."""
import base64
import hashlib
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools/flash"), str(ROOT / "tools/image")]

import card_image  # noqa: E402
import devices  # noqa: E402
import images  # noqa: E402
import provision  # noqa: E402
from card_image import MIB, Loop  # noqa: E402
from tap import check, exit_code  # noqa: E402

FLASH = ROOT / "tools/flash/flash"
BOARD, OTHER_BOARD = "qemu-virt-arm64", "nanopi-neo-armhf"
SCREEN_BOARD = "raspberrypi3-arm64"   # its console is HDMI: boards/raspberrypi3-arm64/board.conf
CODE = "ABCD-EFGH-JKMN"
# SHA-256 of "ABCDEFGHJKMN" begins with this (sha256sum): 20 bits, as four letters of the codes' alphabet.
DIGEST = "printf ABCDEFGHJKMN | sha256sum"


def flash(*args, env=None):
    return subprocess.run([FLASH, *map(str, args)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                          timeout=120, env={**os.environ, **(env or {})})


class Bench:
    """A folder with an image, a CA, and what a technician gives."""
    def __init__(self, folder):
        self.dir = Path(folder)
        self.image = card_image.make_image(self.path("card.img"), self.path("work"), BOARD, 7)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        self.path("ca.key"), "-out", self.path("ca.pem"), "-subj", "/CN=club", "-days", "2"],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "req", "-x509", "-key", self.path("ca.key"), "-out", self.path("server.pem"), "-subj", "/CN=club",
                        "-days", "2", "-addext", "basicConstraints=critical,CA:FALSE"], check=True, capture_output=True)
        self.size = self.image.stat().st_size

    def path(self, name):
        return str(self.dir / name)

    def options(self, disk, **changed):
        given = {"board": BOARD, "image": self.image, "disk": disk, "club": "club.example.ir:8443", "ca": self.path("ca.pem"),
                 "code": CODE, "serial": "T-1", "labels": self.path("labels"), **changed}
        return [word for name, value in given.items() if value for word in (f"--{name}", value)]

    def write(self, disk, *more, env=None, **changed):
        return flash("write", *self.options(disk, **changed), "--yes", *more, env=env)


# --- the disk ---------------------------------------------------------------------------------


def ranges(path):
    """What the block map names, read by another program's eyes."""
    text = Path(f"{path}.bmap").read_text()
    for words in re.findall(r"<Range[^>]*>\s*([\d-]+)\s*</Range>", text):
        first, _, last = words.partition("-")
        yield int(first) * 4096, (int(last or first) + 1) * 4096


def writes(bench):
    with Loop(bench.path("card"), 200 * MIB) as card:
        done = bench.write(card.path)
        check("a card is written", done.returncode == 0 and "read back and right" in done.stdout and "flash selftest LINE" in done.stdout,
              done.stdout + done.stderr)
        check("and it is said that its updates are signed with trial keys", "TRIAL KEYS" in done.stdout, done.stdout)
        told = re.search(r"\(([\d.]+) % of the disk", done.stdout)
        ident = provision.partition(bench.image, "ident")
        image = bench.image.read_bytes()
        tables = [(0, 34 * 512), (bench.size - 33 * 512, bench.size)]
        same = all(card.bytes(a, min(b, bench.size) - a) == image[a:b] for a, b in ranges(bench.image)
                   if not any(first < b and a < end for first, end in (*tables, (ident[0], sum(ident)))))
        check("every block of the image is on it, and it is said how much of the card that is", same and told, done.stdout)
        check("what an old terminal left in the slots' state and in its data is gone",
              all(card.bytes(*provision.partition(bench.image, name)).strip(b"\0") == b"" for name in ("env1", "env2")) and
              b"\xa5" * 512 not in card.bytes(*provision.partition(bench.image, "data")))
        provisioned(bench, card)
        reaches_to_the_end(bench, card)
    labelled(bench)


def sfdisk(path):
    """The table, by another program: {name: (first, sectors)}, and what it finds wrong."""
    said = subprocess.run(["sfdisk", "--verify", path], capture_output=True, text=True, check=False)
    parts = json.loads(subprocess.run(["sfdisk", "-J", path], capture_output=True, text=True, check=True).stdout)["partitiontable"]["partitions"]
    return {part["name"]: (part["start"], part["size"]) for part in parts}, said.stdout + said.stderr


def reaches_to_the_end(bench, card):
    (before, _), (after, said) = sfdisk(bench.image), sfdisk(card.path)
    first, sectors = after.pop("data")
    check("data has the rest of the disk but for the table's copy, the others are where they were",
          first == before.pop("data")[0] and after == before and 200 - 2 < (first + sectors) / 2048 <= 200 - 33 / 2048, (after, first, sectors))
    check("sfdisk finds nothing wrong with either copy of the table", "No errors detected" in said and "ismatch" not in said, said)
    check("no copy of it is left in the middle of the data", card.bytes(bench.size - 33 * 512, 33 * 512).strip(b"\0") == b"")


def provisioned(bench, card):
    offset, _ = provision.partition(card.path, "ident")

    def read(name):
        return subprocess.run(["unsquashfs", "-o", str(offset), "-cat", card.path, name], capture_output=True, text=True, check=False).stdout
    check("it has the club, the code and a serial number", read("terminal.conf") ==
          f"club=club.example.ir:8443\nclub_name=club.example.ir\ncode={CODE}\nserial=T-1\n", read("terminal.conf"))
    check("and the club's CA, but no key", read("ca.pem") == Path(bench.path("ca.pem")).read_text())
    listed = subprocess.run(["unsquashfs", "-o", str(offset), "-lls", card.path], capture_output=True, text=True, check=False).stdout
    check("the code is for root alone", re.search(r"-rw------- root/root .*terminal.conf", listed), listed)


def code_id():
    digest = subprocess.run(["sh", "-c", DIGEST], capture_output=True, text=True, check=True).stdout
    bits = f"{int(digest[:5], 16):020b}"
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[at:at + 5], 2)] for at in (0, 5, 10, 15))


def labelled(bench):
    page = Path(bench.path("labels/label-T-1.html")).read_text()
    picture = bench.path("qr.png")
    Path(picture).write_bytes(base64.b64decode(re.search(r"base64,([^\"]+)", page)[1]))
    said = subprocess.run(["zbarimg", "-q", "--raw", picture], capture_output=True, text=True, check=False).stdout.strip()
    today = time.strftime("%Y-%m-%d")
    check("zbarimg reads from the label what stands on it", said ==
          f"vafa;serial=T-1;board={BOARD};version=7;club=club.example.ir:8443;code={code_id()};date={today}", said)
    words = re.sub("<[^>]+>", " ", page)
    check("which a person reads, too", all(word in words for word in ("T-1", BOARD, "version 7", "club.example.ir:8443", code_id(), today)),
          words)
    check("and the code is not on it", not any(part in page + said for part in CODE.split("-")))


# --- refusals ---------------------------------------------------------------------------------


def refused(bench, card, what, word, *more, disk=None, env=None, **changed):
    before = hashlib.sha256(card.bytes()).digest()
    done = bench.write(disk or card.path, *more, env=env, **changed)
    check(f"{what} is refused, and nothing is written", done.returncode == 1 and word in done.stderr and
          done.stderr.startswith("flash: ") and hashlib.sha256(card.bytes()).digest() == before, (done.returncode, done.stderr))


def refuses(bench):
    damaged = Path(bench.path("damaged.img"))
    data = bytearray(bench.image.read_bytes())
    data[provision.partition(bench.image, "boot_a")[0] + 1000] ^= 1
    damaged.write_bytes(data)
    Path(f"{damaged}.bmap").write_text(Path(f"{bench.image}.bmap").read_text())
    short, bare, odd = (Path(bench.path(name)) for name in ("short.img", "bare.img", "odd.img"))
    short.write_bytes(data[:-MIB])
    Path(f"{short}.bmap").write_text(Path(f"{bench.image}.bmap").read_text())
    bare.write_bytes(bench.image.read_bytes())
    odd.write_bytes(bench.image.read_bytes())
    Path(f"{odd}.bmap").write_text("<bmap/>")
    foreign = card_image.make_image(bench.path("foreign.img"), bench.path("foreign"), OTHER_BOARD, 3, keys="Vafa update CA")
    club_signs = images.Image(foreign)
    club_signs.check(OTHER_BOARD)
    check("a club's keys are no trial keys", not club_signs.is_trial)
    Path(bench.path("file")).write_bytes(bytes(MIB))
    Path(bench.path("two.pem")).write_text(2 * Path(bench.path("ca.pem")).read_text())
    with Loop(bench.path("card"), 64 * MIB) as card:
        refused(bench, card, "a file in place of a disk", "is no disk", disk=bench.path("file"))
        refused(bench, card, "a disk that is not there", "No such file", disk="/dev/vafa-none")
        refused(bench, card, "an image for another board", f"is for {OTHER_BOARD}", image=foreign)
        refused(bench, card, "a board that there is not", "There is no board", board="toaster")
        refused(bench, card, "an image with a changed bit", "is damaged", image=damaged)
        refused(bench, card, "an image that was cut", "is damaged", image=short)
        refused(bench, card, "an image without its map", "is missing", image=bare)
        refused(bench, card, "an image with another map", "is no block map", image=odd)
        refused(bench, card, "no image", "is no file", image=bench.path("none.img"))
        for code in ("ABCD-EFGH", "ABCD-EFGH-JKMI", "ABCD-EFGH-JKMNP", "hello"):
            refused(bench, card, f"the code {code}", "no one-time code", code=code)
        refused(bench, card, "a club without a port", "no club's address", club="club.example.ir")
        refused(bench, card, "a CA that is no certificate", "is no certificate", ca=bench.path("file"))
        refused(bench, card, "a CA that is not there", "cannot be read", ca=bench.path("none.pem"))
        refused(bench, card, "a certificate that is not a CA's", "not of a CA", ca=bench.path("server.pem"))
        refused(bench, card, "two certificates", "is no certificate", ca=bench.path("two.pem"))
        refused(bench, card, "a serial number with a slash", "--serial takes", serial="../x")
        refused(bench, card, "a question with nobody there", "Nobody is there to ask", code=None)
        refused(bench, card, "a disk that something else has", "cannot be had for itself",
                env={"PYTHONPATH": had_by_others(bench)})
    with Loop(bench.path("small"), 16 * MIB) as card:
        refused(bench, card, "a disk that is too small", "is too small")
    with Loop(bench.path("locked"), 64 * MIB, "--read-only") as card:
        refused(bench, card, "a disk that is read-only", "is read-only")


def had_by_others(bench):
    """os.open(O_EXCL) as when the kernel uses a disk in a way that lsblk does not show."""
    folder = Path(bench.path("busy"))
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import errno, os\nreal = os.open\n"
        "def busy(path, flags, *rest, **kw):\n"
        "    if flags & os.O_EXCL and str(path).startswith('/dev/loop'):\n"
        "        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))\n"
        "    return real(path, flags, *rest, **kw)\n"
        "os.open = busy\n")
    return str(folder)


def has_a_screen(bench):
    image = card_image.make_image(bench.path("screen.img"), bench.path("screen"), SCREEN_BOARD, 3)
    with Loop(bench.path("card"), 64 * MIB) as card:
        done = bench.write(card.path, image=image, board=SCREEN_BOARD)
        check("who wrote a card for a board with a screen is sent to that", done.returncode == 0 and "is its screen" in done.stdout and
              "selftest LINE" not in done.stdout, done.stdout + done.stderr)


def mounted(bench):
    point = bench.path("mounted")
    os.mkdir(point)
    source = card_image.make_data(bench.path("some.ext4"), bench.path("work/empty"))
    with Loop(bench.path("card"), 64 * MIB, source=source) as card:
        done = subprocess.run(["mount", card.path, point], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"ok a_mounted_disk # SKIP nothing can be mounted here: {done.stderr.strip()}")
            return
        try:
            done = bench.write(card.path)
            check("a mounted disk is refused", done.returncode == 1 and f"mounted at {point}: umount" in done.stderr, done.stderr)
        finally:
            subprocess.run(["umount", point], check=True)


def breaks(bench):
    """A disk that takes writes and does not keep them: bmaptool, and behind it a changed byte."""
    folder = Path(bench.path("bin"))
    folder.mkdir()
    real = subprocess.run(["which", "bmaptool"], capture_output=True, text=True, check=True).stdout.strip()
    at = provision.partition(bench.image, "boot_a")[0] + 5000   # by chance in each image
    other = "Y" if bench.image.read_bytes()[at] == ord("X") else "X"
    (folder / "bmaptool").write_text(f'#!/bin/sh\n{real} "$@" || exit 1\nfor disk; do :; done\n'
                                     f'printf {other} | dd of="$disk" bs=1 seek={at} conv=notrunc,fsync 2>/dev/null\n')
    (folder / "bmaptool").chmod(0o755)
    with Loop(bench.path("card"), 64 * MIB) as card:
        done = bench.write(card.path, env={"PATH": f"{folder}:{os.environ['PATH']}"})
        check("a disk that does not keep what is written is found out", done.returncode == 1 and
              "does not hold what was written" in done.stderr and "take another disk" in done.stderr, done.stderr)


def cut_short(bench):
    """Writing that ends in the middle of the last partition: the next try takes the disk for what it is."""
    folder = Path(bench.path("cut"))
    folder.mkdir()
    until = provision.partition(bench.image, "data")[0] // 4096 + 1
    (folder / "bmaptool").write_text(f'#!/bin/sh\nfor disk; do :; done\n'
                                     f'dd if="$4" of="$disk" bs=4096 count={until} conv=fsync,sparse 2>/dev/null\nexit 1\n')
    (folder / "bmaptool").chmod(0o755)
    with Loop(bench.path("card"), 64 * MIB) as card:
        at, size = provision.partition(bench.image, "ident")
        image = bytearray(bench.image.read_bytes())
        done = bench.write(card.path, env={"PATH": f"{folder}:{os.environ['PATH']}"})
        check("writing that is cut is said", done.returncode == 1 and "could not be written" in done.stderr and
              card.bytes(at + size, 4096) == image[at + size:at + size + 4096], done.stderr)
        done = bench.write(card.path)
        check("and begun anew it needs no word about sales", done.returncode == 0 and b"half written" not in card.bytes(at, size),
              done.stdout + done.stderr)


def typed(bench, card, *answers, **changed):
    """With somebody at the keyboard, who answers each question; a function is called for its answer."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(FLASH, [str(FLASH), "write", *map(str, bench.options(card.path, **changed))])
    said = b""
    try:
        for answer in answers:
            at = len(said)
            while not re.search(rb": $", said[at:]) and (piece := os.read(fd, 4096)):
                said += piece
            os.write(fd, (answer if isinstance(answer, str) else answer()).encode() + b"\n")
        while piece := os.read(fd, 4096):
            said += piece
    except OSError:
        pass   # its end
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")


# --- another code -----------------------------------------------------------------------------

NEW_CODE = "0123-4567-89AB"
SYNC_BREAKS = "import errno, os\ndef fsync(fd):\n    raise OSError(errno.EIO, 'it was pulled out')\nos.fsync = fsync\n"


def ident_of(card):
    """(terminal.conf, ca.pem)"""
    at = provision.partition(card.path, "ident")[0]
    return [subprocess.run(["unsquashfs", "-o", str(at), "-cat", card.path, name], capture_output=True, text=True, check=False).stdout
            for name in ("terminal.conf", "ca.pem")]


def besides_ident(card):
    at, size = provision.partition(card.path, "ident")
    return hashlib.sha256(card.bytes(0, at) + card.bytes(at + size)).digest()


def recodes(bench):
    """A disk whose terminal has keys and sales: what it knows of its club is changed, and not a byte more."""
    with Loop(bench.path("card"), 64 * MIB) as card:
        done = flash("code", card.path, "--code", NEW_CODE, "--yes")
        check("no code is put on a disk that is no terminal's", done.returncode == 1 and "is no terminal's disk" in done.stderr and
              card.bytes(0, 40 * MIB) == b"\xa5" * 40 * MIB, done.stderr)
        bench.write(card.path, **{"club-name": "club.name"})
        with open(card.path, "r+b") as file:
            file.seek(provision.partition(card.path, "data")[0] + 12 * MIB)
            file.write(os.urandom(MIB))
        before, ca = besides_ident(card), ident_of(card)[1]
        done = flash("code", card.path, "--code", NEW_CODE.lower().replace("-", ""), "--yes")
        check("another code: club, name, serial number and CA stay", done.returncode == 0 and ident_of(card) == [
            f"club=club.example.ir:8443\nclub_name=club.name\ncode={NEW_CODE}\nserial=T-1\n", ca] and ca == Path(bench.path("ca.pem")).read_text(),
            done.stdout + done.stderr + str(ident_of(card)))
        done = flash("code", card.path, "--club", "192.0.2.7:99", "--yes")
        check("another address: the code and the name stay", done.returncode == 0 and ident_of(card)[0] ==
              f"club=192.0.2.7:99\nclub_name=club.name\ncode={NEW_CODE}\nserial=T-1\n", done.stdout + done.stderr)
        check("and not a byte of the disk's rest was changed, sales and keys among it", besides_ident(card) == before)
        refuses_to_recode(bench, card)
        by_hand(bench, card)
        check("and still not a byte of the rest was", besides_ident(card) == before)


def refuses_to_recode(bench, card):
    before = card.bytes()
    broken = Path(bench.path("broken"))
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(SYNC_BREAKS)
    for what, word, args, env in (("a code that is none", "no one-time code", ("--code", "ABCD"), {}), ("no code", "Nobody is there to ask", (), {}),
                                  ("another club's CA that is none", "is no certificate", ("--ca", bench.path("card.img.bmap")), {}),
                                  ("a disk that something else has", "cannot be had for itself", ("--code", CODE), {"PYTHONPATH": had_by_others(bench)})):
        done = flash("code", card.path, "--yes", *args, env=env)
        check(f"{what}: refused, the disk is as it was", done.returncode == 1 and word in done.stderr and card.bytes() == before, done.stderr)
    done = flash("code", card.path, "--yes", "--code", CODE, env={"PYTHONPATH": str(broken)})
    check("a disk that was pulled out meanwhile: what became of it is said", done.returncode == 1 and "may be half written: flash code again" in done.stderr,
          done.stderr)


def by_hand(bench, card):
    """An `ident` that somebody made with tools/image/provision keeps its lines, and nothing that could not stand there."""
    folder = Path(bench.path("by-hand"))
    folder.mkdir()
    (folder / "terminal.conf").write_text("club=club.example.ir:8443\nclub_name=club.example.ir\ncode=AAAA-AAAA-AAAA\nquiet=5\nserial=a b\nodd=1\n")
    (folder / "ca.pem").write_text(Path(bench.path("ca.pem")).read_text())
    provision.provision(card.path, folder)
    done = flash("code", card.path, "--code", NEW_CODE, "--club", "other.ir:1", "--serial", "T-2", "--yes")
    check("lines that a hand wrote stay, and a name that was the address's goes with it", done.returncode == 0 and ident_of(card)[0] ==
          f"club=other.ir:1\nclub_name=other.ir\ncode={NEW_CODE}\nserial=T-2\nquiet=5\n", done.stderr + ident_of(card)[0])
    (folder / "ca.pem").write_text(Path(bench.path("server.pem")).read_text())
    provision.provision(card.path, folder)
    done = flash("code", card.path, "--code", NEW_CODE, "--yes")
    check("a CA that is none is asked for", done.returncode == 1 and "The file with the club's CA certificate" in done.stderr, done.stderr)
    done = flash("code", card.path, "--code", NEW_CODE, "--ca", bench.path("ca.pem"), "--yes")
    check("and given", done.returncode == 0 and ident_of(card)[1] == Path(bench.path("ca.pem")).read_text(), done.stderr)


def asks(bench):
    with Loop(bench.path("card"), 64 * MIB) as card:
        before = hashlib.sha256(card.bytes()).digest()
        code, said = typed(bench, card, "yes")
        check("any other word than the disk's name ends it", code == 1 and "Nothing was written" in said and
              hashlib.sha256(card.bytes()).digest() == before, said)
        code, said = typed(bench, card, "99", board=None)
        check("a number that is not in the menu ends it", code == 1 and "is no number from 1 to" in said, said)
        boards = sorted(path.parent.name for path in ROOT.glob("boards/*/board.conf"))
        code, said = typed(bench, card, str(boards.index(BOARD) + 1), CODE.lower(), "no", board=None, code=None)
        check("what is no option is asked for: the board from a menu, the code", code == 1 and "Nothing was written" in said and
              all(f"  {n}  {board}" in said for n, board in enumerate(boards, 1)), said)
        code, said = typed(bench, card, card.path.rsplit("/", 1)[-1])
        check("its name goes on, with a bar", code == 0 and re.search(r"read back +\[#{40}\] 100 %", said), said)


def changed_meanwhile(bench):
    """Another card in the reader, under the same name, while the person is asked."""
    with Loop(bench.path("card"), 64 * MIB) as card:
        other = Path(bench.path("other"))
        other.write_bytes(b"\x5a" * 64 * MIB)

        def change():
            subprocess.run(["losetup", "-d", card.path], check=True)
            subprocess.run(["losetup", card.path, other], check=True)
            return card.path.rsplit("/", 1)[-1]
        code, said = typed(bench, card, change)
        check("a card that was changed before the last word is left as it is", code == 1 and "is another disk by now" in said and
              other.read_bytes() == b"\x5a" * 64 * MIB, said)


def judged():
    """What cannot be had here, as lsblk tells of it."""
    def node(path, kind="disk", **more):
        return {"path": path, "type": kind, "size": 10 ** 9, "model": None, "serial": None, "ro": False, "fstype": None, "label": None,
                "log-sec": 512, "partlabel": None, "mountpoints": [None], **more}
    part = [node("/dev/sdx1", "part", mountpoints=["/"])]
    cases = (
        ("this machine's own disk", node("/dev/sdx", children=part), "this machine's own disk"),
        ("its disk behind LVM", node("/dev/sdx", children=[node("/dev/sdx1", "part", fstype="LVM2_member", children=[
            node("/dev/mapper/root", "lvm", mountpoints=["/"])])]), "this machine's own disk"),
        ("a partition's mount", node("/dev/sdx", children=[node("/dev/sdx1", "part", mountpoints=["/media/card"])]), "umount /dev/sdx1"),
        ("swap space", node("/dev/sdx", children=[node("/dev/sdx2", "part", mountpoints=["[SWAP]"])]), "swapoff /dev/sdx2"),
        ("a part of LVM", node("/dev/sdx", fstype="LVM2_member"), "belongs to LVM"),
        ("a part of a RAID", node("/dev/sdx", children=[node("/dev/sdx1", "part", children=[node("/dev/md0", "raid1")])]),
         "belongs to raid1"),
        ("an enciphered disk", node("/dev/sdx", fstype="crypto_LUKS"), "belongs to an enciphered disk"),
        ("a partition", node("/dev/sdx1", "part"), "name the whole disk"))
    for what, tree, word in cases:
        why = devices.Disk(tree).refusal(1) or ""
        check(f"{what} is refused", word in why, why)
    parts = [node(f"/dev/sdx{n}", "part", partlabel=name, fstype="crypto_LUKS" if name == "data" else None) for n, name in
             enumerate(("scr", "boot_a", "root_a", "ident", "data"))]
    check("a terminal's enciphered data are not taken for somebody's disk", devices.Disk(node("/dev/sdx", children=parts)).refusal(1) is None)
    check("a disk that nobody uses is not", devices.Disk(node("/dev/sdx", children=[node("/dev/sdx1", "part")])).refusal(10 ** 9) is None)


# --- the self-test ----------------------------------------------------------------------------

OK_LINES = ("U-Boot 2023.01", "[   1.203] device: slot a, version 7", "[   1.9] other: words", "[   3.120] device: ready to serve cards")


def selftest(bench, lines, seconds=10, ends=False):
    """A terminal's console, played at a pseudo terminal. Gives the exit code, what was said, and the page."""
    master, slave = pty.openpty()
    page = bench.path("page.html")

    def play():
        time.sleep(0.3)
        for line in lines:
            os.write(master, line.encode() + b"\r\n")
        if ends:
            os.close(master)
    player = threading.Thread(target=play)
    player.start()
    name = os.ttyname(slave)
    if ends:
        os.close(slave)
    done = flash("selftest", name, "--seconds", seconds, "--page", page)
    player.join()
    for fd in () if ends else (master, slave):
        os.close(fd)
    return done.returncode, done.stdout + done.stderr, Path(page).read_text() if os.path.exists(page) else ""


def tells(bench):
    code, said, page = selftest(bench, (*OK_LINES, "[   3.200] vafa: self-test ok"))
    check("a terminal that works gives a green page", code == 0 and "This terminal is ready" in said and 'class="works"' in page and
          page.count('class="well"') == 7 and "version 7, slot A" in page, (code, said))
    check("in Persian, right to left, and in English", 'lang="fa" dir="rtl"' in page and "این پایانه آماده است" in page and
          "This terminal is ready" in page)
    code, said, page = selftest(bench, (*OK_LINES, "[   3.200] vafa: self-test ok (the clock was never set)"))
    check("a clock that was never set is said, and green", code == 0 and "The clock was never set" in page and 'class="works"' in page, said)
    code, said, page = selftest(bench, ("[   1.203] device: slot a, version 7, on trial", "[   3.200] vafa: self-test ok"))
    check("so does one that was just flashed, on trial until then", code == 0 and "version 7, slot A" in page, (code, said))
    code, said, page = selftest(bench, ("[   1.203] device: slot a, version 7",
                                        "[  91.000] vafa: self-test failed: reader: no answer at <ttyS0>"))
    check("a reader that is silent gives a red page, with what to do", code == 1 and 'class="fails"' in page and
          page.count('class="well"') == 4 and page.count('class="bad"') == 1 and "no answer at &lt;ttyS0&gt;" in page and
          "the two data wires" in page, (code, said))
    code, said, page = selftest(bench, ("[   4.000] vafa: self-test failed: data: it is enciphered to another board: put this disk back into that one.",))
    check("so does the disk of another board", code == 1 and page.count('class="bad"') == 1 and "opens in its own board only" in page, said)
    code, said, page = selftest(bench, ("[  91.000] vafa: self-test failed: terminal: it has not answered yet.",))
    check("what is no part of the list is red, too", code == 1 and 'class="well"' not in page and "it has not answered yet" in page, said)
    club = "[  91.000] vafa: self-test failed: club: It has not let this terminal in yet: see vafa-club pending there."
    refused_code = "[   9.000] sync: vafa-sync: The club answered 403 (code): This code has expired: ask for a new one."
    waits = "[  12.000] sync: vafa-sync: The club has not approved this terminal yet."
    code, said, page = selftest(bench, (*OK_LINES, refused_code, waits, club))
    check("one that waits for the club: all its parts work, and it is said who lets it in", code == 1 and 'class="fails"' in page and
          page.count('class="well"') == 7 and "vafa-club approve" in page and "flash code" not in page, (code, said))
    code, said, page = selftest(bench, (*OK_LINES, waits, refused_code, club))
    check("one whose code was refused: all its parts work, and it is said what to do about the code", code == 1 and
          page.count('class="well"') == 7 and "tools/flash/flash code" in page and "vafa-club approve" not in page, (code, said))
    code, said, page = selftest(bench, (), seconds=2)
    check("a silent line is said after its time, and which boards have none", code == 1 and "said nothing for 2 seconds" in said and
          f"is a screen: {SCREEN_BOARD}.)" in said and "The terminal did not answer" in page, said)
    code, said, page = selftest(bench, OK_LINES, seconds=2)
    check("so is a terminal that starts and does not come so far", code == 1 and "its self-test said nothing within 2 seconds" in said and
          "U-Boot" in page, said)
    done = flash("selftest", "/dev/vafa-none", "--board", SCREEN_BOARD)
    check("on a board whose console is a screen nobody listens in vain", done.returncode == 1 and "is its screen" in done.stderr and
          '"vafa: self-test ok"' in done.stderr, done.stderr)
    done = flash("selftest", "/dev/vafa-none", "--board", "toaster")
    check("a board that there is not is said", done.returncode == 1 and "toaster has no board.conf" in done.stderr, done.stderr)
    done = flash("selftest", bench.path("ca.pem"))
    check("a file is no line", done.returncode == 1 and "is no serial line" in done.stderr, done.stderr)
    done = flash("selftest", "/dev/vafa-none")
    check("a line that is not there is said", done.returncode == 1 and "plugged in" in done.stderr, done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-flash.") as folder:
        bench = Bench(folder)
        judged()
        if os.environ.get("PROFILE") == "sanitize":
            print("ok flash # SKIP none of it is C: the release build's run has tried it")
            return exit_code()
        tells(bench)
        try:
            Loop(bench.path("try"), MIB).__exit__()
        except OSError as why:
            print(f"ok flash_to_a_disk # SKIP there is no loop device: {why}")
            return exit_code()
        for part in (writes, refuses, has_a_screen, mounted, breaks, cut_short, recodes, asks, changed_meanwhile):
            part(bench)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
