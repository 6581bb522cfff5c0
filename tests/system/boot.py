#!/usr/bin/env python3
"""boot - a board's image from power to a sale, and through pulled power. Part of `make systest`.

Real: boot loader, kernel, file systems, processes, users, the guest's UART, TLS. Modelled: the machine (QEMU without
KVM), the PN532 and its card. The club and the simulator run here; nothing but the product runs in the guest."""
import calendar
import json
import os
import re
import shutil
import sqlite3
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/system"), str(ROOT / "tools/image")]

import build  # noqa: E402
import provision  # noqa: E402
from shop import Shop  # noqa: E402
from disk import BOARD, MACHINE, device_disk, environment  # noqa: E402
from tap import check, exit_code, note  # noqa: E402
from vm import Machine  # noqa: E402

# User and processes: boards/common/device/rights.h; in brackets a reader's real user, its parent's.
SERVING = {900: {"vafa-terminal"}, 901: {"vafa-reader(900)"}, 902: {"vafa-sync"}, 903: {"vafa-register"}}


class Device:
    """One terminal: a copy of the image, provisioned, with keys; its reader; a club that knows it."""
    more_conf = ""  # lines of what a technician writes, besides

    def __init__(self, shop):
        self.shop = shop
        self.image = shop.dir / "device.img"
        device_disk(self.image)
        shop.start_club()
        shop.start_reader()
        shop.club("programme", shop.programme)
        self.provision()
        self.vm = Machine(self.image, shop.path("reader"), shop.dir)

    def provision(self):
        code = self.shop.club("code", "--merchant", "Refah", "--branch", "Tajrish").stdout
        code = next(w for w in code.split() if w.count("-") >= 2 and w.replace("-", "").isalnum() and w == w.upper())
        ident = self.shop.dir / "ident"
        ident.mkdir()
        (ident / "terminal.conf").write_text(f"club=10.0.2.2:{self.shop.port}\nclub_name=localhost\ncode={code}\ninterval=5\n"
                                            + self.more_conf)
        shutil.copy(self.shop.dir / "club/ca.pem", ident)
        provision.provision(self.image, ident)
        self.put_keys()

    def put_keys(self):
        """They lie on the disk before it starts. How people bring them in: ceremony.py."""
        data = self.shop.dir / "data"
        (data / "keys").mkdir(parents=True)
        self.shop.run("vafa-keys", "new", data / "keys/keys")
        content = self.shop.dir / "data.ext4"
        build.make_data(content, data)
        provision.write_partition(self.image, "data", content)

    def boot(self):
        self.vm.power_on()
        took_s = self.vm.until("ready to serve cards")
        self.vm.until_it_answers()
        return took_s

    def sync(self):
        """Waits until the terminal has told the club everything."""
        self.shop.until(lambda: self.vm.till(do="status")["unsent"] == 0, seconds=180, what="the sync")


def first_boot(device):
    vm, shop = device.vm, device.shop
    vm.power_on()
    shop.until(lambda: shop.club("pending").stdout.strip(), seconds=120, what="the request to enrol")
    asked = shop.club("pending").stdout
    check("the request to enrol names the board", BOARD in asked, asked)
    shop.club("approve", "all")
    note(f"first power to ready, enrolment included: {vm.until('ready to serve cards', 120):.1f} s")
    vm.until_it_answers()
    status = vm.till(do="status")
    check("a device from the image enrols and is ready", status["ready"] and status["reader"] == "up", status)


def serves_a_card(device):
    vm, shop = device.vm, device.shop
    shop.card("new ali 1k 04a1b2c3")
    shop.card("insert ali")
    issued = vm.till(do="issue", amount=0)
    check("a card is issued over the guest's UART", issued["state"] == "done", issued)
    started = time.monotonic()
    sold = vm.till(do="sale", amount=1000000)
    check("a sale of 1,000,000 rials earns 10 points", sold["state"] == "done" and sold["points"] == 10, sold)
    note(f"a sale from the register's line to its answer: {time.monotonic() - started:.2f} s")


def survives_pulled_power(device):
    """The sale's answer came, the plug is drawn at once, and the club has heard nothing yet."""
    vm, shop = device.vm, device.shop
    device.sync()
    shop.stop("club")
    sold = vm.till(do="sale", amount=2000000)
    vm.pull_power()
    note(f"power to ready: {device.boot():.1f} s")
    status = vm.till(do="status")
    check("a sale that was answered is in the journal after power was pulled", status["unsent"] >= 2, status)
    held = vm.till(do="balance")
    check("card and terminal agree on it", held["state"] == "done" and held["points"] == sold["points"] == 30, held)


def survives_power_in_taps(device):
    for commands in MACHINE["cuts"].split():
        survives_power_in_a_tap(device, commands)


