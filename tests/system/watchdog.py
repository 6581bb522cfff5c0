#!/usr/bin/env python3
"""watchdog - a tap loop that hangs is started anew, one that works is not; one that hangs for good has the device reset by
its watchdog.

The image is this tree's but for a terminal that stops itself when a file on /data says so. A part of `make systest FULL=1`;
results: docs/proof.md."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import changed
import disk
from boot import Device, first_boot
from shop import Shop
from tap import check, exit_code, note


def put_file(device, name):
    """An empty file beside the database, by way of a copy of the partition whose log is replayed."""
    with tempfile.TemporaryDirectory(prefix="vafa-data.") as folder:
        data, empty = Path(folder) / "data.ext4", Path(folder) / "empty"
        data.write_bytes(disk.read(device.image, "data"))
        empty.touch()
        subprocess.run(["e2fsck", "-fy", data], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["debugfs", "-w", "-R", f"write {empty} /terminal/{name}", data], check=True, capture_output=True)
        disk.write(device.image, "data", data.read_bytes())


def hangs_once(device):
    put_file(device, "hang-once")
    vm = device.vm
    vm.power_on()
    ended = vm.until("terminal: does not answer: it is started anew", 120)
    ready = vm.until("ready to serve cards", 60)
    vm.until_it_answers()
    check("a tap loop that hangs is started anew and serves", vm.till(do="status")["ready"], ready)
    check("nothing else was restarted for it", sum("device: slot " in text for _, text in vm.lines) == 1)
    note(f"hung from its start on, ended {ended:.1f} s after power, ready again {ready - ended:.1f} s later")
    vm.pull_power()


def works_long(device):
    put_file(device, "work-long")
    vm = device.vm
    vm.power_on()
    ready = vm.until("ready to serve cards", 200)
    said = [text for _, text in vm.lines]
    check("one that says for 80 s that long work goes on is left alone, and then serves",
          ready > 80 and not any("started anew" in t or "self-test failed" in t for t in said) and
          sum("device: slot " in t for t in said) == 1, [t for t in said if "device:" in t])
    vm.pull_power()


def hangs_for_good(device):
    put_file(device, "hang-always")
    vm = device.vm
    vm.power_on()
    begun = vm.until("device: slot ", 120)
    seen = len(vm.lines)
    vm.until("device: slot ", 240, after=seen)
    again = next(at for at, text in vm.lines[seen:] if "device: slot " in text)
    said = [text for _, text in vm.lines[:len(vm.lines)]]
    check("one that hangs for good has the device reset by the watchdog, not by an orderly end",
          not any("goes down" in text for text in said), [t for t in said if "device:" in t])
    note(f"reset and started again {again - begun:.1f} s after the start before")
    vm.pull_power()


def main():
    with Shop(os.environ["BUILD"]) as shop, tempfile.TemporaryDirectory(prefix="vafa-watchdog.") as folder:
        disk.IMAGE = changed.make(Path(folder) / "hangs.img", changed.change_terminal, "image", 1)
        device = Device(shop)
        try:
            first_boot(device)
            device.vm.pull_power()
            hangs_once(device)
            works_long(device)
            hangs_for_good(device)
        finally:
            device.vm.pull_power()
            shutil.copy(device.vm.log_path, disk.ROOT / "build/systest-watchdog.log")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
