#!/usr/bin/env python3
"""ceremony - a new device gets its keys at its own console, and others later. Part of `make systest`.

The custodians type at the emulator's UART. Their halves are known here, so check values can be openssl's, and the same
masters are put into a terminal on the host, whose card the device then serves."""
import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/system"), str(ROOT / "tools/image")]

import boot  # noqa: E402
import disk  # noqa: E402
from shop import Carried, Shop, Station  # noqa: E402
from tap import check, exit_code, note  # noqa: E402
from typist import Typist, check_value, xor  # noqa: E402
from vm import PATIENCE  # noqa: E402

PROMPT = "no keys yet: press Enter here to hold the key ceremony"
MASTERS = ("classic-sectors", "classic-seals", "desfire-spend")   # what Enter offers to a new device
SHEETS = (("00112233445566778899aabbccddeeff", "a5c3e1f00112233445566778899aabbc", "5f0c8d2b7e46913ac0d7e81f4b6a2953"),
          ("6e1d2cfb4b5a90788716a5b4c3d9e1f2", "13579bdf02468ace13579bdf02468acf", "e2b47c19d0835f6ea1947b2c3d58f601"))
MEDIA = (("9d3be0257a416c8f12d49be6053fa871",), ("7a6b5c4d3e2f10019f8e7d6c5b4a3928",))
PROOF = tuple((sheet[2],) for sheet in SHEETS)   # spend can do most of the three


def values(names, sheets):
    return [f"{name} {check_value(xor(*halves))}" for name, halves in zip(names, zip(*sheets))]


class Device(boot.Device):
    """New: it has no keys."""
    def put_keys(self):
        pass

    def power_on(self):
        """Its console is in our hands."""
        line, self.vm.monitor = self.shop.path("console.sock"), f"unix:{self.shop.path('monitor.sock')},server=on,wait=off"
        Path(line).unlink(missing_ok=True)
        self.vm.console = f"socket,id=console,path={line},server=on,wait=on"
        self.vm.power_on()
        self.shop.until(lambda: os.path.exists(line), what="the console")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(line)
        self.screen, to_screen = os.pipe()
        fcntl.fcntl(self.screen, fcntl.F_SETPIPE_SZ, 1 << 20)
        self.pump = threading.Thread(target=self.keep_reading, args=(to_screen,))
        self.pump.start()
        self.hands = Typist(self.screen, PATIENCE, pause=0.2, keys=self.socket.fileno())

    def keep_reading(self, to_screen):
        """Also while nobody looks: the machine stands still when its console's socket is full, which it is of 278 letters."""
        with open(to_screen, "wb", buffering=0) as screen, contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(4096):
                screen.write(piece)

    def pull_power(self):
        self.vm.pull_power()
        self.pump.join()
        os.close(self.screen)
        self.socket.close()

    def begin(self):
        self.hands.look(0.6)       # Enter counts in silence
        self.hands.type("")
        self.hands.until("The key ceremony:")

    def send_break(self):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(self.shop.path("monitor.sock"))
            monitor.sendall(b"chardev-send-break console\n")
            time.sleep(0.5)


def what_is_no_enter(device):
    hands = device.hands
    hands.until(PROMPT, 90)
    hands.press(b"\x13\x00\xff\r\xfe\n")
    device.send_break()
    hands.press("b")               # to the kernel, if it listened: restart at once
    hands.look(3)
    since = hands.seen[hands.at:]  # a device that restarts speaks of its boot loader at once
    check("noise, Ctrl-S and a BREAK begin nothing and restart nothing", "The key ceremony" not in since and "U-Boot" not in since, since[-500:])


def power_goes_in_between(device):
    device.begin()
    device.hands.answers("", "", "")
    device.hands.sheets(SHEETS[0])
    device.hands.until("Custodian 2, alone")
    device.pull_power()
    data = disk.read(device.image, "data")
    check("power pulled behind the first custodian: nothing of a half is on the disk",
          not any(half.encode() in data or bytes.fromhex(half) in data for sheet in SHEETS for half in sheet))
    device.power_on()
    device.hands.until(PROMPT, 90)
    check("and the device asks for the ceremony again", True)


def a_wrong_half(device):
    device.begin()
    device.hands.answers("", "", "")
    for _ in range(3):
        device.hands.half(SHEETS[0][0], "000000")
    device.hands.until("the key ceremony was not finished: the keys are as they were")
    device.hands.until(PROMPT)
    check("a half that does not fit its check value three times ends it", True)


