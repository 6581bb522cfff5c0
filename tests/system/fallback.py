#!/usr/bin/env python3
"""fallback - an update that starts and does not work: its reader's line is none. The self-test fails, and the device falls back
by itself. A part of `make systest FULL=1`; results: docs/proof.md."""
import json
import sys

import boot
import changed
from boot import check
from disk import environment
from fetch import Offered, fleet


class Device(Offered):
    change = staticmethod(changed.change_reader)

    def state(self):
        return environment(self.image, "env1"), environment(self.image, "env2")


def fails_its_self_test(vm, seen):
    """Behind the console's line `seen`: the version runs, says why, and restarts the device. The console's next line."""
    vm.until("version 2, on trial", 120, after=seen)
    begun = next(at for at, line in vm.lines[seen:] if "version 2, on trial" in line)
    failed = vm.until("vafa: self-test failed: reader: ", 150, after=seen)
    vm.until("device: goes down", 20, after=seen)
    check("the new version names the part that fails, after 90 s, and gives up", 85 <= failed - begun <= 120, failed - begun)
    return len(vm.lines)


def falls_back(device):
    """Three tries: the first and the last end by the self-test, the second by a plug that is pulled."""
    vm = device.vm
    vm.until("the device restarts", 180)
    seen = fails_its_self_test(vm, len(vm.lines))
    vm.until("version 2, on trial", 120, after=seen)
    vm.pull_power()
    first, second = device.state()
    check("it is on trial still, with one try left", first == second and (first["BOOT_ORDER"], first["BOOT_B_LEFT"]) == ("B A", "1"), (first, second))
    vm.power_on()
    seen = fails_its_self_test(vm, 0)
    vm.until("device: slot ", 120, after=seen)
    said = next(line for _, line in vm.lines[seen:] if "device: slot " in line)
    check("the device falls back by itself", "slot a, version 1" in said and "on trial" not in said, said)
    vm.until("ready to serve cards", 120, after=seen)
    vm.until_it_answers()


def club_knows(device):
    shop = device.shop
    seen = lambda: [fleet(shop)[name] for name in ("version", "slot", "good", "failed", "self_test")]
    shop.until(lambda: seen() == [1, "A", True, 2, "ok"], 90, "the report of the fallback")
    check("the club's report says which version fell back", seen()[3] == 2, seen())
    updates = shop.club("update", "list").stdout
    check("and the rollout has stopped by itself", "fell back" in updates, updates)
    check("the fleet's view says so, too", "fell_back" in json.dumps(fleet(shop)) and "Version 2 was installed and fell back" in
          shop.club("fleet").stdout, shop.club("fleet").stdout)


def gets_it_and_falls_back(device):
    vm = device.vm
    points = device.sells_and_is_offered()
    falls_back(device)
    card, again = vm.till(do="balance"), vm.till(do="sale", amount=2000000)
    check("and sells on", (card["points"], again["state"], again["points"]) == (points, "done", points + 20), (card, again))


def main():
    return boot.play("fallback", Device, boot.first_boot, gets_it_and_falls_back, club_knows)


if __name__ == "__main__":
    sys.exit(main())
