#!/usr/bin/env python3
"""terminal_trial - a database that another version wrote, with real processes.

A newer version's file after a fallback: sold on, synced, and the newer one goes on. An older version's file under a
firmware on trial: left as it is, and the exit code says whether all else is well. The other versions are Python's sqlite3."""
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

# What a version 10 that 9 can live with would do: docs/storage.md, "Older and newer versions".
NEWER = """BEGIN IMMEDIATE;
CREATE TABLE kinds(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL) STRICT;
INSERT INTO kinds SELECT kind, count(*) FROM journal GROUP BY kind;
PRAGMA user_version = 589834; COMMIT;"""   # 9 * 65536 + 10
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
    run_sql(path, "DROP TABLE kinds; PRAGMA user_version = 9; " + OLDER)
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
    check("the trial over, it is migrated and sells", number(path, "PRAGMA user_version") == 9 and sold["state"] == "done", sold)


def main():
    with Shop(os.environ["BUILD"]) as shop:
        shop.open()
        path = shop.path("terminal.db")
        falls_back_and_comes_again(shop, path)
        waits_on_trial(shop, path)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
