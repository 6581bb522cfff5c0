#!/usr/bin/env python3
"""hotlist - a card that the club refuses, with real processes: listed, synced, refused, blocked; and its cuts.

The list that must be is kept by this program, by itself; what the terminal has is read from its file with sqlite3."""
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402
from sync_proxy import Proxy  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
CUTS = int(os.environ.get("HOTLIST_CUTS", "24" if os.environ.get("PROFILE") == "sanitize" else "60"))
REASONS = ["", "lost", "stolen", "blocked", "clone", "replaced"]


def number(payload):
    """The card number of a payload: its digit by Luhn, written down once more."""
    total = sum(sum(divmod(int(d) * 2, 10)) if n % 2 == 0 else int(d) for n, d in enumerate(reversed(str(payload))))
    return payload * 10 + -total % 10


def club_list(shop):
    lines = shop.club("hotlist", "list").stdout.split("\n")
    return {int(card): reason for card, reason, _ in (line.split() for line in lines if line)}


def terminal_list(path):
    """What the terminal's file says, and how far a snapshot has come."""
    with sqlite3.connect(path) as db:
        live, version, cards, next_version, after = db.execute(
            "SELECT live, version, cards, next_version, next_after FROM head").fetchone()
        found = {n: REASONS[r] for n, r in db.execute(f"SELECT number, listing FROM card{live}")}
    if len(found) != cards:
        raise RuntimeError(f"the head says {cards} cards, {len(found)} are there")
    return found, version, next_version, after


def change(shop, changes):
    """Many changes at once, as an operator loads them."""
    path = shop.path("changes")
    Path(path).write_text("".join(f"{n} {r or 'off'}\n" for n, r in changes))
    return shop.club("hotlist", "load", path)


class Other:
    """A second terminal of the club, on the same reader: another branch, another database."""
    def __init__(self, shop):
        self.shop, self.db, self.identity = shop, shop.path("other.db"), shop.path("other.identity")
        code = shop.club("code", "--merchant", "Refah", "--branch", "Vanak").stdout
        code = next(w for w in code.split() if w.count("-") >= 2)
        arguments = ["enrol", "--db", self.db, "--identity", self.identity, "--club", f"localhost:{shop.port}", "--ca",
                     shop.path("club/ca.pem"), "--code", code]
        shop.run("vafa-sync", *arguments, check=False)
        shop.club("approve", "all")
        shop.run("vafa-sync", *arguments)

    def sync(self, port=None, check=True):
        return self.shop.run("vafa-sync", "once", "--db", self.db, "--identity", self.identity, "--club",
                             f"localhost:{port or self.shop.port}", "--timeout", "10", check=check)


def with_terminal_of(shop, other, *till):
    """The other terminal takes the reader over for one request."""
    shop.stop("terminal")
    shop.start_terminal("--db", other.db)
    answer = shop.till(*till)
    shop.stop("terminal")
    shop.start_terminal()
    return answer


