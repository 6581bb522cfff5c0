#!/usr/bin/env python3
"""export - everything that the club has, as JSON Lines: a second program rebuilds every balance from it; no secret is in it;
while the club runs, and what cannot be written is said."""
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from club_world import ROOT, World
from tap import check, exit_code  # noqa: E402

READER = ROOT / "tests/reference/vafa_export.py"


def read(folder):
    done = subprocess.run([sys.executable, READER, folder], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def counts(world):
    """Rows of every table, by sqlite3."""
    sql = lambda text: subprocess.run(["sqlite3", world.data / "club.db", text], capture_output=True, text=True, check=True).stdout.split()
    return {name: int(sql(f"SELECT count(*) FROM {name}")[0]) for name in sql("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'")}


def spoil(folder, name, change):
    copy = Path(f"{folder}.{name}")
    subprocess.run(["cp", "-r", folder, copy], check=True)
    change(copy)
    return copy


def main():
    world = World()
    try:
        world.start()
        world.club("programme", "programmes/base.json")
        for number, branch in enumerate(("Tajrish", "Vanak"), 1):
            world.enrol("Refah", branch)
            for body in world.batches(number, 80, 20, 100 * number):
                world.sync(number, body)
        key = world.key("manager")
        code = world.club("code", "--merchant", "Ofogh وفا", "--branch", "x \"y\"").stdout.strip()
        card = json.loads(world.club("dump").stdout)["club"][0]["card"]
        world.club("hotlist", "add", card, "--reason", "stolen")
        world.club("settlement", "close", "--to", "2026-10-08", "--by", "Sara", "--anyway")

        folder = world.dir / "export"
        done = world.club("export", folder, "--by", "Sara")
        schema = json.loads((folder / "schema.json").read_text())
        rows = {t["file"].removesuffix(".jsonl"): t["rows"] for t in schema["tables"]}
        check("every table is there with every row, but keys and codes",
              rows == {k: v for k, v in counts(world).items() if k not in ("api_key", "code")}, rows)
        check("it says how far it is", "rec: 320 rows, done" in done.stderr, done.stderr)
        rc, said = read(folder)
        check("a second program rebuilds every card from the raw entries",
              rc == 0 and "20 cards, 160 transactions, 0 violations" in said, said)
        text = b"".join(p.read_bytes() for p in folder.iterdir())
        check("no key and no code is in it",
              key[7:].encode() not in text and code.encode() not in text and b"BEGIN" not in text.replace(b"BEGIN CERTIFICATE", b""))
        check("it is its owner's only",
              (folder.stat().st_mode & 0o777, {p.stat().st_mode & 0o777 for p in folder.iterdir()}) == (0o700, {0o600}))
        merchants = [json.loads(line) for line in (folder / "merchant.jsonl").read_text().splitlines()]
        check("names in any script", [m["name"] for m in merchants] == ["Refah", "Ofogh وفا"], merchants)

        def line(name, number, old, new):
            def change(copy):
                lines = (copy / name).read_text().split("\n")
                lines[number] = lines[number].replace(old, new, 1)
                (copy / name).write_text("\n".join(lines))
            return change
        for name, change in (("a number changed", line("card.jsonl", 3, '"b1":', '"b1":1')), ("a row less", lambda c: (c / "txn.jsonl").write_text("")),
                             ("a file less", lambda c: (c / "rec.jsonl").unlink()), ("no schema", lambda c: (c / "schema.json").unlink())):
            rc, said = read(spoil(folder, name.replace(" ", "_"), change))
            check(f"the second program notices: {name}", rc == 1 and said.startswith("export: "), said)

        seen = [json.loads(line) for line in (folder / "access.jsonl").read_text().splitlines()]
        check("who took it is noted, in the export, too", [(r["who"], r["what"]) for r in seen] == [("Sara", "export")], seen)
        nobody = world.club("export", world.dir / "nobody", "--by", "", check=False)
        check("nobody takes none", nobody.returncode == 2 and not (world.dir / "nobody").exists(), nobody.stderr)
        again = world.club("export", folder, "--by", "Sara", check=False)
        check("a folder that exists is not written into", again.returncode == 1 and "not there yet" in again.stderr, again.stderr)
        nowhere = world.club("export", world.dir / "no" / "where", "--by", "Sara", check=False)
        check("a folder that cannot be made is said", nowhere.returncode == 1 and "Cannot make" in nowhere.stderr, nowhere.stderr)
        # While terminals sync: one snapshot, so that it adds up.
        bodies = world.batches(2, 400, 10, 200)[8:]
        feeding = threading.Thread(target=lambda: [world.sync(2, body) for body in bodies])
        feeding.start()
        said = []
        for n in range(4):
            world.club("export", world.dir / f"live{n}", "--by", "Sara")
            said.append(read(world.dir / f"live{n}"))
        feeding.join()
        world.club("export", world.dir / "last", "--by", "Sara")
        said.append(read(world.dir / "last"))
        check("and the last one has all that came", "480 transactions" in said[-1][1], said[-1])
        # The club is stopped, and has a name that is six times as long in JSON: that file outgrows what a file may be, the database does not.
        world.stop()
        subprocess.run(["sqlite3", world.data / "club.db", "INSERT INTO merchant VALUES (99, replace(hex(zeroblob(200000)), '0', char(1)))"], check=True)
        room = (world.data / "club.db").stat().st_size + 65536
        full = subprocess.run(["bash", "-c", f"ulimit -f {room // 1024}; trap '' XFSZ; exec {binary()} export {world.dir}/full --by Sara --data {world.data}"],
                              capture_output=True, text=True)
        check("a full disk is said, and the export has no schema.json",
              full.returncode == 1 and "Cannot write" in full.stderr and "merchant.jsonl" in full.stderr and not (world.dir / "full/schema.json").exists(), (room, full.stderr[-300:]))
        check("exports while a terminal syncs add up, each", all(rc == 0 for rc, _ in said), said)
    finally:
        world.close()
    return exit_code()


def binary():
    return Path(os.environ["BUILD"]).resolve() / "vafa-club"


if __name__ == "__main__":
    sys.exit(main())
