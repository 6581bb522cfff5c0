#!/usr/bin/env python3
"""sync_cut - cuts one sync exchange at every byte, in both directions, TLS records included.

Each cut has a new transaction of its own: the terminal syncs through the proxy that cuts, then without it. At
the end every transaction must be in the club's books exactly once, to the last rial. Two terminals of one club
share the positions, one on each core. Every third one, under the sanitizers every 13th; SYNC_CUT_EVERY=K: every K-th,
as `make proof` takes every one."""
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402
from sync_proxy import Proxy  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
EVERY = int(os.environ.get("SYNC_CUT_EVERY", "13" if os.environ.get("PROFILE") == "sanitize" else "3"))
WORKERS = 2


class Terminal:
    def __init__(self, shop, number):
        self.shop, self.number = shop, number
        self.db, self.identity = shop.path(f"terminal{number}.db"), shop.path(f"identity{number}")
        self.wrong, self.cuts = [], set()
        code = shop.club("code", "--merchant", "Refah", "--branch", f"Branch {number}").stdout
        code = next(w for w in code.split() if w.count("-") >= 2)
        arguments = ["enrol", "--db", self.db, "--identity", self.identity, "--club", f"localhost:{shop.port}", "--ca",
                     shop.path("club/ca.pem"), "--code", code]
        shop.run("vafa-sync", *arguments, check=False)
        shop.club("approve", "all")
        shop.run("vafa-sync", *arguments)
        self.proxy = Proxy(shop.port)
        self.sync(shop.port)
        self.feeder = subprocess.Popen([f"{BUILD}/journal-feed", "--db", self.db, "--cards", "20", "--seed", str(number),
                                        "--follow"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def sync(self, port):
        return subprocess.run([f"{BUILD}/vafa-sync", "once", "--db", self.db, "--identity", self.identity, "--club",
                               f"localhost:{port}", "--timeout", "10"], capture_output=True, text=True, timeout=60)

    def feed(self):
        self.feeder.stdin.write("\n")
        self.feeder.stdin.flush()
        if self.feeder.stdout.readline() != "ok\n":
            raise RuntimeError("journal-feed ended")

    def measure(self):
        """The bytes that each of ten whole exchanges moves; signatures and gzip make it vary a little."""
        passed = []
        for _ in range(10):
            self.feed()
            self.proxy.clear()
            if self.sync(self.proxy.port).returncode != 0:
                raise RuntimeError("the uncut exchange failed")
            self.proxy.idle.wait(5)
            passed.append(dict(self.proxy.passed))
        return passed

    def cut(self, direction, position):
        self.feed()
        self.proxy.cut(direction, position)
        through = self.sync(self.proxy.port)
        self.proxy.idle.wait(5)
        if self.proxy.passed[direction] == position:
            self.cuts.add((direction, position))
        direct = self.sync(self.shop.port)
        with sqlite3.connect(self.db) as db:
            entries, acknowledged = db.execute("SELECT (SELECT max(seq) FROM journal), acknowledged FROM sync").fetchone()
        if through.returncode not in (0, 1, 3) or direct.returncode != 0 or entries != acknowledged:
            self.wrong.append((direction, position, through.returncode, through.stderr, direct.returncode, direct.stderr,
                               entries, acknowledged))

    def work(self, positions):
        for direction, position in positions:
            self.cut(direction, position)

    def close(self):
        self.feeder.stdin.close()
        self.feeder.wait(10)
        self.proxy.close()


def number_at(raw, offset, size=4):
    return int.from_bytes(raw[offset:offset + size], "little")


def field(image, at, width):
    """A bit field of a snapshot's image (docs/card-layout.md)."""
    return int.from_bytes(image, "big") >> (8 * len(image) - at - width) & ((1 << width) - 1)


def check_books(shop, terminals):
    """From the raw rows on both sides, with the layouts of docs/journal.md and nothing of our C."""
    with sqlite3.connect(shop.path("club/club.db")) as club:
        ask = lambda sql, *a: club.execute(sql, a).fetchall()
        total = 0
        for terminal in terminals:
            with sqlite3.connect(terminal.db) as db:
                journal = db.execute("SELECT seq, bytes FROM journal ORDER BY seq").fetchall()
            n = terminal.number
            check(f"terminal {n}: the club holds the same {len(journal)} entries",
                  ask("SELECT term_seq, raw FROM rec WHERE term_id = ? ORDER BY term_seq", n) == journal, "the rows differ")
            intents = {s: raw for s, raw in journal if raw[1] == 1}
            done = {number_at(raw, 24) for _, raw in journal if raw[1] == 2 and raw[40] == 1}
            check(f"terminal {n}: each of {len(done)} transactions is posted once",
                  done == set(intents) and [r[0] for r in ask(
                "SELECT term_seq FROM txn WHERE term_id = ? ORDER BY term_seq", n)] == sorted(done), "other transactions are posted")
            total += len(done)
            cards, wrong = {}, []
            for _, raw in sorted(intents.items()):
                card = number_at(raw, 32 - 8, 8)
                credit, points, count = cards.get(card, (0, 0, 0))
                # The feed makes activations, loads and sales only: load in, payment out, award in, redeemed out.
                cards[card] = (credit + number_at(raw, 168, 8) - number_at(raw, 160, 8),
                               points + number_at(raw, 176, 8) - number_at(raw, 144, 8), count + 1)
                image = raw[88:128]
                if cards[card] != (field(image, 78, 36), field(image, 50, 28), field(image, 6, 20)):
                    wrong.append((card, cards[card]))
            for card, (credit, points, count) in cards.items():
                row = ask("SELECT b1, b0, b2, b3, hi, top, cnt FROM card WHERE card_no = ?", card)
                if row != [(credit, points, 0, 0, count, count, count)]:
                    wrong.append((card, credit, points, count, row))
            check(f"terminal {n}: {len(cards)} balances are right to the last rial", not wrong, wrong[:3])
        check("nothing else is posted", ask("SELECT count(*) FROM txn") == [(total,)], ask("SELECT count(*) FROM txn"))
        cases = ask("SELECT why, say, count(*) FROM tcase GROUP BY why")
        check("no case was opened", not cases, cases)


def main():
    start = time.monotonic()
    with Shop(BUILD) as shop:
        shop.start_club()
        shop.club("programme", shop.programme)
        terminals = [Terminal(shop, n + 1) for n in range(WORKERS)]
        try:
            passed = [exchange for t in terminals for exchange in t.measure()]
            least, most = ({d: choose(p[d] for p in passed) for d in ("up", "down")} for choose in (min, max))
            positions = [(d, n) for d in most for n in range(0, most[d] + 1, EVERY)]
            threads = [threading.Thread(target=t.work, args=(positions[i::WORKERS],)) for i, t in enumerate(terminals)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            for terminal in terminals:
                terminal.close()
        wrong = [w for t in terminals for w in t.wrong]
        check("after each cut one more sync brings everything", not wrong, wrong[:3])
        # Beyond the shortest exchange's end a cut may find nothing to cut.
        sure = {(d, n) for d, n in positions if n <= least[d]}
        made = sure & set().union(*(t.cuts for t in terminals))
        check("the cuts were made", len(made) >= 0.98 * len(sure) and len(sure) >= 0.95 * len(positions),
               f"{len(made)} of {len(sure)} that must be possible, {len(positions)} positions")
        check_books(shop, terminals)
        thin = f", every {EVERY}th byte" if EVERY > 1 else ", every byte"
        print(f"# {len(positions)} cut positions ({most['up']} bytes up, {most['down']} down{thin}), "
              f"{time.monotonic() - start:.0f} s")
    return exit_code()


sys.exit(main())
