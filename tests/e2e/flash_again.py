#!/usr/bin/env python3
"""flash_again - a disk is flashed again that holds a terminal's sales which the club does not have.

The terminal's data are real: it sold, and was killed. Its file system is as pulled power leaves it: the newest of it is in
ext4's journal and in SQLite's log only."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools/flash"), str(ROOT / "tools/image"), str(ROOT / "tests/e2e")]

import card_image  # noqa: E402
import gpt  # noqa: E402
import held  # noqa: E402
import provision  # noqa: E402
from card_image import MIB, Loop  # noqa: E402
from flash import BOARD, CODE, flash  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))


def call(*args):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False)


def put(source, target):
    with open(source, "rb") as a, open(target, "wb") as b:
        shutil.copyfileobj(a, b)
        b.flush()
        os.fsync(b.fileno())


def fill(shop, folder):
    for name in ("terminal.db", "terminal.db-wal"):
        put(shop.path(name), folder / "terminal" / name)
    put(shop.path("identity/key.pem"), folder / "identity/key.pem")
    os.symlink("key.pem", folder / "identity/terminal.pem")   # as of a terminal that has renewed its certificate


def as_power_leaves_it(shop):
    """/data with the database and the key: copied from beneath while it is mounted, so nothing was tidied up. Where nothing
    can be mounted, tidy."""
    empty, point, file, pulled = shop.dir / "empty", shop.dir / "mounted", shop.path("data.ext4"), shop.path("pulled.ext4")
    for folder in (empty, empty / "terminal", empty / "identity", point):
        folder.mkdir()
    card_image.make_data(file, empty)
    done = call("mount", "-o", "loop", file, point)
    if done.returncode != 0:
        print(f"ok a_journal_that_was_not_replayed # SKIP nothing can be mounted here: {done.stderr.strip()}")
        fill(shop, empty)
        return card_image.make_data(pulled, empty)
    try:
        fill(shop, point)
        shutil.copy(file, pulled)
    finally:
        subprocess.run(["umount", point], check=True)
    told = call("debugfs", "-R", "stat /terminal/terminal.db", pulled)
    check("what is tried here: the database is in ext4's journal alone", "needs_recovery" in call("dumpe2fs", "-h", pulled).stdout and
          "Type: regular" not in told.stdout, told.stdout + told.stderr)
    return pulled


class Disk:
    """Writes an image to a loop device that holds a terminal's disk with this /data."""
    def __init__(self, shop, image):
        self.shop, self.image = shop, image

    def __call__(self, data, *more, is_table_gone=False, is_cut=False):
        """flash's answer, and whether the disk was left alone."""
        with Loop(self.shop.path("card"), 64 * MIB, source=self.image) as card:
            at, _ = provision.partition(card.path, "data")
            with open(card.path, "r+b") as file:
                file.seek(at)
                file.write(Path(data).read_bytes())
                if is_cut:
                    file.seek(gpt.place(card.path, "ident")[0])
                    file.write(held.BEGUN.ljust(512, b"\0"))
                if is_table_gone:
                    file.seek(0)
                    file.write(bytes(34 * 512))
                file.flush()
                os.fsync(file.fileno())
            before = card.bytes()
            self.looked = flash("look", card.path, env={"BUILD": BUILD}).stdout
            done = flash("write", "--board", BOARD, "--image", self.image, "--disk", card.path, "--club", "club:8443", "--ca",
                         self.shop.path("club/ca.pem"), "--code", CODE, "--labels", self.shop.path("labels"), "--yes", *more,
                         env={"BUILD": BUILD})
            return done, card.bytes() == before


