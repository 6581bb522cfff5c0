#!/usr/bin/env python3
"""image - a board's image in figures: its size, flashing it, power to ready, memory at ready, an update.

    BOARD=nanopi-neo-armhf BUILD=build/sim-release tests/bench/image.py     one JSON object a line: the bench's `image.BOARD.*`

Times are those of QEMU without KVM on this machine, and of a loop device; no board was held. The spike is the trial of a day
in which the parts of all this were first put together, by hand, on a machine like this one."""
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/support")]

import boot  # noqa: E402
from boot import BOARD, Shop  # noqa: E402
from card_image import Loop  # noqa: E402
from disk import IMAGE, environment  # noqa: E402
from flash import CARD_BYTES, flash  # noqa: E402
from tap import exit_code  # noqa: E402
from updates import make_stick  # noqa: E402
from vm import PATIENCE  # noqa: E402

BUNDLE = ROOT / f"build/{BOARD}-image/{BOARD}-2.raucb"
BOOTS = 3
# The spike's figures: {board: (seconds, how far it got)}
SPIKE_READY = {"qemu-virt-arm64": (9.3, "the spike, to systemd's ready"), "nanopi-neo-armhf": (38, "the spike, to systemd's ready"),
               "raspberrypi3-arm64": (30, "the spike, to a program in the initial file system")}
SPIKE_UPDATE = {"qemu-virt-arm64": (7.5, "the spike"), "nanopi-neo-armhf": (27, "the spike")}
NONE = ("-", "-")


def figure(name, value, unit, against=NONE, note=""):
    print(json.dumps({"name": f"image.{BOARD}.{name}", "value": value, "unit": unit, "against": against[1], "against_value": against[0],
                      "note": note}), flush=True)


def load():
    return f"load {os.getloadavg()[0]:.0f}"


def sizes():
    packed = subprocess.run(["sh", "-c", 'xz -6 -T1 -c "$1" | wc -c', "xz", IMAGE], check=True, capture_output=True, text=True).stdout
    figure("packed", int(packed), "bytes", (40_000_000, "aim"), f"the image as xz -6 packs it; {IMAGE.stat().st_size} unpacked")
    figure("bundle", BUNDLE.stat().st_size, "bytes", NONE, "a signed update: kernel, device tree, root file system")


def flashing(shop):
    """What tools/flash writes, and how long it takes; a loop device has the speed of this machine's disk, or of its memory."""
    code = next(word for word in shop.club("code", "--merchant", "Refah", "--branch", "Vanak").stdout.split() if word.count("-") == 2)
    with Loop(shop.path("card"), CARD_BYTES) as card:
        process = flash("write", "--board", BOARD, "--image", IMAGE, "--disk", card.path, "--club", f"10.0.2.2:{shop.port}", "--club-name",
                        "localhost", "--ca", shop.path("club/ca.pem"), "--code", code, "--labels", shop.path("labels"), "--yes")
        said = process.communicate(timeout=300)[0]
    found = re.search(r"Written: .*\(([0-9.]+) % of the disk, ([0-9.]+) % of the image\) in ([0-9.]+) s; .* in ([0-9.]+) s\.", said)
    if process.returncode != 0 or not found:
        sys.exit(f"image: flash did not write: {said}")
    disk, image, wrote_s, read_s = map(float, found.groups())
    figure("flash", round(wrote_s + read_s, 1), "s", (2, "the spike, to a file and not read back"),
           f"written in {wrote_s} s, read back in {read_s}; a loop device; {load()}")
    figure("flash.share", disk, "%", NONE, f"of an 8 GiB disk, what is cleared included; {image} % of the image")


def starting(device):
    """Power to ready, and what of the guest's memory is in use then. The first start, which enrols, is not counted."""
    vm, times = device.vm, []
    boot.first_boot(device)
    for _ in range(BOOTS):
        vm.pull_power()
        times.append(device.boot())
    vm.until("of memory are in use")
    used, whole = next(map(int, found.groups()) for _, line in vm.lines if (found := re.search(r"(\d+) of (\d+) KiB of memory", line)))
    figure("ready", round(statistics.median(times), 1), "s", SPIKE_READY[BOARD],
           f"power to ready to serve cards, median of {BOOTS}; {min(times):.1f} to {max(times):.1f}; {load()}")
    figure("memory", used, "KiB", NONE, f"in use at ready, of {whole}: kernel, file systems in memory and all processes")


def updating(device):
    """From a stick: the installation, and from its end to the new version's readiness."""
    vm = device.vm
    vm.pull_power()
    vm.power_on(make_stick(device.shop.dir / "stick.img", BUNDLE))
    begun = vm.until("is being installed", 120)
    installed = vm.until("the device restarts", 180)
    seen = len(vm.lines)
    vm.until("slot b, version 2", 180, after=seen)
    ready = vm.until("ready to serve cards", 180, after=seen)
    device.shop.until(lambda: (environment(device.image, "env1") or {}).get("BOOT_B_LEFT") == "40", 120 * PATIENCE, "marking good")
    figure("update", round(installed - begun, 1), "s", SPIKE_UPDATE.get(BOARD, NONE), f"installed from a stick; {load()}")
    figure("update.ready", round(ready - installed, 1), "s", NONE, f"from there to the new version's ready to serve cards; {load()}")


def main():
    sizes()
    with Shop(os.environ["BUILD"]) as shop:
        device = boot.Device(shop)
        try:
            flashing(shop)
            starting(device)
            updating(device)
        finally:
            device.vm.pull_power()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
