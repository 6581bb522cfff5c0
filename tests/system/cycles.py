#!/usr/bin/env python3
"""cycles - power comes and goes 50 times, at every moment of a boot: the version stays, and so does every sale.

A part of `make systest FULL=1`; results: docs/proof.md."""
import os
import shutil
import sys
import time

from boot import Device, first_boot
from disk import ROOT, environment, read, write, write_environment
from kills import journal
from shop import Shop
from tap import check, exit_code, note

CYCLES, LONGEST_S = 50, 6.0


def main():
    with Shop(os.environ["BUILD"]) as shop:
        device = Device(shop)
        vm = device.vm
        try:
            first_boot(device)
            shop.card("new ali 1k 04a1b2c3")
            shop.card("insert ali")
            vm.till(do="issue", amount=0)
            shop.stop("club")
            sold = vm.till(do="sale", amount=1000000)
            vm.pull_power()
            for part in ("boot", "root"):   # another slot that would start, had the first no tries left
                write(device.image, f"{part}_b", read(device.image, f"{part}_a"))
            write_environment(device.image, BOOT_ORDER="A B", BOOT_A_LEFT=40, BOOT_B_LEFT=40)
            before, _, _ = journal(device.image)
            fewest = 64
            for cycle in range(CYCLES):
                vm.power_on()
                time.sleep(0.2 + (cycle * 0.618 % 1) * LONGEST_S)   # spread evenly, in no order
                vm.pull_power()
                state = environment(device.image, "env1") or environment(device.image, "env2")
                fewest = min(fewest, int(state["BOOT_A_LEFT"], 16)) if state else 0
            after, _, _ = journal(device.image)
            device.boot()
            said = [text for _, text in vm.lines if "device: slot " in text][-1]
            card = vm.till(do="balance")
            check(f"after {CYCLES} quick power cycles the version is the same, marked good", said.endswith("slot a, version 1"), said)
            check("the boot loader's state was never lost", fewest > 3, fewest)
            check("the journal is whole, and nothing of it is gone", after >= before, (before, after))
            check("card and terminal agree", card["state"] == "done" and card["points"] == sold["points"] == 10, card)
            note(f"at least {fewest} of 64 tries were left; {after - before} starts were journalled")
        finally:
            vm.pull_power()
            shutil.copy(vm.log_path, ROOT / "build/systest-cycles.log")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
