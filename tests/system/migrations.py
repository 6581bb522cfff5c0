#!/usr/bin/env python3
"""migrations - an update whose database the version before cannot use; power is pulled within the migration's transaction.

The newer version is changed.py's: its migration has steps, and each is on the disk when the console tells it. That power went
inside the transaction is read from the disk: steps of that very run are in the database's log, and none is in the database.
A part of `make systest FULL=1`; results: docs/proof.md."""
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import boot
import changed
from boot import check, note
from disk import write_environment
from fetch import Offered, fleet
from kills import VERSION, held, journal

OLD, NEW = VERSION, VERSION + 1   # of the database
KILLS_ON_TRIAL = (5, 20)
# (step, at most so many seconds behind it): the last ones meet the commit.
KILLS = (*((step, 0.15) for step in (1, 3, 6, 9, 12, 15, 18, 21, 23)), (24, 0.1), (24, 0.2), (24, 0.4), (24, 0.8))
SAID = re.compile(r"migrating (\d+), step (\d+)\.")


class Device(Offered):
    change = staticmethod(changed.change_storage_for_good)

    def keep(self, name):
        subprocess.run(["cp", "--sparse=always", self.image, self.shop.dir / name], check=True)

    def take(self, name):
        subprocess.run(["cp", "--sparse=always", self.shop.dir / name, self.image], check=True)

    def steps(self):
        """(line's number, run, step) of each step that the console has told since power came."""
        told = ((n, SAID.search(line)) for n, (_, line) in enumerate(self.vm.lines))
        return [(n, int(match[1]), int(match[2])) for n, match in told if match]

    def line_of(self, text):
        return next(n for n, (_, line) in enumerate(self.vm.lines) if text in line)


def steps_in_log(image, migration):
    """How many steps of that run of a migration the database's log on the disk has, counted or not."""
    with tempfile.TemporaryDirectory(prefix="vafa-log.") as folder:
        assert held.extract(SimpleNamespace(path=image), folder), "no database"
        log = Path(folder) / "terminal.db-wal"
        return len(set(re.findall(rb"later %d step \d+, " % migration, log.read_bytes()))) if log.exists() else 0


def is_installed(device):
    """Power is pulled when the version is to boot first. The club hears nothing of what is tried on copies of the disk."""
    vm, shop = device.vm, device.shop
    device.points = device.sells_and_is_offered()
    vm.until("the device restarts", 180)
    vm.until("U-Boot", 60, after=len(vm.lines))
    vm.pull_power()
    shop.stop("club")
    device.before = journal(device.image, OLD)
    device.keep("installed.img")
    shop.card(f"dump ali {shop.path('ali.card')}")


def waits_and_migrates(device):
    vm, before, points = device.vm, device.before, device.points
    vm.power_on()
    vm.until("ready to serve cards", 180)
    vm.until_it_answers()
    passed = device.line_of("vafa: self-test ok")
    steps = device.steps()
    on_trial, behind = ([run for n, run, _ in steps if (n < passed) == first] for first in (True, False))
    check("on trial the migration is rehearsed once, and waits", "version 2, on trial" in vm.lines[device.line_of("device: slot b")][1] and
          device.line_of(f"Wait: terminal.db has version {OLD}, and becomes {NEW}") < passed and on_trial == on_trial[:1] * changed.STEPS, steps)
    check("the slot is marked good, and then it is done", behind == behind[:1] * changed.STEPS and behind[0] != on_trial[0], steps)
    card, sold = vm.till(do="balance"), vm.till(do="sale", amount=2000000)
    check("it sells on, and the card is as it was", (card["points"], sold["state"], sold["points"]) == (points, "done", points + 20), (card, sold))
    vm.pull_power()
    entries, mark, tables = journal(device.image, OLD)
    check("the journal is whole, nothing is lost, and the database is the new one", entries > before[0] and (mark, tables) == (NEW, before[2] + 1),
          (entries, mark, tables, before))
    took_s = vm.until("ready to serve cards") - vm.until("device: slot b")
    note(f"from the new version's first line to ready, {changed.STEPS} slow steps twice: {took_s:.1f} s")


def kill(device, step, within_s, after=None):
    """Power on; then off at most so long after that step of the migration; `after`: the one that comes after that line. What the
    disk says: (entries, mark, tables), and how many of that migration's steps are in the log."""
    vm, late_s = device.vm, random.uniform(0, within_s)
    vm.power_on()
    passed = 0
    if after:
        vm.until(after, 180)
        passed = device.line_of(after)
    vm.until(f", step {step}.", 180, after=passed)
    time.sleep(late_s)
    vm.pull_power()
    steps = device.steps()
    return journal(device.image, OLD), steps_in_log(device.image, steps[-1][1]), late_s


def survives_kills_on_trial(device):
    device.take("installed.img")
    device.shop.card(f"load ali {device.shop.path('ali.card')}")
    for step in KILLS_ON_TRIAL:
        found, there, late_s = kill(device, step, 0.15)
        check(f"power pulled {late_s:.2f} s after step {step} of the rehearsal: the database is the old one",
              found[0] >= device.before[0] and found[1:] == device.before[1:], (found, device.before))
        note(f"  {there} steps were in the log, and did not count")


def survives_kills(device):
    """The slot is marked good before the first of them, the database is the old one until one of them comes too late."""
    before, inside = device.before, 0
    for step, within_s in KILLS:
        found, there, late_s = kill(device, step, within_s, None if inside else "vafa: self-test ok")
        is_old = found[1:] == before[1:]
        check(f"power pulled {late_s:.2f} s after step {step} of the migration: old or new, journal whole",
              found[0] >= before[0] and (is_old or found[1:] == (NEW, before[2] + 1)), (found, before))
        note(f"  database {'old' if is_old else 'new'}; {there} steps of this migration in the log")
        if is_old:
            inside += there > 0
            device.keep("old.img")
        else:
            device.take("old.img")
    check(f"{inside} of {len(KILLS)} were inside the transaction, as the disk shows", inside >= 8, inside)


def sells_after_them(device):
    vm, points = device.vm, device.points
    vm.power_on()
    vm.until("ready to serve cards", 180)
    vm.until_it_answers()
    card, sold = vm.till(do="balance"), vm.till(do="sale", amount=3000000)
    device.shop.start_club()
    device.sync()
    seen = lambda: [fleet(device.shop)[name] for name in ("version", "good", "self_test", "failed")]
    device.shop.until(lambda: seen() == [2, True, "ok", None], 60, "the version at the club")
    vm.pull_power()
    entries, mark, _ = journal(device.image, OLD)
    check("after all of them it migrates, sells on, and the journal is whole", (card["points"], sold["points"], mark) == (points, points + 30, NEW)
          and entries > device.before[0], (card, sold, entries, mark))


def is_refused_by_the_version_before(device):
    vm = device.vm
    write_environment(device.image, BOOT_ORDER="A B", BOOT_A_LEFT=40, BOOT_B_LEFT=40, BOOT_TRIED=2)
    vm.power_on()
    vm.until("device: slot a, version 1", 60)
    vm.until(f"Update the firmware: terminal.db has version {NEW}", 60)
    vm.pull_power()
    check("the version before says that it cannot use it, and changes nothing", journal(device.image, OLD)[1] == NEW)


def main():
    seed = int(os.environ.get("SEED", time.time()))
    random.seed(seed)
    note(f"SEED={seed}")
    return boot.play("migrations", Device, boot.first_boot, is_installed, waits_and_migrates, is_refused_by_the_version_before,
                     survives_kills_on_trial, survives_kills, sells_after_them)


if __name__ == "__main__":
    sys.exit(main())
