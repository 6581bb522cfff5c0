#!/usr/bin/env python3
"""updates - signed bundles on a technician's stick: installed, refused, cut by pulled power. Part of `make systest`.

The running slot and what the boot loader goes by are read from the disk and the console, not from what the update says."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from disk import BOARD, MACHINE, ROOT, device_disk, environment, read
from tap import check, exit_code, note
from vm import Machine

import bundle  # tools/image, by way of disk

BUNDLES = ROOT / f"build/{BOARD}-image"
# Seconds into an installation; FULL=1 tries more of them.
CUTS_S = [0.6 * n for n in range(1, 25)] if os.environ.get("FULL") else [1.0, 5.0, 10.0]


def make_stick(path, content):
    path.unlink(missing_ok=True)
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.vfat", "-n", "VAFA-UPDATE", path], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mcopy", "-i", path, content, "::vafa.raucb"], check=True)
    return path


def flip_bit(source, target, at):
    data = bytearray(source.read_bytes())
    data[at] ^= 0x10
    target.write_bytes(data)
    return target


class Device:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.image = self.folder / "device.img"
        device_disk(self.image)
        self.vm = Machine(self.image, None, folder)

    def sign(self, name, version, board=BOARD, keys=None, rootfs=None):
        """The contents of version 2 signed as something else."""
        content = self.folder / f"content-{name}"
        content.mkdir()
        for part in ("rootfs.img", "boot.img"):
            os.link(BUNDLES / "work-2/bundle" / part, content / part)
        if rootfs:
            (content / "rootfs.img").unlink()
            (content / "rootfs.img").write_bytes(rootfs)
        return bundle.bundle(content, self.folder / f"{name}.raucb", board, version, keys)

    def boots(self, stick=None):
        self.vm.power_on(stick)
        self.vm.until("device: waits to be set up", 180)
        return self.running()

    def running(self):
        """(slot, version) of the last start."""
        said = [line for _, line in self.vm.lines if "device: slot " in line][-1].split("device: slot ")[1]
        return said[0], said.split("version ")[1].split(",")[0]

    def state(self):
        return environment(self.image, "env1"), environment(self.image, "env2")


def installs(device, stick):
    device.boots(stick)
    begun = device.vm.until("is being installed")
    done = device.vm.until("the device restarts", 180)
    device.vm.until("device: slot b, version 2", 180)
    device.vm.until("versions only go up", 180)
    note(f"install {done - begun:.1f} s; from its end to the new version's readiness "
         f"{device.vm.lines[-1][0] - done:.1f} s")
    first, second = device.state()
    check("an update installs, the device restarts into it, and it is marked good",
          first == second == {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "40", "BOOT_B_LEFT": "40", "BOOT_TRIED": "2"},
          (first, second))
    device.vm.pull_power()
    check("and stays", device.boots() == ("b", "2"), device.running())
    device.vm.pull_power()


def refuses(device, name, bundle_path, says):
    """On version 2 in slot b, which must have survived the case before: whatever comes, that goes on."""
    before = {part: read(device.image, part) for part in ("boot_b", "root_b")}
    running = device.boots(make_stick(device.folder / "stick.img", bundle_path))
    device.vm.until("update refused: ", 120)
    said = next(line for _, line in device.vm.lines if "update refused: " in line)
    device.vm.pull_power()
    whole = all(read(device.image, part) == data for part, data in before.items())
    check(f"{name} is refused, and the running version untouched", says in said and whole and running == ("b", "2"),
          (running, whole, said))


def survives_cuts(device, stick):
    """Power is pulled so long after an installation of version 3 began; the next boot begins it again. Its contents are
    version 2's, so the slot tells old from new; on a fast machine the last cuts come behind its end."""
    outcomes = []
    for cut_s in CUTS_S:
        outcomes.append(device.boots(stick))
        if outcomes[-1][0] == "a":
            break
        begun = device.vm.until("is being installed")
        time.sleep(max(0, begun + cut_s - device.vm.now()))
        device.vm.pull_power()
    device.vm.pull_power()
    outcomes = [*outcomes[1:], device.boots()]
    device.vm.pull_power()
    check(f"power pulled {len(outcomes)} times during an installation: old or new, never neither",
          all(o in (("b", "2"), ("a", "2")) for o in outcomes), outcomes)
    note("slot that boots after a cut at: " + ", ".join(f"{c:.1f} s {v}" for c, (v, _) in zip(CUTS_S, outcomes)))


def falls_back(device, stick):
    before = device.boots(stick)
    device.vm.until("the device restarts", 180)
    mark = len(device.vm.lines)
    device.vm.until("device: slot ", 240, after=mark)
    device.vm.until("update refused: it was installed from a stick and fell back", 120, after=mark)
    check("and is not installed again from the stick that was left in",
          not any("is being installed" in line for _, line in device.vm.lines[mark:]), device.vm.lines[-20:])
    device.vm.pull_power()
    # By the boot loader's own count, in each copy that is whole: the slot that starts again may be writing the other one.
    other = "A" if before[0] == "b" else "B"
    tries = {(state[f"BOOT_{other}_LEFT"], state["BOOT_TRIED"]) for state in device.state() if state}
    check("an update that cannot boot has its three tries, then the version before runs again", device.running() == before and
          tries == {("0", "4")}, (before, device.running(), tries))


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-updates.") as folder:
        device = Device(folder)
        try:
            run(device, Path(folder))
        finally:
            shutil.copy(device.vm.log_path, ROOT / "build/systest-updates.log")
            device.vm.pull_power()
    return exit_code()


def run(device, folder):
    good = BUNDLES / f"{BOARD}-2.raucb"
    installs(device, make_stick(folder / "stick-2.img", good))
    if MACHINE["updates"] == "one":
        return
    bundle.make_keys(folder / "strangers")
    newer = device.sign("newer", 3)
    half = newer.stat().st_size // 2
    refuses(device, "an older version", device.sign("older", 1), "versions only go up")
    refuses(device, "another CA's signature", device.sign("strangers", 3, keys=folder / "strangers"), "not signed by whom")
    refuses(device, "another board's bundle", device.sign("foreign", 3, board="another"), "ompatible")
    refuses(device, "a bundle with one bit changed", flip_bit(newer, folder / "flipped.raucb", half), "The slot that runs is as it was")
    refuses(device, "a file without a signature", BUNDLES / "work-2/bundle/rootfs.img", "not signed by whom")
    survives_cuts(device, make_stick(folder / "stick-3.img", newer))
    garbage = device.sign("garbage", 4, rootfs=bytes(range(1, 256)) * 4112)
    falls_back(device, make_stick(folder / "stick-4.img", garbage))


if __name__ == "__main__":
    sys.exit(main())
