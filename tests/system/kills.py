#!/usr/bin/env python3
"""kills - power is pulled at chosen instants of an update: install, switch, first boot, migration, marking good.

    tests/system/kills.py [FIRST LAST]     those of the list, numbered from 1; all of them takes half an hour

After each: old or new, and the journal on the disk whole, as Python reads it and as vafa-export does. A part of
`make systest FULL=1`; results: docs/proof.md."""
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from disk import ROOT, environment, write_environment

sys.path.insert(0, str(ROOT / "tools/flash"))
import bundle  # noqa: E402  tools/image, by way of disk
import held  # noqa: E402
import changed  # noqa: E402
from boot import Device, first_boot  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code, note  # noqa: E402
from updates import make_stick  # noqa: E402

# (what is under way, the console's line that it is counted from, seconds behind it)
INSTANTS = [
    *(("install", "is being installed", s) for s in (0.1, 0.8, 1.6, 2.4, 3.2, 4.0, 5.0, 6.0, 7.0)),
    *(("switch", "is installed: the device restarts", s) for s in (0.0, 0.2, 0.5, 1.0)),
    *(("first boot", "device: goes down", s) for s in (1.5, 3.0, 4.5)),
    *(("migration", "version 2, on trial", s) for s in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3)),
    *(("marking good", "self-test ok", s) for s in (0.0, 0.1, 0.3)),
]


# What marks the database of changed.change_storage(): docs/storage.md, "Older and newer versions".
VERSION, READABLE_FROM = bundle.database_versions()
NEWER = VERSION + 1 + 65536 * READABLE_FROM


def journal(image, newest=NEWER):
    """(entries, user_version, tables) of the journal on the disk; an error when it is not whole. `newest`: the highest
    user_version that this tree's programs can use."""
    with tempfile.TemporaryDirectory(prefix="vafa-journal.") as folder:
        assert held.extract(SimpleNamespace(path=image), folder), "no database"
        found = held.Held(folder)
        path = Path(folder) / "terminal.db"
        copies = [shutil.copy(f"{path}{end}", f"{folder}/python.db{end}") for end in ("", "-wal") if os.path.exists(f"{path}{end}")]
        db = sqlite3.connect(copies[0])
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        value, last = bytes(32), 0
        for seq, data, stored in db.execute("SELECT seq, bytes, hash FROM journal ORDER BY seq"):
            value = hashlib.sha256(value + data).digest()
            assert seq == last + 1 and value == stored, f"the chain breaks at {seq}"
            last = seq
        mark, = db.execute("PRAGMA user_version").fetchone()
        tables, = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        db.close()
        if mark <= newest:
            found.take_look()
            assert found.look["entries"] == last, (found.look, last)
        return last, mark, tables


class Trial:
    def __init__(self, device, folder, newer):
        self.device, self.vm = device, device.vm
        self.stick = make_stick(folder / "stick.img", newer)
        self.base = folder / "base.img"
        subprocess.run(["cp", "--sparse=always", device.image, self.base], check=True)
        self.entries, self.mark, self.tables = journal(self.base)
        self.points = 10

    def kill(self, line, seconds):
        """The base device, updated until that long after that line of the console."""
        subprocess.run(["cp", "--sparse=always", self.base, self.device.image], check=True)
        self.vm.power_on(self.stick)
        self.vm.until("is being installed", 120)
        mark = len(self.vm.lines) if line == "self-test ok" else 0
        at = self.vm.until(line, 180, after=mark)
        time.sleep(max(0, at + seconds - self.vm.now()))
        self.vm.pull_power()

    def kill_and_look(self, number, phase, line, seconds):
        self.kill(line, seconds)
        entries, mark, tables = journal(self.device.image)
        copies = [environment(self.device.image, name) for name in ("env1", "env2")]
        whole = entries >= self.entries and (mark, tables) in ((self.mark, self.tables), (NEWER, self.tables + 1))
        self.vm.power_on()
        self.vm.until("ready to serve cards", 180)
        said = [text for _, text in self.vm.lines if "device: slot " in text][-1]
        slot, version = said.split("device: slot ")[1][0], said.split("version ")[1][0]
        self.vm.until_it_answers()
        card = self.vm.till(do="balance")
        after = self.vm.till(do="status")
        self.vm.pull_power()
        check(f"kill {number}: {phase}, {seconds} s after \"{line}\": old or new, journal whole",
              whole and any(copies) and (slot, version) in (("a", "1"), ("b", "2")) and card["state"] == "done" and
              card["points"] == self.points and after["entries"] > entries,
              (entries, self.entries, mark, tables, copies, said, card, after))
        note(f"  boots as version {version}; database marked {mark}, {entries} entries; copies of the state whole: "
             f"{sum(c is not None for c in copies)}")

    def falls_back_and_comes_again(self):
        """The newer version has migrated and sold; its slot is taken from it, then given back."""
        subprocess.run(["cp", "--sparse=always", self.base, self.device.image], check=True)
        self.vm.power_on(self.stick)
        self.vm.until("version 2, on trial", 180)
        self.vm.until("self-test ok", 180, after=len(self.vm.lines) - 1)
        self.vm.until_it_answers()
        for slot, version, wants, millions in ((None, "2", NEWER, 2), ("A B", "1", self.mark, 3), ("B A", "2", NEWER, 4)):
            if slot:
                write_environment(self.device.image, BOOT_ORDER=slot, BOOT_A_LEFT=40, BOOT_B_LEFT=40, BOOT_TRIED=2)
                self.device.boot()
            sold = self.vm.till(do="sale", amount=millions * 1000000)   # another one each time: the same would be done once
            self.points += 10 * millions
            self.vm.pull_power()
            entries, mark, _ = journal(self.device.image)
            check(f"version {version} sells with the database{' that the other one left' if slot else ''}", sold["state"] == "done"
                  and sold["points"] == self.points and mark == wants, (sold, mark, entries))


def main(first="1", last="0"):
    with Shop(os.environ["BUILD"]) as shop, tempfile.TemporaryDirectory(prefix="vafa-kills.") as folder:
        newer = changed.make(Path(folder) / "newer.raucb", changed.change_storage)
        device = Device(shop)
        try:
            first_boot(device)
            shop.card("new ali 1k 04a1b2c3")
            shop.card("insert ali")
            device.vm.till(do="issue", amount=0)
            shop.stop("club")
            device.vm.till(do="sale", amount=1000000)
            device.vm.pull_power()
            trial = Trial(device, Path(folder), newer)
            for number, instant in enumerate(INSTANTS, 1):
                if int(first) <= number <= (int(last) or len(INSTANTS)):
                    trial.kill_and_look(number, *instant)
            if int(last) in (0, len(INSTANTS)):
                trial.falls_back_and_comes_again()
        finally:
            device.vm.pull_power()
            shutil.copy(device.vm.log_path, ROOT / "build/systest-kills.log")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