def holds_unsent(shop, disk, pulled):
    done, is_same = disk(pulled)
    check("a disk with unsent sales is refused, and left alone", done.returncode == 1 and is_same, done.stdout + done.stderr)
    # Two sales, a load and half of a refund: 1.5 + 0.3 + 2 + 1 million rials.
    check("by terminal, number, sum and age", all(word in done.stderr for word in (
        "Terminal 1's disk", "4 transactions of 4,800,000 rials", "the oldest of 20", "--export FILE")), done.stderr)
    check("look says the same and writes nothing", "4 transactions of 4,800,000 rials" in disk.looked, disk.looked)
    done, is_same = disk(pulled, "--lose-unsent", "1")
    check("they cannot be given up while they can be read", done.returncode == 1 and is_same, done.stderr)
    done, is_same = disk(pulled, "--export", shop.path("club/ca.pem"))
    check("an export that cannot be written: the disk is left alone", done.returncode == 1 and is_same and "is there already" in done.stderr,
          done.stderr)
    done, is_same = disk(pulled, "--export", shop.path("unsent"))
    check("with --export it goes on", done.returncode == 0 and not is_same and "entries" in done.stdout, done.stdout + done.stderr)


def has_no_table(shop, disk, pulled):
    done, is_same = disk(pulled, is_table_gone=True)
    check("a damaged partition table hides no sales", done.returncode == 1 and is_same and "4 transactions of 4,800,000" in done.stderr,
          done.stdout + done.stderr)
    done, is_same = disk(pulled, "--export", shop.path("without-table"), is_table_gone=True)
    check("they are exported from it, too", done.returncode == 0 and not is_same and
          Path(shop.path("without-table")).stat().st_size == Path(shop.path("unsent")).stat().st_size, done.stdout + done.stderr)


def was_cut_at_its_begin(disk, pulled):
    """The mark of writing is on it and nothing is gone yet: in its terminal it sold on, without a club."""
    done, is_same = disk(pulled, is_cut=True)
    check("sales on a disk whose writing was cut before it took anything are not lost", done.returncode == 1 and is_same and
          "4 transactions of 4,800,000 rials" in done.stderr, done.stdout + done.stderr)


def knows_what_its_journal_takes(shop, image, pulled):
    """Whatever of the disk its files take is overwritten, also what ext4's bitmaps did not know yet when power was pulled."""
    whole = shutil.copy(pulled, shop.path("whole.ext4"))
    call("e2fsck", "-fy", whole)
    files = {int(n) for name in ("terminal/terminal.db", "terminal/terminal.db-wal", "identity/key.pem") for n in
             call("debugfs", "-R", f"blocks /{name}", whole).stdout.split()}
    disk = SimpleNamespace(path=shutil.copy(image, shop.path("pulled.img")))
    at = gpt.place(disk.path, "data")[0]
    call("dd", f"if={pulled}", f"of={disk.path}", "bs=64k", f"seek={at >> 16}", "conv=notrunc")
    with held.read(disk) as found:
        missing = {n for n in files if not any(first <= at + n * 4096 < end for first, end in found.used)}
    check("what only the journal knows of is among what will be overwritten", len(files) > 10 and not missing, (len(files), missing))


def export_is_on_the_disk(shop):
    """The disk is overwritten next: a machine that loses its power then has the export, whole and by its name."""
    point, file, pulled = shop.dir / "exports", shop.path("exports.ext4"), shop.path("exports.pulled")
    point.mkdir()
    card_image.make_data(file, empty_folder(shop))
    if call("mount", "-o", "loop,commit=300", file, point).returncode != 0:
        print("ok an_export_behind_pulled_power # SKIP nothing can be mounted here")
        return
    try:
        shop.run("vafa-export", "write", "--db", shop.path("terminal.db"), "--identity", shop.path("identity"), "--to", point / "unsent")
        whole = (point / "unsent").read_bytes()
        shutil.copy(file, pulled)
    finally:
        subprocess.run(["umount", point], check=True)
    call("e2fsck", "-fy", pulled)
    call("debugfs", "-R", f"dump /unsent {shop.path('exports.unsent')}", pulled)
    found = Path(shop.path("exports.unsent"))
    check("an export is on its disk when vafa-export has ended, by its name", found.exists() and found.read_bytes() == whole and
          "unsent.part" not in call("debugfs", "-R", "ls /", pulled).stdout)


