#!/usr/bin/env python3
"""journal_export - what a terminal could not send goes to the club as a file, once, whatever else happens.

The file is read here by Python and OpenSSL from its description, and the books are compared with those of a copy of the
club to which the terminal simply synced."""
import base64
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop, Station  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))


def url_decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*args, data=None):
    return subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True, check=False)


def der(rs):
    """r || s as OpenSSL wants a signature."""
    def number(half):
        half = half.lstrip(b"\0") or b"\0"
        half = (b"\0" if half[0] & 0x80 else b"") + half
        return b"\x02" + bytes([len(half)]) + half
    body = number(rs[:32]) + number(rs[32:])
    return b"\x30" + bytes([len(body)]) + body


class Terminal:
    """A database and an identity, and what is exported of them."""
    def __init__(self, shop, db, identity):
        self.shop, self.db, self.identity = shop, db, identity

    def look(self):
        return json.loads(self.shop.run("vafa-export", "look", "--db", self.db).stdout)

    def export(self, name, *more, identity=None, check=True):
        path = self.shop.path(name)
        done = self.shop.run("vafa-export", "write", "--db", self.db, "--identity", identity or self.identity, "--to", path,
                             *more, check=check)
        return path if check else done

    def journal(self):
        with sqlite3.connect(self.db) as db:
            return db.execute("SELECT seq, bytes, hash FROM journal ORDER BY seq").fetchall()


def club_rows(shop, but=()):
    """Everything in the club's database."""
    with sqlite3.connect(shop.path("club/club.db")) as db:
        tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {t: sorted(map(repr, db.execute(f"SELECT * FROM {t}"))) for t in tables if t not in but}


def books(shop):
    report = json.loads(shop.club("report", "--json").stdout)
    return {name: report[name] for name in ("ledger", "books", "cards", "merchants", "cases")}


def take(shop, path):
    return shop.club("journal", "take", path, check=False)


def sell(shop):
    shop.done("sale", 1_500_000, "--pay-credit", 200_000)
    shop.done("load", 300_000)
    sale = shop.done("sale", 2_000_000, "--redeem", 5)
    shop.done("refund", sale["counter"], 1_000_000)


def is_as_described(shop, terminal, path, acknowledged):
    """docs/decisions/0019-journal-export.md, by another program."""
    head, *lines = Path(path).read_text().splitlines()
    check("the first line names the terminal", head == "vafa-journal 1 terminal 1", head)
    rows = terminal.journal()
    public = shop.path("public.pem")
    Path(public).write_bytes(openssl("x509", "-in", terminal.identity + "/terminal.pem", "-noout", "-pubkey").stdout)
    signed, entries, at = True, [], acknowledged
    for line in lines:
        header, payload, signature = line.split(".")
        Path(shop.path("signature")).write_bytes(der(url_decode(signature)))
        signed &= openssl("dgst", "-sha256", "-verify", public, "-signature", shop.path("signature"),
                          data=f"{header}.{payload}".encode()).returncode == 0
        signed &= json.loads(url_decode(header))["typ"] == "vafa-journal"
        body = json.loads(url_decode(payload))
        base = rows[at - 1][2].hex() if at else "00" * 32
        signed &= (body["terminal"], body["after"], body["base"], body["health"]["unsent"]) == (1, at, base, len(rows) - at)
        entries += map(base64.b64decode, body["entries"])
        at += len(body["entries"])
    check("each line is a sync's body, signed by the terminal's key, on its chain", signed)
    check("together they are the unsent entries and nothing else",
          entries == [b for _, b, _ in rows[acknowledged:]] and json.loads(url_decode(lines[-1].split(".")[1]))["entries"] == [],
          (len(entries), len(rows), acknowledged))


