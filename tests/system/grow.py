#!/usr/bin/env python3
"""grow - a terminal that has sold gets a larger partition for its data, and its file system grows into it, with power pulled
meanwhile. Part of `make systest`.

tools/flash leaves the rest of a disk to the data (tests/e2e/flash.py); here the same is done to a disk that has sales."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

from boot import Device, first_boot
from disk import ROOT
from kills import journal
from shop import Shop
from tap import check, exit_code, note

import gpt  # noqa: E402

DISK_BYTES = 64 << 30   # sparse; growing takes longer than on most cards, so that there is something to cut
SMALL_MIB = 64
CUTS_S = (0.0, 0.2, 0.5)   # behind the first word of it


def copy_of(image, folder):
    """A copy of the disk, and e2fsprogs' name for the data in it."""
    copy = f"{folder}/copy.img"
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    return copy, f"{copy}?offset={gpt.place(image, 'data')[0]}"


def look(image, folder):
    """(MiB, whether it is whole, e2fsck's words, per cent that are kept for the terminal) of the file system, as the next start finds it: its journal replayed."""
    copy, data = copy_of(image, folder)
    said = [subprocess.run(["e2fsck", *how, data], capture_output=True, text=True, check=False) for how in
            (("-y", "-E", "journal_only"), ("-fn",))]
    told = subprocess.run(["dumpe2fs", "-h", data], capture_output=True, text=True, check=False).stdout
    os.unlink(copy)
    blocks, kept = (int(re.search(rf"^{what} count: +(\d+)", told, re.MULTILINE)[1]) for what in ("Block", "Reserved block"))
    return blocks >> 8, said[1].returncode == 0, said[0].stdout + said[1].stdout, 100 * kept / blocks


def sells(device):
    vm, shop = device.vm, device.shop
    first_boot(device)
    check("a partition that is full of its file system does not grow", not any("grow" in text for _, text in vm.lines))
    shop.card("new ali 1k 04a1b2c3")
    shop.card("insert ali")
    vm.till(do="issue", amount=0)
    shop.stop("club")
    check("it sells", vm.till(do="sale", amount=1000000)["points"] == 10)
    vm.pull_power()


def is_cut(device, entries, whole_mib):
    """Power goes again and again: each time the file system is some steps larger, and whole."""
    vm, sizes = device.vm, [SMALL_MIB]
    for seconds in CUTS_S:
        vm.power_on()
        vm.until("/data grows from")
        time.sleep(seconds)
        vm.pull_power()
        mib, is_whole, said, _ = look(device.image, device.shop.dir)
        there, _, _ = journal(device.image)
        check(f"power pulled {seconds} s behind its first word: the file system is whole, not smaller, and has the journal",
              is_whole and sizes[-1] <= mib <= whole_mib and there >= entries, (sizes, mib, there, entries, said[-600:]))
        sizes.append(mib)
        if mib == whole_mib:
            break
    note(f"MiB after each cut: {sizes[1:]}, of {whole_mib}")


def has_grown(device, whole_mib):
    vm, shop = device.vm, device.shop
    device.boot()
    said = {word: at for at, text in vm.lines for word in ("grows from", "has grown") if word in text}
    check("the next start does the rest", "has grown" in said or look(device.image, shop.dir)[0] == whole_mib, vm.lines[-20:])
    if "has grown" in said:
        note(f"the rest: {said['has grown'] - said['grows from']:.2f} s")
    held = vm.till(do="balance")
    check("the sale before it is on the card and in the journal", held["state"] == "done" and held["points"] == 10, held)
    check("it sells", vm.till(do="sale", amount=2000000)["points"] == 30)
    shop.start_club()
    device.sync()

    def free():
        return json.loads(shop.club("fleet", "--json").stdout)["terminals"][0]["free"]
    shop.until(lambda: free() > (whole_mib << 20) * 0.9, seconds=60, what="the report of what is free")
    check("the club has both sales, and sees what is free", json.loads(shop.club("report", "--json").stdout)["cases"] == [])
    vm.pull_power()


def main():
    with Shop(os.environ["BUILD"]) as shop:
        device = Device(shop)
        try:
            sells(device)
            entries, _, _ = journal(device.image)
            os.truncate(device.image, DISK_BYTES)
            whole_mib = gpt.fill(device.image, "data") >> 20
            is_cut(device, entries, whole_mib)
            has_grown(device, whole_mib)
            mib, is_whole, said, kept = look(device.image, shop.dir)
            check("it is as large as its partition, and whole", is_whole and mib == whole_mib, (mib, whole_mib, said[-600:]))
            check("a twentieth of it is kept for the terminal, whoever fills the rest", kept >= 5, kept)
        finally:
            device.vm.pull_power()
            shutil.copy(device.vm.log_path, ROOT / "build/systest-grow.log")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
