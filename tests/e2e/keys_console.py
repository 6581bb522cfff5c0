#!/usr/bin/env python3
"""keys_console - the key ceremony at a device's console: its questions, its prompt, and what may come in at a serial line.

The console is a pseudo-terminal; the first process is played by console-bench, which is made of the same files. Check values
are openssl's. The device itself, under QEMU: tests/system/ceremony.py."""
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import tty
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from tap import check, exit_code  # noqa: E402
from typist import Typist, check_value, xor  # noqa: E402

BUILD = Path(os.environ.get("BUILD", "build/sim-release")).resolve()
KEYS = BUILD / "vafa-keys"
SECTORS = ("00112233445566778899aabbccddeeff", "6e1d2cfb4b5a90788716a5b4c3d9e1f2")
SEALS = ("a5c3e1f00112233445566778899aabbc", "13579bdf02468ace13579bdf02468acf")
SPEND = ("5f0c8d2b7e46913ac0d7e81f4b6a2953", "e2b47c19d0835f6ea1947b2c3d58f601")
FIRST = list(zip(SECTORS, SEALS, SPEND))     # what each custodian has on the sheet of version 0
NEXT = [("9d3be0257a416c8f12d49be6053fa871", "c0ffee0123456789deadbeef02468ace", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        ("7a6b5c4d3e2f10019f8e7d6c5b4a3928", "1029384756afbecd0192837465fedcba", "b1a2938475660f1e2d3c4b5a69788797")]
PROOF = [(half,) for half in SPEND]          # spend can do most of what FIRST has


def shown(store):
    return subprocess.run([KEYS, "check", store], capture_output=True, text=True).stdout


def line(version, master, halves, is_current=True):
    return f"version {version}: {master} {check_value(xor(*halves))}" + (", for new cards" if is_current else "")


def is_on_screen(seen, sheets):
    """Eight digits in a row of any half."""
    digits = re.sub(r"\s", "", seen.lower())
    return any(half[at:at + 8] in digits for sheet in sheets for half in sheet for at in range(0, 25))


class Dialogue:
    """vafa-keys at a terminal of its own."""
    def __init__(self, store, seconds=60):
        self.store, self.pid, fd = store, *pty.fork()
        if self.pid == 0:
            os.execv(KEYS, [KEYS, "console", store, str(seconds)])
        self.hands = Typist(fd)

    def end(self):
        """(exit status, what the screen showed, whether keys are shown as they are typed)"""
        end = time.monotonic() + 20
        while (done := os.waitpid(self.pid, os.WNOHANG))[0] == 0 and time.monotonic() < end:
            self.hands.look(0.02)
        if done[0] == 0:
            os.kill(self.pid, signal.SIGKILL)
            done = os.waitpid(self.pid, 0)
        self.hands.look(0.05)
        try:
            echoes = bool(termios.tcgetattr(self.hands.fd)[3] & termios.ECHO)
        except termios.error:
            echoes = None
        os.close(self.hands.fd)
        return done[1], self.hands.seen, echoes


class Bench:
    """A device's first process, its console in our hands."""
    def __init__(self, folder):
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        self.store, self.log = folder / "keys", folder / "log"
        self.process = subprocess.Popen([BUILD / "console-bench", os.ttyname(slave), self.store, KEYS, self.log])
        self.slave = slave   # stays open: a UART has no end either
        self.hands = Typist(self.master)

    def close(self):
        self.process.terminate()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def ceremony(self):
        """Its process, or None."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(found[0]) if found else None

    def begins_within(self, seconds):
        try:
            self.hands.until("The key ceremony:", seconds)
        except RuntimeError:
            return False
        return True


def the_first_time(folder):
    store = folder / "keys"
    talk = Dialogue(store)
    talk.hands.answers("16", "", "classic sell", "", "")
    talk.hands.until("Custodian 1")
    talk.hands.half(FIRST[0][0], "123456")             # a slip, which may be corrected
    talk.hands.until("Once more")
    for half in FIRST[0]:
        talk.hands.half(half)
    talk.hands.until("Custodian 2")
    for half in FIRST[1]:
        talk.hands.half(half)
    talk.hands.agree()
    status, seen, echoes = talk.end()
    check("Enter takes version 0 and the roles of a till; check values are openssl's", status == 0 and all(
        text in shown(store) for text in (line(0, "classic-sectors", SECTORS), line(0, "classic-seals", SEALS), line(0, "desfire-spend", SPEND)))
          and shown(store).count("version") == 3, (status, seen, shown(store)))
    check("wrong answers are asked again", "A version is a number" in seen and "Roles are:" in seen, seen)
    check("nothing of a half was on the screen, and the terminal is as it was", not is_on_screen(seen, FIRST) and echoes, seen)
    check("only its owner may open the store", store.stat().st_mode & 0o777 == 0o600)


def over_a_store(folder):
    store = folder / "keys"
    before = store.read_bytes()
    talk = Dialogue(store)
    talk.hands.answers("", "", "")
    talk.hands.sheets(*[(half,) for half in NEXT[0][:2]])
    status, seen, _ = talk.end()
    check("halves of somebody's own master are no proof", status != 0 and "not those of the store's desfire-spend version 0" in seen and
          store.read_bytes() == before, seen)
    check("check values of the store are shown", line(0, "desfire-spend", SPEND) in seen, seen)
    talk = Dialogue(store)
    talk.hands.answers("", "", "")
    talk.hands.sheets(*PROOF)
    talk.hands.sheets(*NEXT)
    talk.hands.agree()
    status, seen, _ = talk.end()
    has = shown(store)
    check("with the club's own, Enter rolls all roles to the next version", status == 0 and
          line(0, "desfire-spend", SPEND, False) in has and line(1, "desfire-spend", [sheet[2] for sheet in NEXT]) in has and
          line(1, "classic-seals", [sheet[1] for sheet in NEXT]) in has, (seen, has))
    check("nothing of either was on the screen", not is_on_screen(seen, [*FIRST, *NEXT]), seen)


def what_ends_it(folder):
    for name, keys in (("nobody types on", ""), ("Ctrl-C", "\x03"), ("Ctrl-D at a new line", "\x15\x04")):
        store = folder / "none"
        talk = Dialogue(store, 2)
        talk.hands.answers("", "spend", "")
        talk.hands.until("not shown): ")
        time.sleep(0.1)
        talk.hands.press(FIRST[0][0][:20] + keys)
        status, seen, echoes = talk.end()
        check(f"{name}: ended, nothing written, nothing shown, the terminal as it was",
              status != 0 and not store.exists() and not Path(f"{store}.device").exists() and echoes and
              not is_on_screen(seen, FIRST), (status, seen, echoes))
    talk = Dialogue(folder / "none")
    talk.hands.until("]: ")
    os.kill(talk.pid, signal.SIGHUP)
    status, seen, echoes = talk.end()
    check("the line is hung up: ended", status != 0 and not (folder / "none").exists(), (status, seen))


def noise_and_slips(folder):
    store = folder / "noisy"
    talk = Dialogue(store)
    talk.hands.answers("", "spend", "")
    one, two = SPEND
    noisy = "\x00\xff\x13" + one[:5] + "\x11\x1a7\x7f" + one[5:].upper() + "\x80\r\n"
    for half, typed in ((one, noisy), (two, "ffff\x15" + two + "\r")):
        talk.hands.until("not shown): ")
        time.sleep(0.1)
        talk.hands.press(typed)
        talk.hands.until("not shown): ")
        talk.hands.type(check_value(half))
    talk.hands.agree()
    status, seen, _ = talk.end()
    check("noise in a line is left out, keys that correct do, Ctrl-S and Ctrl-Z stop nothing",
          status == 0 and line(0, "desfire-spend", SPEND) in shown(store) and not is_on_screen(seen, [SPEND]), (status, seen))


def what_comes_in_by_itself(bench):
    """None of it is an Enter of a person's."""
    hands = bench.hands
    hands.until("no keys yet: press Enter here to hold the key ceremony")
    for burst in (b"\x00" * 50, b"\xff\r\xfe\r", b"\x13\x11\r\n", os.urandom(20000) + b"x", b"keys?\r", b"\r\x00", b"b"):
        hands.press(burst)
        time.sleep(0.1)
    check("a serial line's noise begins nothing", not bench.begins_within(0.8) and bench.process.poll() is None, hands.seen[-500:])
    end = time.monotonic() + 1
    while time.monotonic() < end:        # a plug that leads back to us what we say
        at = len(hands.seen)
        hands.look(0.02)
        hands.press(hands.seen[at:])
    check("nor do our own words, led back to us", not bench.begins_within(0.8) and bench.ceremony() is None, hands.seen[-500:])


def a_ceremony_that_dies(bench):
    hands = bench.hands
    hands.look(0.05)
    hands.type("")
    check("Enter begins it", bench.begins_within(5), hands.seen[-500:])
    hands.answers("", "spend", "")
    hands.until("not shown): ")
    time.sleep(0.1)
    hands.press(SPEND[0][:20])
    time.sleep(0.1)
    at = len(hands.seen)
    os.kill(bench.ceremony(), signal.SIGKILL)
    hands.press(SPEND[0][20:])
    hands.until("was not finished: the keys are as they were")
    hands.until("press Enter here")
    check("killed within a half: nothing of it shown, no store, the prompt again",
          not is_on_screen(hands.seen[at:], [SPEND]) and not bench.store.exists(), hands.seen[at:])


def keys_come(bench):
    hands = bench.hands
    time.sleep(0.5)
    hands.type("")
    hands.until("The key ceremony:")
    at = len(hands.seen)
    hands.answers("", "", "")
    hands.sheets(*FIRST)
    hands.until("type yes: ")
    time.sleep(0.3)
    hands.look(0.02)
    screen = hands.seen[at:]
    ticks = bench.log.read_text().count("bench: tick")
    hands.type("yes")
    hands.until("Done: ")
    hands.until("the key ceremony is done")
    check("the log is silent on the screen meanwhile, and goes on in its file", "bench: tick" not in screen and ticks > 20, (screen, ticks))
    check("what was held back follows", "bench: tick" in hands.seen[at + len(screen):])
    check("the store has the masters of the sheets", line(0, "desfire-spend", SPEND) in shown(bench.store), shown(bench.store))
    log = bench.log.read_text()
    check("the log has beginning and end, and no half", "the key ceremony begins at the console" in log and
          "the key ceremony is done" in log and not is_on_screen(log, FIRST))


def a_device_in_use(bench):
    hands, before = bench.hands, bench.store.read_bytes()
    time.sleep(0.5)
    hands.type("")
    hands.until("to change the keys of this terminal type keys and Enter")
    check("Enter alone begins nothing on a device with keys", bench.ceremony() is None)
    hands.type("keys")
    check("the word does", bench.begins_within(5), hands.seen[-500:])
    hands.answers("", "", "")
    hands.sheets(*PROOF[:1])
    hands.half(NEXT[1][0])
    hands.until("the keys are as they were")
    check("and a wrong proof changes nothing", bench.store.read_bytes() == before and "not those of the store's" in hands.seen, hands.seen[-500:])


def main():
    folder = Path(tempfile.mkdtemp(prefix="vafa-console."))
    try:
        the_first_time(folder)
        over_a_store(folder)
        what_ends_it(folder)
        noise_and_slips(folder)
        if os.getuid() == 0:
            (folder / "bench").mkdir()
            bench = Bench(folder / "bench")
            try:
                what_comes_in_by_itself(bench)
                a_ceremony_that_dies(bench)
                keys_come(bench)
                a_device_in_use(bench)
            finally:
                bench.close()
        else:
            print("ok the_prompt # SKIP only root may start a process with another's rights")
    finally:
        shutil.rmtree(folder)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
