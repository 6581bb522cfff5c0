#!/usr/bin/env python3
"""two_cards_dead.py - transfers of a terminal that dies before it could send them, with real processes.

The cards tell at another terminal: a transfer that another card took is joined; of one that nobody took, and of
one to a card that only the dead journal names, a case says what is missing. The club releases the first; then the
journal comes back and says the rest. BUILD names the folder with the programs."""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402
from hotlist import Other  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
CARDS = {"ali": "1k 04a1b2c3", "leila": "desfire 04112233445566", "sara": "1k 04a1b2c4"}


def hold(shop, name):
    shop.card("remove")
    shop.card(f"insert {name}")


def transit(shop):
    report = json.loads(shop.club("report", "--json").stdout)
    return sum(row["amount"] for row in report["ledger"] if row["account"] == "transit")


def halves(shop, *more):
    cases = json.loads(shop.club("cases", "--json", *more).stdout)["cases"]
    return sorted((case["sequence"], case["closed_at"] is not None and case["closed_at"] != 0) for case in cases
                  if case["why"] == "half")


def waits(shop):
    return {(t["sequence"], t["state"]): t["rest"] for t in json.loads(shop.club("transfer", "list", "--json").stdout)}


def meet(shop, name):
    """A balance, and the moment after it in which the card's ring is noted."""
    def noted():
        return shop.log("terminal").count(" T208 ")
    before = noted()

    def held():
        """Again, when a reader that was starved of a busy machine's time lost the card behind the balance."""
        hold(shop, name)
        shop.done("balance")
        end = time.monotonic() + 5
        while noted() == before and time.monotonic() < end:
            time.sleep(0.01)
        return noted() > before
    shop.until(held, seconds=60, what="the sightings")


def released(shop, other, number):
    """The club gives it back as soon as the other terminal was heard in a second after the death."""
    def tried():
        other.sync()
        done = shop.club("transfer", "release", 1, number, "--json", check=False)
        return done if done.returncode == 0 else None
    return shop.until(tried, what="the release")


def main():
    with Shop(BUILD) as shop:
        shop.open(card=None)
        numbers = {}
        for name, chip in CARDS.items():
            shop.card(f"new {name} {chip}")
            hold(shop, name)
            numbers[name] = shop.done("issue", "--opening", 1_000_000)["card"]
        other = Other(shop)
        other.sync()
        shop.sync_once()

        hold(shop, "ali")
        taken = shop.done("transfer", 300_000)["sequence"]
        hold(shop, "leila")
        shop.done("transfer", "--from", taken)
        hold(shop, "sara")
        alone = shop.done("transfer", 50_000)["sequence"]
        hold(shop, "ali")
        named = shop.done("transfer", 7_000, "--to", numbers["sara"])["sequence"]
        shop.stop("terminal", "kill")
        os.mkdir(shop.path("kept"))
        for file in shop.dir.glob("terminal.db*"):
            shutil.move(file, shop.path("kept"))

        shop.club("terminal", "dead", 1)
        shop.start_terminal("--db", other.db)
        for name in ("leila", "sara", "ali"):
            meet(shop, name)
        other.sync()
        check("what left the cards and came to none is in transit", transit(shop) == 57_000, transit(shop))
        check("and is listed", waits(shop) == {(alone, "seen"): 50_000, (named, "seen"): 7_000}, waits(shop))
        check("two cases say what is missing", halves(shop) == [(alone, False), (named, False)], halves(shop))
        refused = shop.club("transfer", "release", 1, taken, "--anyway", check=False)
        check("what a card has is released to nobody", refused.returncode == 1 and "already" in refused.stderr, refused.stderr)
        done = released(shop, other, alone)
        check("the club gives one back", json.loads(done.stdout)["to"] == numbers["sara"] and transit(shop) == 7_000, done.stdout)
        other.sync()
        hold(shop, "sara")
        got = shop.done("balance")
        check("it is on its card again", got["credit"] == 1_000_000 and got["arrived"][0]["origin"] == "transfer", got)
        other.sync()
        check("which settles its case", halves(shop, "--all") == [(alone, True), (named, False)], halves(shop, "--all"))

        shop.stop("terminal")
        for file in list(Path(shop.path("kept")).iterdir()):
            shutil.copy(file, shop.path(""))
        shop.club("terminal", "back", 1)
        shop.sync_once()
        other.sync()
        check("the journal comes back: nothing is in transit", transit(shop) == 0 and waits(shop) == {}, waits(shop))
        check("and no case of it is open", halves(shop) == [], halves(shop))
        shop.start_terminal("--db", other.db)
        hold(shop, "sara")
        got = shop.done("balance")
        check("the card that only the journal named has its credit", got["credit"] == 1_007_000, got)
        other.sync()
        dump = json.loads(shop.club("dump").stdout)
        dump.update(cards=[], programme=json.loads(Path(shop.programme).read_text()))
        Path(shop.path("dump.json")).write_text(json.dumps(dump))
        again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check",
                                shop.path("dump.json")], capture_output=True, text=True)
        check("the reference comes to the same", again.returncode == 0 and "0 violations" in again.stdout, again.stdout)
        told = shop.club("report", check=False)
        check("and the books balance", told.returncode == 0, told.stdout)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
