#!/usr/bin/env python3
"""slots - which slot boots, when one of them or the boot loader's state is spoilt; and a disk with an error. Part of
`make systest`.

No update is installed here: the second slot is a copy of the first, laid there by hand. No reader, no club."""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from disk import device_disk, environment, read, write, write_environment
from tap import check, exit_code, note
from vm import PATIENCE, Machine

NOISE = bytes(range(1, 256)) * 4200   # 1 MiB that is no file system


class Device:
    def __init__(self, folder):
        self.image = Path(folder) / "device.img"
        device_disk(self.image)
        self.vm = Machine(self.image, None, folder)
        for part in ("boot", "root"):
            write(self.image, f"{part}_b", read(self.image, f"{part}_a"))

    def boots(self, **state):
        """Sets the boot loader's state, gives power: the first slot that comes up, how long it took, how many
        tries the other one has left."""
        if state:
            write_environment(self.image, **state)
        self.vm.power_on()
        took_s = self.vm.until("device: waits to be set up", 180)
        said = " ".join(line for _, line in self.vm.lines)
        slot = said.split("device: slot ")[1][0]
        self.settle(slot)
        return slot, took_s, environment(self.image, "env1")[f"BOOT_{'A' if slot == 'b' else 'B'}_LEFT"]

    def note_error(self):
        """In /data, as its file system does when it meets one."""
        with tempfile.NamedTemporaryFile(prefix="vafa-data.") as data:
            data.write(read(self.image, "data"))
            data.flush()
            subprocess.run(["e2fsck", "-fy", data.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run(["debugfs", "-w", "-R", "ssv state 2", data.name], check=True, capture_output=True)
            write(self.image, "data", Path(data.name).read_bytes())

    def settle(self, slot):
        """Marking good is the last thing that a boot writes."""
        end_at = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end_at:
            state = environment(self.image, "env1"), environment(self.image, "env2")
            if None not in state and all(s[f"BOOT_{slot.upper()}_LEFT"] == "40" for s in state):
                break
            time.sleep(0.1)
        self.vm.pull_power()


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-slots.") as folder:
        device = Device(folder)
        try:
            run(device)
        finally:
            device.vm.pull_power()
    return exit_code()


def run(device):
    image = device.image
    both = {"BOOT_A_LEFT": 3, "BOOT_B_LEFT": 3}
    slot, took_s, _ = device.boots(BOOT_ORDER="B A", **both)
    check("the first of the order boots", slot == "b", slot)
    check("and has its tries back, in both copies", environment(image, "env1") == environment(image, "env2") ==
          {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "40"}, environment(image, "env1"))
    write(image, "env1", NOISE[:0x4000])
    slot, _, _ = device.boots()
    check("one copy of the state is garbage: the other one is believed", slot == "b", slot)
    check("and the garbage is mended", environment(image, "env1") == environment(image, "env2") is not None)
    device.note_error()
    slot, _, _ = device.boots(BOOT_ORDER="B A", BOOT_A_LEFT=3, BOOT_B_LEFT=0)
    check("a slot without tries left is passed over", slot == "a", slot)
    repaired = any("/data was repaired: e2fsck ended with " in line for _, line in device.vm.lines)
    slot, _, _ = device.boots()
    again = any("/data was repaired" in line for _, line in device.vm.lines)
    check("an error in /data is repaired at the next start, once", repaired and not again, (repaired, again))
    slot, _, _ = device.boots(BOOT_ORDER="B A", BOOT_A_LEFT=0, BOOT_B_LEFT=0)
    check("when none has tries left, the device still boots", slot == "a", slot)
    kept = read(image, "root_b", len(NOISE))
    write(image, "root_b", NOISE)
    slot, took_s, left = device.boots(BOOT_ORDER="B A", **both)
    check("a root file system that is garbage: three tries, then the other slot", slot == "a" and left == "0", (slot, left))
    note(f"power to the other slot's readiness: {took_s:.1f} s")
    write(image, "root_b", kept)
    write(image, "boot_b", NOISE)
    slot, took_s, left = device.boots(BOOT_ORDER="B A", **both)
    check("a kernel that is garbage: three tries, then the other slot", slot == "a" and left == "0", (slot, left))
    note(f"power to the other slot's readiness: {took_s:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