def spoilt(shop, path, other):
    """{what: (text of the file, a word of the refusal)}"""
    text = Path(path).read_text()
    head, *lines = text.splitlines(keepends=True)
    middle = len(head) + len(lines[0]) // 2
    flipped = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:]
    header, payload, _ = lines[0].split(".")
    return {
        "no export at all": ("hello\n", "not a terminal's exported journal"),
        "an empty file": ("", "not a terminal's exported journal"),
        "one cut within a line": (text[:middle], "cut or damaged in line 2"),
        "one without its last line": (head + "".join(lines[:-1]), "cut behind line"),
        "one of a head alone": (head, "cut behind line 1"),
        "one with a changed letter": (flipped, "Line 2:"),
        "one whose first batch is missing": (head + lines[1], "the file begins behind"),
        "one with a batch twice": (head + lines[0] + text[len(head):], "does not follow"),
        "one that goes on behind its end": (text + lines[-1], "goes on behind its end"),
        "one without a signature": (head + url_decode(payload).decode() + "\n", "not signed by a terminal"),
        "one with an empty signature": (head + f"{header}.{payload}.\n", "not signed by a terminal"),
        "one signed by another terminal": (Path(other).read_text(), "Signed by key"),
        "one that another terminal claims": (text.replace("terminal 1", "terminal 2", 1), "Signed by key"),
        "one of a terminal that is not here": (text.replace("terminal 1", "terminal 77", 1), "no terminal 77"),
        "one of terminal 01": (text.replace("terminal 1", "terminal 01", 1), "not a terminal's exported journal"),
    }


def refusals(shop, path, other):
    before = club_rows(shop)
    for what, (text, word) in spoilt(shop, path, other).items():
        Path(shop.path("spoilt")).write_text(text)
        done = take(shop, shop.path("spoilt"))
        check(f"{what} is refused and changes nothing",
              done.returncode in (1, 2) and word in done.stderr and club_rows(shop) == before, (done.returncode, done.stderr))
    done = take(shop, shop.path("nowhere"))
    check("a file that is not there is refused", done.returncode == 1 and "Cannot read" in done.stderr, done.stderr)


def noise(shop, path):
    """Bytes changed, taken out, put in, and the end cut off, anywhere: each is refused."""
    before, data, taken = club_rows(shop), Path(path).read_bytes(), []
    chance = random.Random(20261122)
    for n in range(60):
        at, odd = chance.randrange(len(data)), bytes([chance.randrange(256)])
        spoilt = (data[:at] + odd + data[at + 1:], data[:at] + data[at + 1:], data[:at] + odd + data[at:], data[:at])[n % 4]
        if spoilt == data:
            continue   # the same byte by chance, or one of two that are alike
        Path(shop.path("spoilt")).write_bytes(spoilt)
        done = take(shop, shop.path("spoilt"))
        if done.returncode not in (1, 2):
            taken.append((n, at, odd, done.returncode, done.stdout + done.stderr))
    check("60 random faults in the file are refused, and change nothing", not taken and club_rows(shop) == before, taken)


def in_peace(shop, terminal):
    """The books of a copy of the club to which the terminal synced."""
    shop.stop("club")
    kept = shop.path("kept")
    os.mkdir(kept)
    for name in ("club", "terminal.db", "terminal.db-wal"):
        source = Path(shop.path(name))
        if source.exists():
            (shutil.copytree if source.is_dir() else shutil.copy)(source, f"{kept}/{name}")
    shop.start_club()
    shop.sync_once()
    peace = books(shop)
    shop.stop("club")
    shutil.rmtree(shop.path("club"))
    for file in Path(shop.dir).glob("terminal.db*"):
        file.unlink()
    for item in Path(kept).iterdir():
        shutil.move(item, shop.path(item.name))
    shop.start_club()
    return peace


def counts(shop, terminal, acknowledged):
    look = terminal.look()
    entries = len(terminal.journal())
    # Two sales, a load and half of a refund: 1.5 + 0.3 + 2 + 1 million rials.
    check("what is unsent: 4 transactions of 4.8 million rials",
          (look["terminal"], look["transactions"], look["amount"], look["at_least"]) == (1, 4, 4_800_000, False), look)
    check("and its entries", (look["entries"], look["acknowledged"], look["unsent"]) ==
          (entries, acknowledged, entries - acknowledged), look)