def club_takes(shop):
    done = shop.club("journal", "take", shop.path("unsent"))
    check("the club takes the export", "4 transactions posted" in done.stdout, done.stdout)
    books = json.loads(shop.club("report", "--json").stdout)
    card = books["cards"][0]
    # 1 million to open with, 0.2 paid, 0.3 loaded, then a sale and half of it back by money: 1.1 million are left.
    check("and its books have what was sold", card["credit"] == 1_100_000 and books["cases"] == [], (card, books["cases"]))
    shop.sync_once()
    again = json.loads(shop.club("report", "--json").stdout)
    check("the terminal's own late sync doubles nothing", {k: again[k] for k in ("ledger", "books", "cards", "cases")} ==
          {k: books[k] for k in ("ledger", "books", "cards", "cases")}, again["cases"])


def empty_folder(shop):
    return Path(tempfile.mkdtemp(dir=shop.dir))


def reaches_to_the_end(shop, image):
    """Data as large as its disk: found and read whatever happened to the table, and gone when the disk was written again."""
    folder = empty_folder(shop)
    for name in ("terminal", "identity"):
        (folder / name).mkdir()
    fill(shop, folder)
    data = card_image.make_data(shop.path("large.ext4"), folder, 500 * MIB)
    with Loop(shop.path("card"), 600 * MIB, source=image) as card:
        gpt.fill(card.path, "data")
        call("dd", f"if={data}", f"of={card.path}", "bs=64k", f"seek={gpt.place(card.path, 'data')[0] >> 16}", "conv=sparse,notrunc,fsync")
        for what, at, bytes_ in (("is whole", 0, b""), ("has a bit changed", 512 + 60, b"\x55"), ("has one copy left", 0, bytes(34 * 512)),
                                 ("is gone", 600 * MIB - 33 * 512, bytes(33 * 512))):
            with open(card.path, "r+b") as file:
                file.seek(at)
                file.write(bytes_)
                file.flush()
                os.fsync(file.fileno())
            done = flash("look", card.path, env={"BUILD": BUILD})
            check(f"unsent sales are found on a grown disk whose table {what}", "4 transactions of 4,800,000" in done.stdout, done.stdout + done.stderr)
        done = flash("write", "--board", BOARD, "--image", image, "--disk", card.path, "--club", "club:8443", "--ca", shop.path("club/ca.pem"),
                     "--code", CODE, "--labels", shop.path("labels"), "--yes", "--export", shop.path("from-large"), env={"BUILD": BUILD})
        check("and nothing of them is left when it is written again", done.returncode == 0 and b"SQLite format 3" not in card.bytes() and
              Path(shop.path("from-large")).stat().st_size == Path(shop.path("unsent")).stat().st_size, done.stdout + done.stderr)


def enciphered(shop):
    """As a device makes it whose board has a key: boards/common/device/vault_open.c."""
    data, key = Path(shop.path("luks")), Path(shop.path("board.key"))
    key.write_bytes(os.urandom(32))
    data.write_bytes(bytes(24 * MIB))
    subprocess.run(["cryptsetup", "luksFormat", "-q", "--type=luks2", "--label=vafa-data", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000",
                    "--luks2-metadata-size=16k", "--luks2-keyslots-size=512k", "--offset=2048", "--key-file", key, data],
                   check=True, capture_output=True)
    return data


def is_enciphered(shop, disk):
    for is_table_gone in (False, True):
        done, is_same = disk(enciphered(shop), is_table_gone=is_table_gone)
        check(f"a disk that is enciphered to its board is known{', its table gone' if is_table_gone else ''}, and left alone", done.returncode == 1 and
              is_same and "enciphered, and its board alone has the key" in done.stderr and "Let the terminal sync" in done.stderr and
              "--lose-unsent" in done.stderr and "its board alone has the key" in disk.looked, done.stderr + disk.looked)
    done, is_same = disk(enciphered(shop), "--lose-unsent", "1")
    check("and written when its sales are given up", done.returncode == 0 and not is_same, done.stderr)