def keys_come(device):
    hands, shop = device.hands, device.shop
    shop.until(lambda: shop.club("pending").stdout.strip(), seconds=60 * PATIENCE, what="the request to enrol")
    device.begin()
    shop.club("approve", "all")    # it is let in while the custodians type
    hands.answers("", "", "")
    hands.sheets(*SHEETS)
    hands.agree()
    begun = time.monotonic()
    hands.until("the key ceremony is done")
    done_at = hands.at
    hands.until("ready to serve cards", 60)
    note(f"last yes to ready: {time.monotonic() - begun:.1f} s")
    check("the terminal starts at once, without a restart of the device", hands.seen.count("device: slot") == 1, hands.seen[-800:])
    hands.at = done_at             # which of the two comes first does not matter
    hands.until("vafa: self-test ok", 120)
    expected = [value.replace(" ", " version 0: check value ") for value in values(MASTERS, SHEETS)]
    check("check values are openssl's", all(value in hands.seen for value in expected), (expected, hands.seen[-2000:]))
    digits = "".join(hands.seen.split())
    check("the screen showed nothing of a half", not any(half[:8] in digits or half[-8:] in digits for sheet in SHEETS for half in sheet))


def same_masters_on_the_host(device):
    """A store by the same halves, a terminal with it, and a card of that terminal."""
    shop = device.shop
    lines = [line for sheet in SHEETS for half in sheet for line in (half, check_value(half))]
    subprocess.run([shop.build / "vafa-keys", "ceremony", shop.path("keys"), "--version", "0", "--role", "classic", "--role", "spend"],
                   input="\n".join([*lines, "yes", ""]), text=True, check=True, stderr=subprocess.DEVNULL)
    station = Station(shop, "host")
    station.sync()
    station.start()
    card = Carried(shop, "ali", "1k")
    made = card.tap(station, "issue"), card.tap(station, "sale", amount=1_000_000)
    station.sync()
    station.stop()
    shop.card(f"new ali 1k {card.uid}")
    shop.card(f"load ali {card.file}")
    shop.card("insert ali")
    device.vm.until_it_answers()
    shop.until(lambda: device.vm.till(do="status").get("programme", 0) > 0, seconds=60 * PATIENCE, what="the programme")
    sold = device.vm.till(do="sale", amount=2_000_000)
    # Ten points for each million rials.
    check("a card of a terminal on the host with the same masters is served", [answer["state"] for answer in (*made, sold)] == ["done"] * 3 and
          sold["points"] == 30, (made, sold))


def ask_for_more(device, sheets):
    device.hands.look(0.6)
    device.hands.type("keys")
    device.hands.until("The key ceremony:")
    device.hands.answers("0", "media", "")
    device.hands.sheets(*sheets)


def more_keys(device):
    hands = device.hands
    ask_for_more(device, MEDIA)
    hands.until("These halves are not those of the store's desfire-spend version 0")
    hands.until("the keys are as they were")
    expected = values(MASTERS, SHEETS)
    check("the console shows the store's check values", all(f"version 0: {value}, for new cards" in hands.seen for value in expected), expected)
    check("somebody's own halves bring nothing in, and the till goes on", device.vm.till(do="balance")["points"] == 30)
    ask_for_more(device, PROOF)
    hands.until("That is the store's master")
    hands.sheets(*MEDIA)
    hands.agree()
    hands.until("the key ceremony is done")
    hands.until("T199 stopped")
    hands.until("T100 ready", 60)
    device.vm.until_it_answers()
    check("the club's own do: another role is in, and the terminal serves with it", device.vm.till(do="balance")["points"] == 30)
    at = len(hands.seen)
    hands.look(0.6)
    hands.type("keys")
    hands.until("]: ")
    hands.press("\x03")
    hands.until("the keys are as they were")
    check("its check value is openssl's", f"version 0: {values(('media',), MEDIA)[0]}, for new cards" in hands.seen[at:], hands.seen[at:])


def main():
    with Shop(os.environ["BUILD"]) as shop:
        device = Device(shop)
        try:
            device.power_on()
            what_is_no_enter(device)
            power_goes_in_between(device)
            a_wrong_half(device)
            keys_come(device)
            same_masters_on_the_host(device)
            more_keys(device)
        except Exception:
            device.hands.look(1)           # what it has said since
            (ROOT / "build/systest-console.log").write_text(device.hands.seen)
            print("not ok ceremony: see build/systest-console.log", flush=True)
            raise
        finally:
            device.pull_power()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