def refused_writes(shop, terminal):
    for what, done, word in (
            ("a file that is there is not overwritten", terminal.export("spoilt", check=False), "is there already"),
            ("no key, no export", terminal.export("e", identity=shop.path("club"), check=False), "no key"),
            ("no export from behind the journal's end", terminal.export("e", "--after", 9999, check=False), "cannot begin"),
            ("no export of a folder", shop.run("vafa-export", "look", "--db", shop.path("club"), check=False), "is no file"),
            ("no export without a database", shop.run("vafa-export", "look", "--db", shop.path("no.db"), check=False), "No such file")):
        check(what, done.returncode == 1 and word in done.stderr and not os.path.exists(shop.path("e")) and
              not os.path.exists(shop.path("e.part")), done.stderr)


def files_of(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in Path(folder).iterdir()}


def changes_nothing(shop, terminal):
    """Not even a database that it has to bring to its own version before it can be read."""
    now = terminal.look()
    temporary = shop.dir / "temporary"
    temporary.mkdir()
    with sqlite3.connect(terminal.db) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0] & 0xffff
    for what, mark, more in (("as a terminal leaves it", None, ""), ("of the version before", version - 1, ""),
                             ("of a newer version", version + 1 | version << 16, "CREATE TABLE later(n INTEGER) STRICT")):
        folder = Path(shop.path(f"read {version if mark is None else mark}"))
        folder.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{terminal.db}{end}", folder / f"terminal.db{end}")
        if mark is not None:
            with sqlite3.connect(folder / "terminal.db") as db:
                db.execute(f"PRAGMA user_version = {mark}")
                db.execute(more)
            db.close()
        before = files_of(folder)
        env = {**os.environ, "TMPDIR": str(temporary)}
        done = [subprocess.run([f"{BUILD}/vafa-export", *words, "--db", folder / "terminal.db"], capture_output=True, text=True, env=env,
                               check=False) for words in
                (("look",), ("write", "--identity", terminal.identity, "--to", shop.path(f"read {mark}.export")))]
        check(f"a database {what} is read, and nothing of it has changed", [one.returncode for one in done] == [0, 0] and
              json.loads(done[0].stdout) == now and files_of(folder) == before, (done, sorted(files_of(folder)), sorted(before)))
    check("nothing of the copies is left", list(temporary.iterdir()) == [])


def device_row(shop, **values):
    """What the terminal last said of its device; with values: it said so an hour ago."""
    with sqlite3.connect(shop.path("club/club.db")) as db:
        for name, value in values.items():
            db.execute(f"UPDATE device SET {name} = ?", (value,))
        db.row_factory = sqlite3.Row
        return dict(db.execute("SELECT * FROM device").fetchone())


def once_whatever_happens(shop, terminal, first, peace):
    at_first = device_row(shop)
    said = device_row(shop, board="nanopi-neo-armhf", version=7, told_at=at_first["told_at"] - 3600, self_test="ok")
    done = take(shop, first)
    check("the club takes it", done.returncode == 0 and "4 transactions posted" in done.stdout, done.stdout + done.stderr)
    check("the fleet shows the device as it last told itself", device_row(shop) == said, device_row(shop))
    device_row(shop, **at_first)
    after = books(shop)
    for name in peace:
        check(f"as if the terminal had synced: {name}", after[name] == peace[name], f"{after[name]}\n{peace[name]}")
    state = json.loads(shop.club("terminals", "--json").stdout)["terminals"][0]
    check("the list of terminals shows nothing unsent", state["unsent"] == 0, state)
    rows = club_rows(shop)
    done = take(shop, first)
    check("the same file again changes nothing at all", done.returncode == 0 and "nothing new" in done.stdout and
          club_rows(shop) == rows, done.stdout + done.stderr)
    # A file that begins before what the club has and ends behind it.
    shop.start_terminal()
    shop.done("sale", 700_000)
    shop.stop("terminal")
    wide = terminal.export("wide", "--after", 1)
    done = take(shop, wide)
    check("of a file that the club has in part the rest is taken", done.returncode == 0 and "1 transactions posted" in done.stdout,
          done.stdout + done.stderr)
    rows, taken = club_rows(shop, but=("term",)), books(shop)
    shop.sync_once()
    check("the terminal's own sync afterwards doubles nothing", club_rows(shop, but=("term",)) == rows and
          books(shop) == taken and terminal.look()["unsent"] == 0, books(shop)["cases"])
    empty = terminal.export("empty")
    done = take(shop, empty)
    check("an export of nothing is nothing new", done.returncode == 0 and "nothing new" in done.stdout, done.stderr)
    for path in (first, wide):
        take(shop, path)
    check("nor do older files", club_rows(shop, but=("term",)) == rows and books(shop) == taken)


