#!/usr/bin/env python3
"""fetch - a bundle that the club offers reaches the device through sync, over pulled power, and is installed at a quiet
time; the club sees the version; support's log comes with consent only. Part of `make systest`.

As boot.py: real but for the machine, the reader and its card. Quiet is some seconds here, not ten minutes."""
import gzip
import json
import re
import subprocess
import sys
import time

import boot
import changed
from boot import ROOT, check, note
from disk import BOARD, environment, read

BUNDLE = ROOT / f"build/{BOARD}-image/{BOARD}-2.raucb"
QUIET_S, RATE = 10, 1_000_000
UID = "04a1b2c3"   # the card's


class Device(boot.Device):
    more_conf = f"quiet={QUIET_S}\nupdate_rate={RATE}\n"


def fleet(shop):
    """What the club knows of the only terminal."""
    return json.loads(shop.club("fleet", "--json").stdout)["terminals"][0]


def hours_around_now():
    """Two hours of Iran's day that this moment, and the next hour, are in."""
    hour = time.gmtime(time.time() + 12600).tm_hour
    return f"{hour}-{(hour + 2) % 24}"


class Offered(boot.Device):
    """A device that is quiet soon, and a changed version for it."""
    more_conf = "quiet=5\nupdate_rate=16000000\n"
    change = None   # a subclass has one of changed.py's

    def __init__(self, shop):
        self.bundle = changed.make(shop.dir / "newer.raucb", self.change)
        super().__init__(shop)

    def sells_and_is_offered(self):
        """All that is sold is sent; then the version comes, and is being installed. The card's points."""
        vm, shop = self.vm, self.shop
        shop.card(f"new ali 1k {UID}")
        shop.card("insert ali")
        vm.till(do="issue", amount=0)
        sold = vm.till(do="sale", amount=1000000)
        self.sync()
        offer(shop, self.bundle)
        vm.until("version 2 is being installed", 180)
        return sold["points"]


def offer(shop, path):
    """To all terminals of the board, as version 2."""
    shop.club("update", "add", str(path), "--board", BOARD, "--version", "2")
    shop.club("update", "start", "2", "--board", BOARD, "--hours", hours_around_now())


def part_bytes(device):
    """What of the bundle is on the device's disk, as the host sees it."""
    data = device.shop.dir / "data.now"
    data.write_bytes(read(device.image, "data"))
    subprocess.run(["e2fsck", "-fy", data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = subprocess.run(["debugfs", "-R", "stat /update/part", data], capture_output=True, text=True).stdout
    return int(said.split("Size: ")[1].split()[0])


def comes_over_pulled_power(device):
    """The offer comes; power goes when some of the bundle is there."""
    vm, shop = device.vm, device.shop
    shop.card(f"new ali 1k {UID}")
    shop.card("insert ali")
    vm.till(do="issue", amount=0)
    seen = lambda: [fleet(shop)[name] for name in ("board", "version", "slot", "good", "self_test")]
    shop.until(lambda: seen() == [BOARD, 1, "A", True, "ok"], 120, "the device's report")
    offer(shop, BUNDLE)
    vm.until("update: coming 2", 60)
    time.sleep(8)
    vm.pull_power()
    had = part_bytes(device)
    check("power goes while it comes, and what had come stays", 0 < had < BUNDLE.stat().st_size, had)
    note(f"{had:,} bytes were on the disk 8 s after the first was asked for, when power was pulled")
    device.boot()


def waits_for_a_quiet_time(device):
    """Somebody uses the till until the bundle is there: it is not installed meanwhile."""
    vm, shop = device.vm, device.shop
    while fleet(shop)["update"] != "waiting 2":
        sold = vm.till(do="sale", amount=1000000)
        assert sold["state"] == "done", sold
        time.sleep(2)
    before = vm.till(do="balance")
    last = vm.now()
    begun = vm.until("version 2 is being installed", 120)
    check("it is installed when the till was quiet, and not before", before["state"] == "done" and begun - last >= QUIET_S - 1, begun - last)
    return before


def is_marked_good(device, before):
    vm, shop = device.vm, device.shop
    vm.until("the device restarts", 180)
    vm.until("device: slot b, version 2, on trial", 180)
    vm.until("self-test ok", 120)
    seen = lambda: (fleet(shop)["version"], fleet(shop)["slot"], fleet(shop)["good"], fleet(shop)["self_test"])
    shop.until(lambda: seen() == (2, "B", True, "ok"), 60, "the version at the club")
    vm.until_it_answers()
    after = vm.till(do="balance")
    check("it restarts into it, is marked good, and the club sees it", environment(device.image, "env1")["BOOT_ORDER"] == "B A", seen())
    check("card and journal are as they were", all(after[name] == before[name] for name in ("state", "points", "credit", "counter")), (before, after))
    shop.until(lambda: fleet(shop)["update"] == "none", 60, "the end of the offer")


def shows_of_card(text, number):
    """What of the card stands there, however it is written."""
    bare = re.sub("[^0-9a-z*\n]", "", text.lower())
    return [shown for shown in (UID, number, f"*{number[-4:]}") if shown in bare]


def gives_its_log_with_consent(device):
    vm, shop = device.vm, device.shop
    log = shop.dir / "log.gz"
    number = vm.till(do="balance")["card"]
    shop.club("logs", "ask", "1", "--by", "Sara")
    time.sleep(12)  # two contacts
    check("no log comes without consent", "came" not in shop.club("logs", "list").stdout, shop.club("logs", "list").stdout)
    check("support is switched on at the till", vm.till(do="support", hours=1)["state"] == "done")
    shop.until(lambda: shop.club("logs", "take", "1", str(log), check=False).returncode == 0, 60, "the log")
    text = gzip.decompress(log.read_bytes()).decode()
    check("then it does, with the device's words", "device: slot b, version 2" in text and "board=" in text, text[:600])
    check("and without a card's number", shows_of_card(text, number) == [] and not any(
        word.isdigit() and len(word) >= 10 for word in text.split("-- now")[0].replace("=", " ").split()), text)


def is_installed_at_a_quiet_time(device):
    is_marked_good(device, waits_for_a_quiet_time(device))


if __name__ == "__main__":
    sys.exit(boot.play("fetch", Device, boot.first_boot, comes_over_pulled_power, is_installed_at_a_quiet_time,
                       gives_its_log_with_consent))