def survives_power_in_a_tap(device, commands):
    """Power goes after so many commands of the card; then the same sale is asked for again."""
    vm, shop = device.vm, device.shop
    before = vm.till(do="balance")
    shop.card("remove")
    vm.ask(do="sale", amount=1000000)
    vm.hear(10)
    shop.card("reset")
    shop.card("insert ali")
    shop.card(f"wait commands {commands} 20")
    vm.pull_power()
    note(f"power pulled after {shop.card('count')}; to ready: {device.boot():.1f} s")
    after = vm.till(do="balance")
    moved = after["points"] - before["points"]
    check(f"power pulled at command {commands}: the sale is on the card whole or not at all",
          after["state"] == "done" and moved == 10 * (after["counter"] - before["counter"]) and moved in (0, 10), after)


def books_agree(device):
    """Card and club, transaction by transaction; the club's side is read from its database."""
    vm, shop = device.vm, device.shop
    shop.start_club()
    history = {s["counter"]: (s["points"], s["credit"]) for s in vm.till(do="history")["history"]}
    device.sync()
    points = credit = 0
    club = {}
    with sqlite3.connect(f"file:{shop.path('club/club.db')}?mode=ro", uri=True) as db:
        for counter, more_points, more_credit in db.execute("SELECT card_ctr, d0, d1 FROM txn ORDER BY card_ctr"):
            points, credit = points + more_points, credit + more_credit
            club[counter] = (points, credit)
    check("the club has every transaction of the card, once and none besides",
          history == club and sorted(club) == list(range(1, len(club) + 1)), (history, club))
    cases = json.loads(shop.club("report", "--json").stdout)["cases"]
    check("and no case", cases == [], cases)


class Clockless(Device):
    """As all that can be bought: nothing counts the time while power is off."""
    def __init__(self, shop):
        super().__init__(shop)
        self.vm.has_clock = False


def gets_the_clubs_time(device):
    """The last power-on was without a club, until books_agree()."""
    vm, shop = device.vm, device.shop
    said_at = vm.until("the clock was set by the club's")
    said = next(line for _, line in vm.lines if "the clock was set by the club's" in line)
    told = re.search(r"from 1970-01-01 00:\d\d:\d\d to (\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+) UTC", said)
    off_s = calendar.timegm(tuple(map(int, told.groups()))) - (time.time() - (vm.now() - said_at)) if told else None
    check("a device that starts without a date gets the club's", told and abs(off_s) <= 10 and
          vm.until("self-test ok (the clock was never set)", 1) < said_at < vm.until("vafa: self-test ok", 20,
          after=[line for _, line in vm.lines].index(said)), (said, off_s))
    check("and keeps it in the battery's clock, where there is one", ("its battery's clock, too" in said) == (MACHINE["no_clock"] != ""), said)
    row = lambda: json.loads(shop.club("fleet", "--json").stdout)["terminals"][0]
    shop.until(lambda: row()["clock"] == "by_hand", 60, "the report of the clock")
    check("the club sees that it is set and right", abs(row()["clock_error"]) <= 10 and "clock" not in [t["trouble"] for t in row()["troubles"]], row())
    hour = vm.till(do="status")["hour"]
    check("its day is Iran's of now", hour in {time.gmtime(time.time() + 12600 - s).tm_hour for s in (0, 60)}, hour)


def is_shut_and_divided(device):
    """What the device said at its last ready, of its ports and its processes."""
    vm = device.vm
    said = [line for _, line in vm.lines]
    check("no port is open", any("device: no port is open" in line for line in said), said)
    users = next(line for line in said if "device: users:" in line).split("users: ")[1]
    note(f"users: {users}")
    runs = {int(user): set(names) for user, *names in map(str.split, users.split(", "))}
    root = runs.pop(0)
    check("each process that serves has its own user; root has the first one, the network's and what marks the slot",
          runs == SERVING and root <= {"init", "vafa-init", "busybox", "udhcpc", "sh", "slot"}, users)


def state_is_kept_twice(device):
    first, second = (environment(device.image, name) for name in ("env1", "env2"))
    check("the running slot was marked good, in both copies", first == second and first["BOOT_A_LEFT"] == "40",
          (first, second))


def play(name, device_of, *stories):
    """The stories, one after the other, on one device of a new shop: the test's exit code. When one of them dies, the
    console's log is kept."""
    with Shop(os.environ["BUILD"]) as shop:
        device = device_of(shop)
        try:
            for story in stories:
                story(device)
        except Exception:
            log = f"build/systest-{name}.log"
            shutil.copy(device.vm.log_path, ROOT / log)
            print(f"not ok {name}: see {log}", flush=True)
            raise
        finally:
            device.vm.pull_power()
    return exit_code()


if __name__ == "__main__":
    sys.exit(play("boot", Clockless, first_boot, serves_a_card, survives_pulled_power, survives_power_in_taps, books_agree,
                  gets_the_clubs_time, is_shut_and_divided, state_is_kept_twice))