def refused_and_blocked(shop):
    issued = shop.done("issue", "--opening", "500000")
    card = int(issued["card"])
    shop.done("sale", "300000", "--pay-credit", "100000")
    other = Other(shop)
    other.sync()  # before the card is listed: this one does not know
    done = shop.club("hotlist", "add", card, "--reason", "stolen")
    check("the club's operator lists the card", "refuse" in done.stdout, done.stdout)
    again = shop.club("hotlist", "add", card, "--reason", "stolen")
    check("listing it again says so", "already" in again.stdout, again.stdout)
    sale = shop.till("sale", "200000")
    check("before the sync nobody knows", sale["state"] == "done", sale["text"])
    shop.sync_once()
    before = shop.done("status")
    check("status tells the list and its age",
          before["hotlist"] == 1 and before["hotlist_cards"] == 1 and before["hotlist_old"] is False and
          0 <= before["hotlist_age"] < 30 and before["hotlist_say"] == "", before)
    sale = shop.till("sale", "200000", "--pay-credit", "50000")
    check("after it the tap refuses the card and blocks it",
          sale["state"] == "not_done" and sale["reason"] == "hotlisted" and sale["listed"] == "stolen" and
          sale["status"] == "blocked" and sale["counter"] == 4 and sale["credit"] == 400000 and sale["rc"] == 1, sale["text"])
    sale = shop.till("sale", "200000")
    check("a second tap refuses it and writes nothing", sale["reason"] == "hotlisted" and sale["counter"] == 4, sale["text"])
    balance = shop.till("balance")
    check("its balance says that it is blocked",
          balance["state"] == "done" and balance["status"] == "blocked" and balance["listed"] == "stolen", balance["text"])
    history = shop.till("history")
    check("its history, too", [h["kind"] for h in history["history"]] == ["block", "sale", "sale", "issue"], history["text"])
    sale = with_terminal_of(shop, other, "sale", "200000")
    check("a terminal without the list refuses the blocked card",
          sale["reason"] == "refused" and "blocked" in sale["say"] and "listed" not in sale and sale["counter"] == 4, sale["text"])
    shop.club("hotlist", "remove", card)
    shop.sync_once()
    other.sync()
    sale = shop.till("sale", "200000")
    check("off the list it stays blocked", sale["reason"] == "refused" and sale["status"] == "blocked", sale["text"])
    shop.sync_once()
    with sqlite3.connect(shop.path("club/club.db")) as db:
        kinds = [k for k, in db.execute("SELECT op FROM txn WHERE card_no = ? ORDER BY card_ctr", (card,))]
        cases = db.execute("SELECT why, say FROM tcase").fetchall()
    check("the club's books have the block once, and no case", kinds == [1, 2, 2, 7] and not cases, (kinds, cases))
    check("the books balance", shop.club("report").returncode == 0)
    return card, other


def balance_blocks(shop):
    """A card that is only asked for its balance is blocked, too."""
    shop.card("remove")
    shop.card("new second 1k 04a1b2c4")
    shop.card("insert second")
    card = int(shop.done("issue", "--opening", "5000000")["card"])
    shop.sync_once()
    shop.stop("terminal")
    shop.start_terminal("--list-spend", "1000000")
    sale = shop.till("sale", "3000000", "--pay-credit", "2000000")
    check("with a fresh list much may be spent", sale["state"] == "done", sale["text"])
    with sqlite3.connect(shop.path("terminal.db.hotlist")) as db:
        db.execute("UPDATE head SET made = made - 73 * 3600")
    sale = shop.till("sale", "2000000", "--pay-credit", "1000001")
    check("with one of 73 hours no more than is stated",
          sale["state"] == "not_done" and sale["reason"] == "refused" and "100,000 toman" in sale["say"] and
          shop.done("status")["hotlist_old"], sale["text"])
    sale = shop.till("sale", "2000000", "--pay-credit", "1000000")
    check("and that much is sold", sale["state"] == "done", sale["text"])
    shop.sync_once()
    sale = shop.till("sale", "2000000", "--pay-credit", "1000001")
    check("a sync that brings nothing new makes it fresh again", sale["state"] == "done", sale["text"])
    shop.club("hotlist", "add", card)
    shop.sync_once()
    balance = shop.till("balance")
    check("a balance blocks a listed card and is answered",
          balance["state"] == "done" and balance["status"] == "blocked" and balance["listed"] == "lost", balance["text"])


def cut_block(shop):
    """The card is pulled away at each command of the block; then it comes back."""
    wrong = []
    for n in (5, 7, 9):  # fault_block cuts it everywhere; these are real processes
        name = f"cut{n}"
        shop.card("remove")
        shop.card(f"new {name} 1k 04a1b3{n:02x}")
        shop.card(f"insert {name}")
        card = int(shop.done("issue", "--opening", "500000")["card"])
        shop.club("hotlist", "add", card)
        shop.sync_once()
        shop.card("remove")
        shop.card(f"insert {name}")
        shop.card(f"cut after {n}")
        cut = shop.till("sale", "200000", "--pay-credit", "50000", wait=1)
        shop.card("insert " + name)
        back = shop.till("sale", "200000", "--pay-credit", "50000")
        shop.sync_once()
        if cut["state"] != "not_done" or cut["reason"] not in ("hotlisted", "no_card") or back["reason"] != "hotlisted" or \
                back["counter"] != 2 or back["status"] != "blocked" or back["credit"] != 500000:
            wrong.append((n, cut["text"], back["text"]))
    with sqlite3.connect(shop.path("club/club.db")) as db:
        blocks = db.execute("SELECT card_no, count(*) FROM txn WHERE op = 7 GROUP BY card_no HAVING count(*) > 1").fetchall()
        cases = db.execute("SELECT why, say FROM tcase").fetchall()
    check("cut anywhere, the card ends up blocked once", not wrong and not blocks and not cases, (wrong[:2], blocks, cases))


