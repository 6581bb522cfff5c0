#!/usr/bin/env python3
"""restore - the club's disk dies; it is put back from a backup that is older; with real processes. Two terminals sync as they
always do, and balances, journals, links and closed settlements are as if nothing had happened; the hotlist is what the backup
had, at the club and at each terminal, and what the operator does again is done."""
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from hotlist import Other, number, terminal_list  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
SANITIZED = os.environ.get("PROFILE") == "sanitize"  # libfaketime and ASan do not go together
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
IRAN = timezone(timedelta(hours=3, minutes=30))


class Clock:
    """vafa-terminal believes that it is some days ago; the club and vafa-sync do not."""

    def __init__(self, days):
        self.days = 0 if SANITIZED else days

    def __enter__(self):
        if self.days:
            os.environ.update(LD_PRELOAD=str(FAKETIME), FAKETIME=f"-{self.days}d", FAKETIME_DONT_FAKE_MONOTONIC="1")

    def __exit__(self, *_):
        for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"):
            os.environ.pop(name, None)


def till_at(shop, database, days, *commands):
    """Runs till commands at the terminal of that database, some days ago."""
    shop.stop("terminal")
    with Clock(days):
        shop.start_terminal("--db", database)
    answers = [shop.till(*command) for command in commands]
    shop.stop("terminal")
    for command, answer in zip(commands, answers):
        if answer["rc"] != 0:
            raise RuntimeError(f"{command}: {answer['text']}")
    return answers


def link(shop, database, code):
    shop.stop("terminal")
    shop.start_terminal("--db", database)
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "10", "--json", "link", "-"], input=code + "\n",
                          capture_output=True, text=True, timeout=60)
    shop.stop("terminal")
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


def day(ago):
    return (datetime.now(IRAN) - timedelta(ago)).date()


def listed(shop):
    return {line.split()[0]: line.split()[1] for line in shop.club("hotlist", "list").stdout.splitlines()}


def at_terminal(path):
    """The list of a terminal, from its file."""
    return {str(card) for card in terminal_list(path + ".hotlist")[0]}


def books(shop):
    """What must be the same again: balances and raw journals, the ledger, who has which medium, closed settlements."""
    dump, report = json.loads(shop.club("dump").stdout), json.loads(shop.club("report", "--json").stdout)
    media = sorted((link["medium"], link["card"]) for link in json.loads(shop.club("links", "--json").stdout))
    settlements = [shop.club("settlement", "show", s["settlement"], "--json").stdout
                   for s in json.loads(shop.club("settlement", "list", "--json").stdout)["settlements"]]
    merchants = report["merchants"], report["branches"]
    return dump, [r for r in report["ledger"]], report["cards"], merchants, media, settlements, report["totals"][0]["balanced"]


