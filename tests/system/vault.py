#!/usr/bin/env python3
"""vault - a device whose board holds a key for /data: made enciphered, used, taken to another board, cut. A part of `make systest FULL=1`.

The board's key is QEMU's to give, as fuses would. What the disk shows is read from the image, as a thief would."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/system"), str(ROOT / "tools/image")]

import boot  # noqa: E402
import provision  # noqa: E402
from disk import BOARD, device_disk, environment, read  # noqa: E402
from luks import Volume  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code, note  # noqa: E402
from updates import make_stick  # noqa: E402
from vm import Machine  # noqa: E402

UID = "04a1b2c3d4e5f6"
SALES = 8
POINTS = 10 * (sum(range(1, SALES + 1)) + 1)   # ten for each million; one more is sold when power is pulled
# Seconds behind "/data is being enciphered"; FULL=1 tries more of them.
CUTS_S = [0.1 * n for n in range(25)] if os.environ.get("FULL") else [0.0, 0.4, 1.2]
SAYS_SHUT = "self-test failed: data: "


class Device(boot.Device):
    """Without keys until its /data is enciphered: then they are in it as of a ceremony at its console."""
    def put_keys(self):
        self.key = self.shop.dir / "board.key"
        self.key.write_bytes(os.urandom(32))

    def put_keys_into_vault(self):
        data, content = self.shop.dir / "data", self.shop.dir / "data.ext4"
        (data / "keys").mkdir(parents=True)
        self.shop.run("vafa-keys", "new", data / "keys/keys")
        size = len(Volume(self.image, self.key).read())
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", "-d", data, content, f"{size >> 10}k"], check=True,
                       stdout=subprocess.DEVNULL)
        Volume(self.image, self.key).write(content.read_bytes())


def console(vm):
    return "\n".join(line for _, line in vm.lines)


# --- made, used, pulled ---------------------------------------------------------------------------


def is_made(device):
    vm = device.vm
    vm.key = device.key
    vm.power_on()
    vm.until("waits to be set up", 120)
    vm.pull_power()
    check("a new device is made enciphered at its first start", read(device.image, "data", 6) == b"LUKS\xba\xbe" and
          "/data is enciphered under this board's key" in console(vm), console(vm))
    content = device.shop.dir / "made.ext4"
    content.write_bytes(Volume(device.image, device.key).read())
    told = subprocess.run(["dumpe2fs", "-h", content], capture_output=True, text=True, check=False).stdout
    blocks, kept = (int(re.search(rf"^{what} count: +(\d+)", told, re.MULTILINE)[1]) for what in ("Block", "Reserved block"))
    check("a twentieth of it is kept for the terminal, whoever fills the rest", abs(kept - blocks / 20) <= 1, (kept, blocks))
    device.put_keys_into_vault()


def sells(device):
    """Milliseconds for each of some sales, none of which waits for anybody."""
    vm, shop = device.vm, device.shop
    shop.card(f"new ali 1k {UID}")
    shop.card("insert ali")
    issued = vm.till(do="issue", amount=0)
    took = []
    for n in range(SALES):
        begun = time.monotonic()
        sold = vm.till(do="sale", amount=1000000 * (n + 1))
        took.append(1000 * (time.monotonic() - begun))
    check("it sells", issued["state"] == sold["state"] == "done" and sold["points"] == POINTS - 10, (issued, sold))
    return sorted(took)


def survives_pulled_power(device):
    vm, shop = device.vm, device.shop
    device.sync()
    shop.stop("club")
    sold = vm.till(do="sale", amount=1000000)
    vm.pull_power()
    device.boot()
    status, held = vm.till(do="status"), vm.till(do="balance")
    check("power pulled behind a sale: it is in the journal and on the card", status["unsent"] >= 2 and
          held["points"] == sold["points"] == POINTS, (status, held))
    vm.pull_power()


# --- what a copy of the disk shows ----------------------------------------------------------------


def is_superblock(block):
    """ext4's magic number, and what else chance would not give: its revision, and a block's size."""
    return block[0x38:0x3a] == b"\x53\xef" and block[0x4c:0x50] == b"\1\0\0\0" and int.from_bytes(block[0x18:0x1c], "little") <= 6


def shows(data):
    """What can be found in those bytes."""
    signs = {"a database": b"SQLite format 3\0", "a key store": b"VAFAKEYS", "a TLS key": b"PRIVATE KEY", "the card": bytes.fromhex(UID),
             "a folder": b"lost+found"}
    found = {what for what, sign in signs.items() if sign in data}
    return found | ({"a file system"} if any(is_superblock(data[at:at + 0x50]) for at in range(0, len(data), 1024)) else set())


def copy_shows_nothing(device):
    """Control: the same bytes, deciphered with the board's key."""
    raw, plain = read(device.image, "data"), Volume(device.image, device.key).read()
    check("deciphered on the host with the board's key, the disk shows all of it",
          {"a file system", "a folder", "a database", "a key store", "a TLS key", "the card"} <= shows(plain), shows(plain))
    check("a copy of the disk shows nothing", shows(raw) == set(), shows(raw))