def bad_files(shop):
    """A list that is missing, damaged or foreign: the terminal sells less and says why, and sync mends it."""
    path = shop.path("terminal.db.hotlist")
    want = club_list(shop)

    def parts():
        return [p for p in (path, path + "-wal", path + "-shm") if os.path.exists(p)]
    for p in parts():
        os.remove(p)
    status = shop.done("status")
    check("without a list the terminal is ready, and says so",
          status["hotlist_old"] and status["hotlist_age"] == -1 and "no hotlist yet" in status["hotlist_say"] and
          status["ready"], status)
    shop.sync_once()
    check("sync brings it back whole", terminal_list(path)[0] == want and not shop.done("status")["hotlist_old"])
    for p in parts():
        os.remove(p)
    # libfaketime does not go with the sanitizers.
    unset = () if os.environ.get("PROFILE") == "sanitize" else ("faketime", "-m", "2000-01-01 00:00:00")
    subprocess.run([*unset, f"{BUILD}/vafa-sync", "once", "--db", shop.path("terminal.db"), "--identity", shop.path("identity"),
                    "--club", f"localhost:{shop.port}"], check=True)
    status = shop.done("status")
    check("one that came while the clock was not set is fresh when it is", not status["hotlist_old"] and 0 <= status["hotlist_age"] < 30, status)
    for p in parts():
        os.remove(p)
    size = 40960
    Path(path).write_bytes(b"SQLite format 3\0" + bytes(size - 16))
    status = shop.done("status")
    check("a damaged list stops nothing", status["hotlist_old"] and status["hotlist_say"] != "" and status["ready"], status)
    Path(path).write_bytes(b"not a list " * 999)
    status = shop.done("status")
    check("nor does a foreign file", "Move terminal.db.hotlist away" in status["hotlist_say"] and status["ready"], status)
    synced = shop.sync_once(check=False)
    with sqlite3.connect(shop.path("terminal.db")) as db:
        say, = db.execute("SELECT value FROM settings WHERE name = 'hotlist.say'").fetchone()
    check("sync goes on beside it and leaves it alone",
          synced.returncode == 0 and "Move terminal.db.hotlist away" in say and
          Path(path).read_bytes() == b"not a list " * 999, say)
    os.remove(path)
    with sqlite3.connect(path) as db:  # ours by its marks, and without a table
        db.execute(f"PRAGMA application_id = {0x56616668}")
        db.execute("PRAGMA user_version = 1")
        db.execute("CREATE TABLE card0(a)")
    shop.sync_once()
    check("a damaged one is made anew", terminal_list(path)[0] == want)


