#!/usr/bin/env python3
"""dead_terminal - a terminal is destroyed with sales that it never sent; its members tap elsewhere; with real processes.

The books are compared with those of a club to which nothing happened: a copy of the same club that gets the dead
terminal's journal after all. Then the real club gets it, too."""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402
from hotlist import Other  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
# The first four were at the dead terminal, more often than the last two of them can remember of it elsewhere.
CARDS = {"ali": "1k 04a1b2c3", "sara": "desfire 04a1b2c3d4e5f6", "reza": "1k 04a1b2c4", "mina": "desfire 04a1b2c3d4e5f7"}


def books(shop):
    """What people read: balances, merchants, accounts; not in how many batches they came."""
    report = json.loads(shop.club("report", "--json").stdout)
    return {name: report[name] for name in ("ledger", "books", "cards", "merchants", "cases")}


def gaps(shop, terminal=1):
    return json.loads(shop.club("report", "--terminal", terminal, "--json").stdout)


def hold(shop, name):
    shop.card("remove")
    shop.card(f"insert {name}")


def sell(shop):
    """Sales that the club never hears of from this terminal: several on each card."""
    for name in CARDS:
        hold(shop, name)
        shop.done("sale", 1_500_000, "--pay-credit", 200_000)
        shop.done("load", 300_000)
    for name in ("ali", "mina"):
        hold(shop, name)
        sale = shop.done("sale", 2_000_000, "--redeem", 5)
        shop.done("refund", sale["counter"], 1_000_000)


def noted(shop):
    return shop.log("terminal").count(" T208 ")


def go_elsewhere(shop, other):
    """The cards are met at the other terminal, and stay there for the moment after the answer."""
    shop.start_terminal("--db", other.db)
    for name, what in (("ali", ("sale", 400_000, "--pay-credit", 100_000)), ("sara", ("balance",)),
                       ("mina", ("load", 500_000)), ("reza", ("balance",))):
        before = noted(shop)
        hold(shop, name)
        shop.done(*what)
        shop.until(lambda: noted(shop) > before, what="the sightings")
    before = noted(shop)
    for name in CARDS:
        hold(shop, name)
        shop.done("balance")
    shop.stop("terminal")
    check("what was noted once is not noted again", noted(shop) == before, noted(shop))


def destroy(shop):
    """The dead terminal's database, put aside where nothing finds it. Returns its transactions' numbers, done or not."""
    shop.stop("terminal")
    os.mkdir(shop.path("kept"))
    with sqlite3.connect(shop.path("terminal.db")) as db:
        intents = [n for (n,) in db.execute("SELECT seq FROM journal WHERE kind = 1 ORDER BY seq")]
    for file in shop.dir.glob("terminal.db*"):
        shutil.move(file, shop.path("kept"))
    return intents


def bring_back(shop):
    for file in list(Path(shop.path("kept")).iterdir()):
        shutil.copy(file, shop.path(""))


def in_peace(shop, other):
    """The books of a copy of the club that hears of everything in time."""
    shop.stop("club")
    shutil.copytree(shop.path("club"), shop.path("club.real"))
    shop.start_club()
    bring_back(shop)
    shop.sync_once()
    other.sync()
    peace = books(shop)
    shop.stop("club")
    shutil.rmtree(shop.path("club"))
    os.rename(shop.path("club.real"), shop.path("club"))
    for db in ("terminal.db", "other.db"):
        for file in shop.dir.glob(db + "*"):
            file.unlink()
    for file in list(Path(shop.path("other.kept")).iterdir()):
        shutil.copy(file, shop.path(""))
    shop.start_club()
    return peace


def reference(shop, dump):
    """Another program chains, plans and sums both journals again and compares the club's balances."""
    dump.update(cards=[], programme=json.loads(Path(shop.programme).read_text()))
    Path(shop.path("dump.json")).write_text(json.dumps(dump))
    done = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", shop.path("dump.json")],
                          capture_output=True, text=True)
    return "the reference agrees", "4 cards, 18 transactions, 0 violations" in done.stdout, done.stdout + done.stderr


def main():
    with Shop(BUILD) as shop:
        shop.open(card=None)
        for name, chip in CARDS.items():
            shop.card(f"new {name} {chip}")
            hold(shop, name)
            shop.done("issue", "--opening", 1_000_000)
        other = Other(shop)
        other.sync()
        shop.sync_once()
        has = gaps(shop)["has"]
        sell(shop)
        status = shop.done("status")
        # 4 cards a sale and a load, 2 a sale and a refund: 4 x 1.8 + 2 x 3 million.
        check("status says how much only the cards would know",
              status["unsent_transactions"] == 12 and status["unsent_amount"] == 13_200_000 and
              status["unsent"] >= 24, status["text"])
        check("and in words",
              "12 transactions of 1,320,000 toman" in status["if_it_died_now"] and "minutes old" in status["if_it_died_now"], status["if_it_died_now"])
        unsent = [n for n in destroy(shop) if n > has]
        check("the terminal is destroyed with 12 unsent transactions", len(unsent) == 12, unsent)

        go_elsewhere(shop, other)
        os.mkdir(shop.path("other.kept"))
        for file in shop.dir.glob("other.db*"):
            shutil.copy(file, shop.path("other.kept"))
        peace = in_peace(shop, other)
        check("a club that hears of all in time has no case", peace["cases"] == [], peace["cases"])

        dead = shop.club("terminal", "dead", 1)
        check("declared dead before any card was heard of", "0 transactions" in dead.stdout, dead.stdout)
        standing = {t["terminal"]: t["certificate"] for t in json.loads(shop.club("terminals", "--json").stdout)["terminals"]}
        check("the list of terminals says so", standing == {1: "dead", 2: "good"}, standing)
        other.sync()
        report = gaps(shop)
        check("the gap report names 12 that came back and none that is missing",
              (report["has"], report["recovered"], report["missing_named"], report["silent_most"]) == (has, 12, 0, 0), report)
        check("and their amounts", report["amount"] == 13_200_000, report)
        rebuilt = books(shop)
        for name in peace:
            check(f"as if nothing had happened: {name}", rebuilt[name] == peace[name],
                   f"{rebuilt[name]}\n  {peace[name]}")
        text = shop.club("report", "--terminal", 1).stdout
        check("in words, too", "12 transactions recovered, 0 still missing" in text, text)

        bring_back(shop)
        refused = shop.sync_once(check=False)
        check("found again, it is refused until the club is told", refused.returncode != 0, refused.stdout)
        back = shop.club("terminal", "back", 1)
        check("the club is told", "may sync" in back.stdout, back.stdout)
        shop.sync_once()
        other.sync()
        again = books(shop)
        for name in peace:
            check(f"nothing is doubled: {name}", again[name] == peace[name], f"{again[name]}\n  {peace[name]}")
        check("nothing is left to proof", gaps(shop)["recovered"] == 0, gaps(shop))
        dump = json.loads(shop.club("dump").stdout)
        check("both journals are whole", len(dump["terminals"]) == 2, len(dump["terminals"]))
        check(*reference(shop, dump))
        odd = [shop.club("terminal", *words, check=False).returncode for words in
               (["dead"], ["dead", "x"], ["buried", "1"], ["dead", "99"], ["back", "1"])]
        check("what is no terminal's death is refused", odd == [2, 2, 2, 1, 1], odd)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