def story(shop):
    shop.open()
    first = shop.path("terminal.db")
    other = Other(shop)
    other.sync()
    issued, *_ = till_at(shop, first, 4, ("issue", "--opening", "900000"), ("load", "300000"), ("sale", "500000", "--pay-credit", "200000"))
    link(shop, first, "0012345679")
    lost, found = str(number(936400000100000 + 777)), str(number(936400000100000 + 778))
    shop.club("hotlist", "add", lost, "--reason", "lost")
    shop.sync_once()  # the club knows the card
    shop.club("action", issued["card"], "credit", "70000", "--origin", "bank", "--id", "before")
    shop.sync_once()
    other.sync()
    if not SANITIZED:
        shop.club("settlement", "close", "--to", day(4), "--by", "Sara")

    backup = shop.path("backup.db")
    subprocess.run(["sqlite3", shop.path("club/club.db"), f".backup {backup}"], check=True)

    ordered = ("action", issued["card"], "credit", "1000", "--origin", "bank", "--id", "after")
    shop.club(*ordered)
    shop.sync_once()
    other.sync()
    till_at(shop, other.db, 2, ("sale", "700000", "--pay-credit", "150000"), ("load", "250000"))
    till_at(shop, first, 2, ("sale", "100000", "--pay-credit", "100000"))
    link(shop, other.db, "09121234567")
    shop.club("hotlist", "remove", lost)
    shop.club("hotlist", "add", found, "--reason", "stolen")
    shop.sync_once()
    other.sync()
    if not SANITIZED:
        shop.club("settlement", "close", "--to", day(2), "--by", "Reza")
    before = books(shop)
    check("the books before", before[-1] == "yes" and len(before[0]["terminals"]) == 2 and len(before[4]) == 2, before[4:])
    check("the list before", set(listed(shop)) == {found}, listed(shop))

    shop.stop("club", "kill")
    for name in ("club.db", "club.db-wal", "club.db-shm"):
        Path(shop.path(f"club/{name}")).unlink(missing_ok=True)
    shutil.copy(backup, shop.path("club/club.db"))
    shop.start_club()
    said = [line for line in Path(shop.path("club.log")).read_text().splitlines() if "from a backup" in line]
    check("it finds out by itself that it was restored, once", len(said) == 1 and "which terminals were revoked" in said[0], said)
    shop.club(*ordered)  # the giver asks again before any terminal has come
    queued = [(a["id"], a["state"]) for a in json.loads(shop.club("action", "list", "--json").stdout)]
    check("and gives no number before it knows which it gave", ("after", "queued") in queued, queued)
    forgotten = books(shop)
    check("the restored club has forgotten, and balances", forgotten[0] != before[0] and forgotten[-1] == "yes", forgotten[1])
    if not SANITIZED:
        closing = shop.run("vafa-club", "settlement", "close", "--to", day(1), "--by", "x", "--data", shop.path("club"), check=False)
        check("and closes nothing before its terminals have come",
              closing.returncode == 1 and "Not every terminal" in closing.stderr, closing.stderr)
        check("its closed settlements are back from their files, as they were",
              forgotten[5] == before[5] and len(before[5]) == 2, forgotten[5])

    other.sync()
    shop.sync_once()
    after = books(shop)
    action = json.loads(shop.club("action", "list", "--json").stdout)
    check("a load that was collected after the backup is collected again",
          sorted((a["id"], a["state"], a["done"]) for a in action) == [("after", "applied", 1000), ("before", "applied", 70000)], action)
    names = ("balances and journals", "the ledger", "cards", "merchants and branches", "media", "settlements")
    for name, then, now in zip(names, before, after):
        check(f"{name}: as if nothing had happened", then == now, (then, now))
    shop.club("settlement", "list")

    other.sync()
    shop.sync_once()
    check("the hotlist is the backup's", set(listed(shop)) == {lost}, listed(shop))
    check("and each terminal has it", at_terminal(first) == at_terminal(other.db) == {lost}, (at_terminal(first), at_terminal(other.db)))
    shop.club("hotlist", "remove", lost)
    shop.club("hotlist", "add", found, "--reason", "stolen")
    other.sync()
    shop.sync_once()
    check("what the operator does again, they get", at_terminal(first) == at_terminal(other.db) == {found}, at_terminal(first))

    if not SANITIZED:
        third = json.loads(shop.club("settlement", "close", "--to", day(1), "--by", "Sara", "--json").stdout)
        check("the next settlement has nothing that another had", third["settlement"] == 3 and third["lines"] == [], third)
    sale = till_at(shop, first, 0, ("sale", "100000", "--pay-credit", "50000"))[0]
    shop.sync_once()
    card = json.loads(shop.club("card", sale["card"], "--json").stdout)
    last = Path(shop.path("club/actions.last"))
    kept = last.read_text()
    last.write_text("7 of them\n")
    odd = shop.run("vafa-club", "cases", "--data", shop.path("club"), check=False)
    check("a file that says nothing of what terminals were told stops it, with what to do", odd.returncode == 1 and "say vafa-club restored" in odd.stderr, odd.stderr)
    last.write_text(kept)
    check("and the shop goes on",
          (card["credit"], card["state"]) == (900000 + 300000 - 200000 + 70000 + 1000 - 150000 + 250000 - 100000 - 50000, "ok"), card)


def main():
    with Shop(BUILD) as shop:
        story(shop)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