def cut_sync(shop, other):
    """Deltas, then a snapshot in pieces, cut at bytes spread over each exchange; at the end the lists are the same."""
    rng, want = random.Random(7), club_list(shop)
    pool = [number(936400900000000 + 97 * n) for n in range(4000)]
    proxy = Proxy(shop.port)
    path, wrong, cuts = other.db + ".hotlist", [], 0

    def some(count):
        changes = [(n, rng.choice(REASONS)) for n in rng.sample(pool, count)]
        for n, r in changes:
            if r:
                want[n] = r
            else:
                want.pop(n, None)
        change(shop, changes)

    def most_of(prepare):
        prepare()
        proxy.clear()
        other.sync(proxy.port)
        proxy.idle.wait(5)
        return dict(proxy.passed)
    most = most_of(lambda: some(60))
    positions = [(d, most[d] * n // (CUTS // 4)) for d in ("up", "down") for n in range(CUTS // 4)]
    positions += [("down", most["down"] - rng.randrange(1, 900)) for _ in range(CUTS // 2)]  # where the answer is
    for direction, position in positions:
        some(60)
        before = terminal_list(path)
        proxy.cut(direction, position)
        other.sync(proxy.port, check=False)
        proxy.idle.wait(5)
        cuts += proxy.passed[direction] == position
        middle = terminal_list(path)
        if middle[0] != want and middle != before:
            wrong.append((direction, position, "half a delta"))
        if position % 3 == 0:
            other.sync()
            if terminal_list(path)[0] != want:
                wrong.append((direction, position, "another list"))
    other.sync()
    check(f"deltas: cut at {cuts} places, the list is never half of one and ends the same",
          not wrong and terminal_list(path)[0] == want == club_list(shop), wrong[:3])
    check("the cuts were made", cuts > len(positions) * 0.9, (cuts, len(positions)))
    # A list of 25,000 cards comes as three pieces to a terminal without one, and moves on meanwhile.
    many = [(number(n), rng.choice(REASONS[1:])) for n in rng.sample(range(936401000000000, 936499000000000), 25000)]
    change(shop, many)
    change(shop, many)
    many = [(n, REASONS[1 + REASONS.index(r) % 5]) for n, r in many]  # now the changes are more than the cards
    change(shop, many)
    want.update(dict(many))
    for suffix in ("", "-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
    seen, wrong = set(), []
    for n in range(12):
        some(30)
        proxy.cut("down", rng.randrange(30000, 90000))
        other.sync(proxy.port, check=False)
        proxy.idle.wait(5)
        now, version, loading, after = terminal_list(path)
        seen.add(after)
        if loading and now:
            wrong.append("a list that is not whole is in force")
    other.sync()
    check(f"a snapshot goes on where it was cut ({len(seen)} places) and ends the same",
          not wrong and len(seen) > 1 and terminal_list(path)[0] == want == club_list(shop), (wrong[:3], sorted(seen)))
    proxy.close()
    # The club is restored from a backup and counts on: same versions, another list.
    backup = shop.path("backup.db")
    subprocess.run(["sqlite3", shop.path("club/club.db"), f".backup {backup}"], check=True)
    some(5)
    other.sync()
    want = club_list(shop)
    shop.stop("club")
    for suffix in ("", "-wal", "-shm"):
        Path(shop.path("club/club.db" + suffix)).unlink(missing_ok=True)
    os.rename(backup, shop.path("club/club.db"))
    shop.start_club()
    before = club_list(shop)
    change(shop, [(n, "clone" if before.get(n) != "clone" else "lost") for n in pool[:5]])
    other.sync()
    now = terminal_list(path)
    check("a club restored from a backup gives its own list again", now[0] == club_list(shop) != want, now[1:])


def bad_commands(shop):
    for arguments, word in ((("add", "123"), "not a card number"), (("add", number(936400000100000) + 1), "not a card number"),
                            (("add",), "missing: CARD"), (("add", number(936400000100000), "--reason", "eaten"), "--reason is"),
                            (("eat", "1"), "say hotlist add, hotlist remove"), (("load", shop.path("none")), "Cannot read"), ((), "say hotlist add")):
        done = shop.club("hotlist", *arguments, check=False)
        check(f"hotlist {' '.join(map(str, arguments))[:24]} is refused", done.returncode in (1, 2) and word in done.stderr,
               done.stderr)
    before = club_list(shop)
    Path(shop.path("bad")).write_text(f"{number(936400000100000)} lost\n{number(936400000100007)} eaten\n")
    done = shop.club("hotlist", "load", shop.path("bad"), check=False)
    check("a file with a bad line changes nothing",
          done.returncode == 2 and "Line 2" in done.stderr and club_list(shop) == before, done.stderr)


def main():
    start = time.monotonic()
    with Shop(BUILD) as shop:
        shop.open()
        card, other = refused_and_blocked(shop)
        balance_blocks(shop)
        cut_block(shop)
        bad_commands(shop)
        bad_files(shop)
        cut_sync(shop, other)
    print(f"# {time.monotonic() - start:.0f} s")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
