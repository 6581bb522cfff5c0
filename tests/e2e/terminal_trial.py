#!/usr/bin/env python3
"""terminal_trial - a database that another version wrote, with real processes.

A newer version's file after a fallback: sold on, synced, and the newer one goes on. An older version's file under a
firmware on trial: left as it is, and the exit code says whether all else is well. The other versions are Python's sqlite3,
and for one file the programs of version 9 themselves."""
import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

# What a version 11 that 10 can live with would do: docs/storage.md, "Older and newer versions".
NEWER = """BEGIN IMMEDIATE;
CREATE TABLE kinds(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL) STRICT;
INSERT INTO kinds SELECT kind, count(*) FROM journal GROUP BY kind;
PRAGMA user_version = 655371; COMMIT;"""   # 10 * 65536 + 11
OLDER = """BEGIN; DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports; PRAGMA user_version = 8; COMMIT;"""


def run_sql(path, script):
    db = sqlite3.connect(path)
    db.executescript(script)
    db.close()


def number(path, query):
    db = sqlite3.connect(path)
    value, = db.execute(query).fetchone()
    db.close()
    return value


def rows(path):
    """(bytes, hash) of each entry."""
    db = sqlite3.connect(path)
    found = db.execute("SELECT bytes, hash FROM journal ORDER BY seq").fetchall()
    db.close()
    return found


def chain_is_whole(found):
    value = bytes(32)
    return all((value := hashlib.sha256(value + data).digest()) == stored for data, stored in found)


def falls_back_and_comes_again(shop, path):
    shop.done("issue")
    for fallback in (1, 2):
        shop.stop("terminal")
        run_sql(path, NEWER)
        shop.start_terminal()
        sold = shop.done("sale", "1000000")
        check(f"after fallback {fallback} the older version sells", sold["points"] == 10 * fallback, sold)
    shop.sync_once()
    check("and syncs all of it", shop.till("status")["unsent"] == 0, shop.till("status"))
    shop.stop("terminal")
    run_sql(path, NEWER)
    entries = number(path, "SELECT count(*) FROM journal")
    check("the newer version counts every entry again", number(path, "SELECT sum(entries) FROM kinds") == entries, entries)


def trial(shop, path, reader=None):
    return subprocess.run([shop.build / "vafa-terminal", "--db", path, "--keys", shop.path("keys"), "--reader",
                           reader or f"pn532_uart:{shop.path('reader')}", "--socket", shop.path("till.sock"), "--trial"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)


def waits_on_trial(shop, path):
    run_sql(path, "DROP TABLE kinds; PRAGMA user_version = 10; " + OLDER)
    before = Path(path).read_bytes()
    done = trial(shop, path)
    check("on trial an older file is not migrated, all else is well", done.returncode == 3 and
          done.stderr.startswith("vafa-terminal: database: Wait: ") and Path(path).read_bytes() == before, done)
    done = trial(shop, path, "pn532_uart:" + shop.path("nowhere"))
    check("a reader that does not answer is named before that", done.returncode == 1 and
          done.stderr.startswith("vafa-terminal: reader: "), done)
    synced = shop.sync_once(check=False)
    check("sync does not migrate it either", synced.returncode != 0 and "Wait: " in synced.stderr + synced.stdout and
          number(path, "PRAGMA user_version") == 8, synced)
    shop.start_terminal()
    sold = shop.done("sale", "1000000")
    check("the trial over, it is migrated and sells", number(path, "PRAGMA user_version") == 10 and sold["state"] == "done", sold)


def takes_over_what_version_9_left(shop, path):
    """A file that programs of version 9 made: tests/vectors/make_database_9.py."""
    shop.stop("terminal")
    for end in ("", "-wal", "-shm"):
        Path(path + end).unlink(missing_ok=True)
    run_sql(path, "PRAGMA journal_mode = WAL;" + (ROOT / "tests/vectors/database_9.sql").read_text())
    before = rows(path)
    done = trial(shop, path)
    check("on trial it waits", done.returncode == 3 and number(path, "PRAGMA user_version") == 9, done)
    shop.start_terminal()
    waits = shop.till("transfers")
    check("its card that was moved out and has no second half is told", [t["sequence"] for t in waits["waiting"]] == [14], waits)
    shop.card("remove")
    shop.card("new card2 1k 04a1b2c4")
    shop.card("insert card2")
    shop.done("issue")
    sold = shop.done("sale", "1000000")
    shop.stop("terminal")
    after = rows(path)
    check("it sells on, behind every entry that was there", sold["points"] == 10 and len(before) == 15 and
          after[:15] == before and len(after) >= 19 and chain_is_whole(after), (sold, len(after)))


def main():
    with Shop(os.environ["BUILD"]) as shop:
        shop.open()
        path = shop.path("terminal.db")
        falls_back_and_comes_again(shop, path)
        waits_on_trial(shop, path)
        takes_over_what_version_9_left(shop, path)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
