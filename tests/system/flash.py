#!/usr/bin/env python3
"""flash - a disk from tools/flash to a terminal that sells, and again when its sales were never sent. Part of `make systest`.

The disk is a loop device; flash listens at the emulator's console as at a serial line. A power cut lies between the last
sale and the second flashing, so the guest's file system is as it was left."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/system"), str(ROOT / "tools/image")]

import build  # noqa: E402
import provision  # noqa: E402
from card_image import Loop  # noqa: E402
from disk import BOARD, IMAGE  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code, note  # noqa: E402
from vm import PATIENCE, Machine  # noqa: E402

CARD_BYTES = 8 << 30


def flash(*args):
    return subprocess.Popen([ROOT / "tools/flash/flash", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL)


class Bench:
    """A technician's: a card, a terminal to put it into, and a club."""
    def __init__(self, shop, card):
        self.shop, self.card = shop, card
        shop.start_club()
        shop.club("programme", shop.programme)
        shop.start_reader()
        self.vm = Machine(card.path, shop.path("reader"), shop.dir)

    def code(self):
        words = self.shop.club("code", "--merchant", "Refah", "--branch", "Tajrish").stdout.split()
        return next(word for word in words if word.count("-") == 2 and word == word.upper())

    def write(self, *more, code=None):
        process = flash("write", "--board", BOARD, "--image", IMAGE, "--disk", self.card.path, "--club", f"10.0.2.2:{self.shop.port}",
                        "--club-name", "localhost", "--ca", self.shop.path("club/ca.pem"), "--code", code or self.code(), "--labels",
                        self.shop.path("labels"), "--yes", *more)
        said = process.communicate(timeout=300)[0]
        return process.returncode, said

    def put_keys(self):
        """They lie on the disk before it starts. How people bring them in: ceremony.py."""
        data, content = self.shop.dir / "data", self.shop.path("data.ext4")
        (data / "keys").mkdir(parents=True)
        self.shop.run("vafa-keys", "new", data / "keys/keys")
        build.make_data(content, data)
        provision.write_partition(self.card.path, "data", content)

    def selftest(self, meanwhile=lambda: None):
        """Power, and flash at the console: (exit code, what it said, the page). What a person does meanwhile."""
        line, page = self.shop.path("console.sock"), Path(self.shop.path("page.html"))
        Path(line).unlink(missing_ok=True)
        self.vm.console = f"socket,id=console,path={line},server=on,wait=on"   # starts when flash listens
        self.vm.power_on()
        self.shop.until(lambda: os.path.exists(line), what="the console")
        process = flash("selftest", line, "--seconds", 120 * PATIENCE, "--page", page)
        meanwhile()
        said = process.communicate(timeout=150 * PATIENCE)[0]
        return process.returncode, said, page.read_text()


def a_new_card(bench):
    code, said = bench.write(code="0000-0000-0000")
    check("the image is written, read back and made one terminal's", code == 0 and "read back and right" in said, said)
    note(next((line for line in said.splitlines() if line.startswith("Written")), said))
    code, said, page = bench.selftest()
    check("a terminal without keys: a red page that says so", code == 1 and "✗ keys" in said and 'class="fails"' in page, said)
    bench.vm.pull_power()


def a_terminal_that_works(bench):
    shop, vm = bench.shop, bench.vm
    bench.put_keys()
    process = flash("code", bench.card.path, "--code", bench.code(), "--yes")
    said = process.communicate(timeout=60)[0]
    check("a code that the club refuses is replaced, with the keys on the disk", process.returncode == 0, said)

    def let_in():
        shop.until(lambda: shop.club("pending").stdout.strip(), seconds=120 * PATIENCE, what="the request to enrol")
        shop.club("approve", "all")
    code, said, page = bench.selftest(let_in)
    check("with keys, and let in by the club: a green page", code == 0 and "This terminal is ready" in said and page.count('class="well"') == 7, said)
    note("power to the page: " + re.search(r"Page: .*\((.*)\)", said)[1])
    vm.until_it_answers()
    shop.until(lambda: vm.till(do="status").get("programme", 0) > 0, seconds=120, what="the programme")
    check("it enrolled by the new code on its disk and has the club's programme", vm.till(do="status")["terminal"] == 1)


def sales_that_were_not_sent(bench):
    shop, vm = bench.shop, bench.vm
    shop.stop("club")
    shop.card("new ali 1k 04a1b2c3")
    shop.card("insert ali")
    done = [vm.till(do=what, amount=amount)["state"] for what, amount in (("issue", 0), ("sale", 1_000_000), ("sale", 2_000_000))]
    vm.pull_power()
    shop.start_club()
    code, said = bench.write()
    check("a disk with sales that were not sent is refused", done == ["done"] * 3 and code == 1 and
          "3 transactions of 3,000,000 rials" in said, said)
    code, said = bench.write("--export", shop.path("unsent"))
    check("and written when they are in a file", code == 0 and os.path.exists(shop.path("unsent")), said)
    taken = shop.club("journal", "take", shop.path("unsent")).stdout
    books = json.loads(shop.club("report", "--json").stdout)
    # Ten points for each million rials: 10 and 20.
    check("which the club takes: its books have them", "3 transactions posted" in taken and books["cases"] == [] and
          [card["points"] for card in books["cards"]] == [30], (taken, books["cards"], books["cases"]))


def main():
    with Shop(os.environ["BUILD"]) as shop:
        try:
            card = Loop(shop.path("card"), CARD_BYTES)
        except OSError as why:
            print(f"ok flash # SKIP there is no loop device: {why}")
            return 0
        with card:
            bench = Bench(shop, card)
            try:
                a_new_card(bench)
                a_terminal_that_works(bench)
                sales_that_were_not_sent(bench)
            finally:
                bench.vm.pull_power()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
