#!/usr/bin/env python3
"""gate - a gate without a cashier, with real processes: who pays is let in once, whatever happens in between.
What the card holds is read at the till and added up by hand. BUILD names the folder with the programs."""
import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402

BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release")).resolve()
FEE = 150_000
CARDS = {"ali": "1k 04a1b2c3", "sara": "desfire 04a1b2c3d4e5f6"}
failed = 0


def case(good, name, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        print("# " + str(detail)[-1500:].replace("\n", "\n# "), flush=True)


class Gate:
    def __init__(self, shop, *options):
        self.shop, self.options = shop, options
        self.start()

    def start(self):
        self.shop.start("gate", "vafa-gate", "--fee", FEE, "--socket", self.shop.path("till.sock"), *self.options)

    def lines(self):
        return self.shop.log("gate").splitlines()

    def opened(self):
        return sum(line.startswith("open") for line in self.lines())

    def passes(self, card):
        """Holds the card there until the gate says something; takes it away. Returns the line."""
        before = len(self.lines())
        self.shop.card(f"insert {card}")
        self.shop.until(lambda: len(self.lines()) > before, what="a word of the gate")
        self.shop.card("remove")
        # Answered only when the terminal is through with that card: one that is laid down before is taken for it.
        self.shop.done("status")
        return self.lines()[-1]


def balance(shop, card):
    """With the gate away: the till and the gate take turns otherwise."""
    shop.stop("gate")
    shop.card(f"insert {card}")
    answer = shop.done("balance")
    shop.card("remove")
    return answer


def issue(shop):
    for name, kind in CARDS.items():
        shop.card(f"new {name} {kind}")
        shop.card(f"insert {name}")
        shop.numbers[name] = shop.done("issue", "--opening", 500_000)["card"]
        shop.card("remove")


def visits(shop, gate, name):
    last = shop.numbers[name][-4:]
    said = gate.passes(name)
    case(said.startswith(f"open {last}"), f"{name} pays and is let in", said)
    said = gate.passes(name)
    case(said.startswith(f"open {last}"), "... and again at the next visit", said)
    before = len(gate.lines())
    shop.card(f"insert {name}")
    shop.until(lambda: len(gate.lines()) > before, what="the third visit")
    fees = entries(shop)
    shop.card("wait cut 1", check=False)  # a second passes
    case(len(gate.lines()) == before + 1 and entries(shop) == fees, "a card that stays there pays once", gate.lines())
    shop.card("remove")
    shop.done("status")
    said = gate.passes(name)
    case(said.startswith(f"closed {last}") and str(FEE) in said, "with 50,000 left of 500,000 it stays out", said)
    case(balance(shop, name)["credit"] == 500_000 - 3 * FEE, "three fees were taken, to the rial")
    gate.start()


def entries(shop):
    return shop.till("status")["entries"]


class Held(threading.Thread):
    """Stands between a gate and the terminal and passes on what they say, but leaves the answer to a sale unread: the
    gate is then where it can be killed between payment and line."""

    def __init__(self, shop):
        super().__init__(daemon=True)
        self.path, self.till, self.is_held = shop.path("held.sock"), shop.path("till.sock"), threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.start()

    def run(self):
        gate, _ = self.listener.accept()
        with gate, socket.socket(socket.AF_UNIX) as terminal:
            terminal.connect(self.till)
            is_sale = False
            while True:
                here = [gate] if self.is_held.is_set() else [gate, terminal]
                for side in select.select(here, [], [])[0]:
                    if side is terminal and is_sale and b'"final":true' in terminal.recv(1 << 16, socket.MSG_PEEK):
                        self.is_held.set()
                        continue
                    said = side.recv(1 << 16)
                    if not said:
                        return
                    is_sale |= side is gate and b'"do":"sale"' in said
                    (terminal if side is gate else gate).sendall(said)


def killed(shop, gate):
    """The gate dies between the payment and its line: who paid is let in by the next one, and pays no more."""
    shop.stop("gate")
    shop.card("insert sara")
    shop.done("load", 400_000)  # 450,000: three more fees
    shop.card("remove")
    told = gate.opened()
    held = Held(shop)
    shop.start("gate", "vafa-gate", "--fee", FEE, "--socket", held.path)
    before = entries(shop)
    shop.card("insert sara")
    case(held.is_held.wait(15) and entries(shop) == before + 2, "a fee is paid, and the gate does not know it yet", entries(shop))
    shop.stop("gate", "kill")
    shop.card("remove")
    # Whatever it had asked last ends with it; only then is the next card the new gate's.
    shop.until(lambda: shop.till("balance", wait=1).get("reason") == "no_card", what="the end of its last request")
    case(gate.opened() == told, "... it is killed and has let nobody in")
    gate.start()
    said = gate.passes("sara")
    left = balance(shop, "sara")["credit"]
    case(said.startswith("open") and gate.opened() == told + 1, "the next gate lets in who had paid, once", gate.lines())
    case(left == 450_000 - FEE, "... for one fee", left)
    gate.start()


def bad_use():
    for options in ([], ["--fee", "0"], ["--fee", "x"], ["--fee", "5", "--again", "-1"], ["--fee", "5", "--again", "1x"],
                    ["--fee"], ["--price", "5"]):
        run = subprocess.run([BUILD / "vafa-gate", *options], capture_output=True, text=True, timeout=10)
        case(run.returncode == 2 and "--fee RIALS" in run.stderr, f"vafa-gate {' '.join(options)} tells how to use it", run)


def main():
    bad_use()
    with Shop(BUILD) as shop:
        shop.numbers = {}
        shop.open(card=None)
        issue(shop)
        gate = Gate(shop)
        for name in CARDS:
            visits(shop, gate, name)
        killed(shop, gate)
        shop.stop("terminal")
        shop.until(lambda: any(line.startswith("closed - No terminal") for line in gate.lines()), what="the gate's word")
        case(True, "with the terminal away the gate says so, and stays")
        shop.stop("gate")
        shop.start_terminal()
        gate = Gate(shop, "--again", "60")
        shop.card("insert sara")
        shop.until(lambda: gate.lines()[-1].startswith("open"), what="the first visit")
        shop.card("remove")
        shop.done("status")
        said = gate.passes("sara")
        case(said.startswith("closed") and "seconds ago" in said, "with --again 60 the same card waits outside", said)
        shop.stop("gate")
        shop.sync_once()
        report = shop.club("report", check=False)
        case(report.returncode == 0, "the club's books balance", report.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