def holds_nothing_or_garbage(shop, disk, pulled):
    work = shop.dir / "content"
    (work / "terminal").mkdir(parents=True)
    done, is_same = disk(card_image.make_data(shop.path("new.ext4"), work))
    check("a disk that never sold is written", done.returncode == 0 and "has not sold anything" in disk.looked, done.stderr + disk.looked)
    (work / "terminal/terminal.db").touch()   # the first start of a device makes it: boards/common/device/bring_up.c
    (work / "terminal/terminal.db").chmod(0o660)
    done, is_same = disk(card_image.make_data(shop.path("started.ext4"), work))
    check("so is one that was started and never set up", done.returncode == 0 and "has not sold anything" in disk.looked, done.stderr + disk.looked)
    shutil.copy(shop.path("terminal.db"), work / "terminal")   # by now the club has all of it
    done, is_same = disk(card_image.make_data(shop.path("sent.ext4"), work))
    check("so is one of which the club has all", done.returncode == 0 and "the club has all of its" in disk.looked, done.stderr + disk.looked)
    (work / "terminal/terminal.db").write_bytes(b"\x55" * 90000)
    rootless = card_image.make_data(shop.path("rootless.ext4"), empty_folder(shop))
    call("debugfs", "-w", "-R", "clri <2>", rootless)
    gone = empty_folder(shop)
    (gone / "identity").mkdir()
    shutil.copy(shop.path("identity/terminal.pem"), gone / "identity")
    (gone / "terminal").mkdir()
    lost = card_image.make_data(shop.path("gone.ext4"), gone)
    (gone / "terminal/terminal.db").touch()
    emptied = card_image.make_data(shop.path("emptied.ext4"), gone)
    garbage = Path(shop.path("garbage.ext4"))
    garbage.write_bytes(bytes(range(256)) * (24 * MIB // 256))
    for what, data in (("a database that is garbage", card_image.make_data(shop.path("bad.ext4"), work)),
                       ("a file system that is garbage", garbage), ("one without its root folder", rootless),
                       ("a terminal of the club without its database", lost), ("one whose database is empty", emptied)):
        done, is_same = disk(data)
        check(f"{what}: refused, left alone", done.returncode == 1 and is_same and "cannot be read" in done.stderr and
              "--lose-unsent" in done.stderr, done.stderr)
        done, is_same = disk(data, "--export", shop.path("never"))
        check("an export of it is refused, too", done.returncode == 1 and is_same and not os.path.exists(shop.path("never")), done.stderr)
        done, is_same = disk(data, "--lose-unsent", "yes")
        check("it is given up by the terminal's number only", done.returncode == 1 and is_same, done.stderr)
        done, is_same = disk(data, "--lose-unsent", "1")
        check("and then written", done.returncode == 0 and "terminal 1 had not sent is given up" in done.stdout, done.stderr)


def main():
    with Shop(BUILD) as shop:
        try:
            Loop(shop.path("try"), MIB).__exit__()
        except OSError as why:
            print(f"ok flash_again # SKIP there is no loop device: {why}")
            done = flash("look", "/dev/vafa-none")
            check("a disk that is not there is said", done.returncode == 1 and "No such file" in done.stderr, done.stderr)
            return exit_code()
        shop.open()
        shop.done("issue", "--opening", 1_000_000)
        shop.sync_once()
        shop.done("sale", 1_500_000, "--pay-credit", 200_000)
        shop.done("load", 300_000)
        sale = shop.done("sale", 2_000_000)
        shop.done("refund", sale["counter"], 1_000_000)
        shop.stop("terminal", "kill")
        image = card_image.make_image(shop.path("card.img"), shop.dir / "image", BOARD, 7)
        disk = Disk(shop, image)
        pulled = as_power_leaves_it(shop)
        holds_unsent(shop, disk, pulled)
        has_no_table(shop, disk, pulled)
        was_cut_at_its_begin(disk, pulled)
        knows_what_its_journal_takes(shop, image, pulled)
        reaches_to_the_end(shop, image)
        export_is_on_the_disk(shop)
        club_takes(shop)
        is_enciphered(shop, disk)
        holds_nothing_or_garbage(shop, disk, pulled)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
