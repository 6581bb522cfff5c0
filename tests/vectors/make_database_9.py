#!/usr/bin/env python3
"""make_database_9 - prints database_9.sql: a terminal's database of version 9, by the programs of that time.

    git archive b100b50 | tar x -C FOLDER && make -C FOLDER programs PROFILE=release
    tests/vectors/make_database_9.py FOLDER >tests/vectors/database_9.sql

One card is moved whole to another one, which is reported lost; a second card is moved out, and its new card never came. What
stands in the tables is as those programs left it, in the order in which they made them."""
import sqlite3
import sys
from pathlib import Path

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / "tests/support"))
from shop import Carried, Shop, Station  # noqa: E402


def done(card, station, what, **fields):
    answer = card.tap(station, what, **fields)
    assert answer["state"] == "done", answer
    return answer


def live(shop):
    """The path of the database."""
    shop.start_club()
    shop.club("programme", shop.programme)
    shop.run("vafa-keys", "new", shop.path("keys"))
    till = Station(shop, "a")
    till.sync()
    till.start()
    first, second, third = (Carried(shop, name, "1k") for name in ("ali", "bob", "cyr"))
    done(first, till, "issue", amount=500_000)
    done(first, till, "sale", amount=1_000_000, pay_credit=50_000)
    out = done(first, till, "duplicate")
    till.sync()
    number = done(second, till, "duplicate", **{"from": out["sequence"]})["card"]
    assert till.ask("report_lost", card=number)["state"] == "done"
    done(third, till, "issue", amount=200_000)
    done(third, till, "duplicate")
    till.stop()
    return till.db


def dump(path):
    db = sqlite3.connect(path)
    for name, text in db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
        print(f"{text};")
        columns = ["quote(" + column[1] + ")" for column in db.execute(f"PRAGMA table_info({name})")]
        for row in db.execute(f"SELECT {', '.join(columns)} FROM {name}"):
            print(f"INSERT INTO {name} VALUES({', '.join(row)});")
    for pragma in ("application_id", "user_version"):
        print(f"PRAGMA {pragma} = {db.execute(f'PRAGMA {pragma}').fetchone()[0]};")


with Shop(folder / "build/sim-release", folder / "programmes/base.json") as shop:
    print("-- A terminal's database of version 9, as make_database_9.py had it made: storage/schema.c must bring it up to date.")
    dump(live(shop))
