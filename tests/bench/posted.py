#!/usr/bin/env python3
"""posted - 100,000 offline transactions reconciled over TLS, beside raw SQLite inserts of the same kind of rows.

    posted.py BUILD     prints progress on stderr and one JSON object, the bench's `sync.posted`

bench-posting fills the club's books to two million raw entries. The real club serves those books, and the real vafa-sync
sends a terminal's journal of 100,000 transactions (an intent and an outcome each) over TLS. The anchor is SQLite alone on
a copy of the books from before: the very rows that the upload made, in their order of arrival, into the same tables
with the same indexes and pragmas, in one transaction by INSERT ... SELECT. Three rounds each, medians."""
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import Shop  # noqa: E402

BOOKS = 1_000_000  # transactions, two rows of raw entries each: two million rows
SENT = int(os.environ.get("POSTED", 100_000))


def say(text):
    print(text, file=sys.stderr, flush=True)


TABLES = {"rec": "term_seq", "batch": "batch_no", "jrn": "batch_no", "txn": "term_seq"}
ROUNDS = 3


def raw_inserts(before, after, terminal):
    """Seconds that SQLite alone takes for the rows of this terminal."""
    db = sqlite3.connect(before, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cache_size=-65536")
    db.execute("ATTACH ? AS after", (str(after),))
    for table in (*TABLES, "card"):
        db.execute(f"SELECT count(*) FROM after.{table}").fetchone()  # the source is warm
    begin = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    for table, order in TABLES.items():
        db.execute(f"INSERT INTO main.{table} SELECT * FROM after.{table} WHERE term_id = ? ORDER BY {order}",
                   (terminal,))
    db.execute("INSERT INTO main.card SELECT * FROM after.card WHERE card_no IN "
               "(SELECT card_no FROM after.txn WHERE term_id = ? GROUP BY card_no ORDER BY min(term_seq))", (terminal,))
    db.execute("COMMIT")
    seconds = time.monotonic() - begin
    rows = db.execute("SELECT count(*) FROM txn WHERE term_id = ?", (terminal,)).fetchone()[0]
    db.close()
    return seconds, rows


def a_round(shop, club, round_no):
    """One more terminal uploads its journal; -> tx/s over TLS, tx/s raw."""
    for name in ("terminal.db", "terminal.db-wal", "terminal.db-shm"):
        (shop.dir / name).unlink(missing_ok=True)
    subprocess.run(["rm", "-rf", shop.path("identity")], check=True)
    shop.enrol()
    shop.sync_once()
    # The feed appends on tmpfs, where a sync is free; the terminal then has the file on its disk.
    memory = Path("/dev/shm") / shop.dir.name
    memory.mkdir()
    try:
        subprocess.run(f"cp {shop.path('terminal.db')}* {memory}", shell=True, check=True)
        shop.run("journal-feed", "--db", memory / "terminal.db", "--count", SENT, "--cards", 20000, timeout=600)
        for name in ("terminal.db", "terminal.db-wal", "terminal.db-shm"):
            (shop.dir / name).unlink(missing_ok=True)
        subprocess.run(f"cp {memory}/terminal.db* {shop.dir}", shell=True, check=True)
    finally:
        subprocess.run(["rm", "-rf", memory], check=True)
    before = shop.dir / "before.db"
    with sqlite3.connect(club / "club.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    subprocess.run(["cp", club / "club.db", before], check=True)
    os.sync()
    begin = time.monotonic()
    shop.run("vafa-sync", "once", "--db", shop.path("terminal.db"), "--identity", shop.path("identity"),
             "--club", f"localhost:{shop.port}", "--batch", 1000, timeout=600)
    sent = time.monotonic() - begin
    with sqlite3.connect(club / "club.db") as db:
        terminal = db.execute("SELECT max(term_id) FROM term").fetchone()[0]
    os.sync()
    raw, rows = raw_inserts(before, club / "club.db", terminal)
    if rows != SENT:
        sys.exit(f"posted: {rows} transactions of terminal {terminal} are in the books, not {SENT}")
    for f in shop.dir.glob("before.db*"):
        f.unlink()
    say(f"  sync.posted: round {round_no}: {SENT / sent:,.0f} tx/s over TLS, {SENT / raw:,.0f} tx/s raw")
    return SENT / sent, SENT / raw


with Shop(sys.argv[1]) as shop:
    club = shop.dir / "club"
    club.mkdir()
    say(f"  sync.posted: filling the club's books with {BOOKS:,} transactions")
    posting = json.loads(shop.run("bench-posting", "--prefill", BOOKS, "--transactions", SENT, "--rounds", 3,
                                  "--dir", club, timeout=900).stdout)
    (club / "raw.db").unlink()
    # What bench-posting put into the books bears no signature: the terminals take the next version.
    document = json.loads(shop.programme.read_text())
    document["version"] += 1
    signed = shop.dir / "programme.json"
    signed.write_text(json.dumps(document))
    shop.club("programme", signed)
    shop.start_club()
    rounds = [a_round(shop, club, n + 1) for n in range(ROUNDS)]
    rate = statistics.median(r[0] for r in rounds)
    raw = statistics.median(r[1] for r in rounds)
    ratio = statistics.median(r[0] / r[1] for r in rounds)
    note = (f"{SENT:,} transactions over TLS by one terminal, {2 * BOOKS:,} entries in the books, median of {ROUNDS} rounds; "
            f"{ratio:.2f} of raw; posting alone, without TLS, random cards: {posting['posted_per_s']:,}/s")
    print(json.dumps({"name": "sync.posted", "value": round(rate), "unit": "tx/s",
                      "against": "SQLite alone inserting the same rows, one transaction",
                      "against_value": round(raw), "note": note}))