def gaps_and_contradictions(shop, terminal):
    shop.start_terminal()
    shop.done("load", 100_000)
    shop.stop("terminal")
    late = terminal.export("late", "--after", terminal.look()["entries"] - 1)
    before = club_rows(shop)
    done = take(shop, late)
    check("a file that begins behind what the club has says from where to export", done.returncode == 1 and
          f"--after {terminal.look()['acknowledged']}" in done.stderr and club_rows(shop) == before, done.stderr)
    # An older copy of the database, which went on otherwise. It shares its number and key with the real one.
    for file in Path(shop.dir).glob("terminal.db*"):
        file.unlink()
    for file in Path(shop.path("older")).iterdir():
        shutil.copy(file, shop.path(file.name))
    shop.start_terminal()
    shop.done("load", 900_000)
    shop.stop("terminal")
    other = terminal.export("other-past")
    entries = {t: rows for t, rows in club_rows(shop).items() if t in ("rec", "txn", "term")}
    done = take(shop, other)
    cases = [c["why"] for c in books(shop)["cases"]]
    check("what contradicts the club is a case, as after a sync, and no entry is taken", done.returncode == 1 and
          "other entries" in done.stderr and cases == ["chain"] and
          {t: rows for t, rows in club_rows(shop).items() if t in entries} == entries, (done.stderr, cases))


def standing(shop, first):
    for words, say in ((("terminal", "dead", 1), "terminal back 1"), (("terminal", "back", 1), None), (("revoke", 1), "has revoked terminal 1"),
                       (("terminal", "dead", 1), "has revoked terminal 1")):
        shop.club(*words)
        before = club_rows(shop)
        done = take(shop, first)
        if say:
            check(f"after {words[0]} {words[1]} it is refused", done.returncode == 1 and say in done.stderr and
                  club_rows(shop) == before, done.stderr)
        else:
            check("a terminal that was found again may bring it", done.returncode == 0, done.stderr)
    back = shop.run("vafa-club", "terminal", "back", "1", "--data", shop.path("club"), check=False)
    check("which one that was revoked is not by being found", back.returncode == 1 and "was revoked, too" in back.stderr and
          "may sync" not in back.stdout, back.stdout + back.stderr)


def main():
    with Shop(BUILD) as shop:
        shop.open()
        shop.done("issue", "--opening", 1_000_000)
        shop.sync_once()
        shop.stop("terminal")
        terminal = Terminal(shop, shop.path("terminal.db"), shop.path("identity"))
        os.mkdir(shop.path("older"))
        for file in Path(shop.dir).glob("terminal.db*"):
            shutil.copy(file, shop.path("older"))
        acknowledged = terminal.look()["acknowledged"]
        shop.start_terminal()
        sell(shop)
        shop.stop("terminal")
        counts(shop, terminal, acknowledged)
        other = Station(shop, "b")
        foreign = terminal.export("foreign", identity=other.identity)
        first = terminal.export("first")
        is_as_described(shop, terminal, first, acknowledged)
        refusals(shop, first, foreign)
        noise(shop, first)
        refused_writes(shop, terminal)
        changes_nothing(shop, terminal)
        once_whatever_happens(shop, terminal, first, in_peace(shop, terminal))
        gaps_and_contradictions(shop, terminal)
        standing(shop, first)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