# --- another board --------------------------------------------------------------------------------


def is_shut(device, key, says):
    vm = device.vm
    before = hashlib.sha256(read(device.image, "data")).digest()
    vm.key = key
    vm.power_on()
    vm.until(SAYS_SHUT)
    said = console(vm)
    time.sleep(8)
    still = len([line for _, line in vm.lines if "Starting kernel" in line]) == 1 and vm.process.poll() is None
    vm.pull_power()
    after = hashlib.sha256(read(device.image, "data")).digest()
    state = environment(device.image, "env1")
    check(f"{says}: it says so, stays up, changes nothing, and its slot keeps its tries",
          f"{SAYS_SHUT}it is enciphered to" in said and says in said and still and before == after and
          state == environment(device.image, "env2") and state["BOOT_A_LEFT"] == "40", (said[-600:], still, before == after, state))


def in_another_board(device):
    vm = device.vm
    other = device.shop.dir / "other.key"
    other.write_bytes(os.urandom(32))
    is_shut(device, other, "to another board")
    is_shut(device, None, "this one gives no key")
    vm.key = device.key
    device.boot()
    held = vm.till(do="balance")
    check("back in its own board all is there", held["state"] == "done" and held["points"] == POINTS, held)
    vm.pull_power()


def update_goes_on(device):
    vm = device.vm
    vm.power_on(make_stick(device.shop.dir / "stick.img", ROOT / f"build/{BOARD}-image/{BOARD}-2.raucb"))
    vm.until("the device restarts", 180)
    mark = len(vm.lines)
    for text in ("device: slot b, version 2", "ready to serve cards", "self-test ok"):
        vm.until(text, 120, after=mark)
    vm.until_it_answers()
    held = vm.till(do="balance")
    check("an update installs, and the new version opens the same /data", held["state"] == "done" and
          held["points"] == POINTS, held)
    vm.pull_power()


# --- cut while it is made -------------------------------------------------------------------------


def comes_up_after_a_cut(folder, key, after_s):
    image = folder / "cut" / "device.img"
    image.parent.mkdir()
    device_disk(image)
    vm = Machine(image, None, image.parent)
    vm.key = key
    vm.power_on()
    at = vm.until("/data is being enciphered", 60)
    time.sleep(max(0, at + after_s - vm.now()))
    vm.pull_power()
    was_done = "/data is enciphered under" in console(vm)
    vm.power_on()
    vm.until("waits to be set up", 120)
    again = "/data is being enciphered" in console(vm)
    vm.pull_power()
    content = image.parent / "content"
    content.write_bytes(Volume(image, key).read())
    checked = subprocess.run(["e2fsck", "-fp", content], capture_output=True, text=True, check=False)
    check(f"power pulled {after_s:.1f} s into the making: it comes up, enciphered", checked.returncode <= 1 and not (was_done and again),
          (was_done, again, checked.stdout, console(vm)[-600:]))
    note(f"  made {'again' if again else 'before the cut'}")
    shutil.rmtree(image.parent)


# --- a disk that was in use before ----------------------------------------------------------------


class PlainDevice(boot.Device):
    """Its /data has keys before the board has one: as every device that is out there."""


def stays_plain(shop, key):
    device = PlainDevice(shop)
    device.vm.key = key
    try:
        boot.first_boot(device)
        check("a /data in use stays plain, and the device says so", "it stays plain, not enciphered" in console(device.vm),
              console(device.vm)[-600:])
        took = sells(device)
        device.vm.pull_power()
        ready_s = device.boot()
        device.vm.pull_power()
        found = shows(read(device.image, "data"))
        check("control: a copy of a plain disk shows all of it", {"a file system", "a database", "a key store", "the card"} <= found, found)
        return ready_s, took
    finally:
        device.vm.pull_power()


def main():
    with Shop(os.environ["BUILD"]) as shop:
        device = Device(shop)
        try:
            is_made(device)
            boot.first_boot(device)
            took = sells(device)
            survives_pulled_power(device)
            copy_shows_nothing(device)
            in_another_board(device)
            update_goes_on(device)
            for after_s in CUTS_S:
                comes_up_after_a_cut(shop.dir, device.key, after_s)
            device.vm.key = device.key
            ready_s = device.boot()
        except Exception:
            shutil.copy(device.vm.log_path, ROOT / "build/systest-vault.log")
            print("not ok vault: see build/systest-vault.log", flush=True)
            raise
        finally:
            device.vm.pull_power()
        key = device.key.read_bytes()
    with Shop(os.environ["BUILD"]) as shop:
        file = shop.dir / "board.key"
        file.write_bytes(key)
        plain_s, plain_took = stays_plain(shop, file)
        note(f"power to ready: enciphered {ready_s:.1f} s, plain {plain_s:.1f} s; a sale, median of {SALES}: "
             f"enciphered {took[SALES // 2]:.0f} ms, plain {plain_took[SALES // 2]:.0f} ms")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
