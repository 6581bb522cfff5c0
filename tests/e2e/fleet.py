#!/usr/bin/env python3
"""fleet - twelve terminals of one board, real vafa-sync with a device file each, and the club that updates them: one, a tenth, all;
a fallback stops it, a person resumes it, a restored club finds its way; what the fleet view says; logs with consent."""
import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from bundles import write_bundle  # noqa: E402
from club_world import World  # noqa: E402
from tap import check, exit_code, note  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
SANITIZED = os.environ.get("PROFILE") == "sanitize"  # libfaketime and ASan do not go together
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
BOARD, SHOPS, COUNT = "lab-arm64", ("Tajrish", "Vanak", "Karaj"), 12
SILENT = 12  # approved, and never heard of
# By hand from docs/fleet.md: branches have 1-4, 5-8 and 9-12; 5 is named as the first; then of each branch its first (1, 6, 9), its second ...
ORDER = [5, 1, 6, 9, 2, 7, 10, 3, 8, 11, 4]
world = World()


class Terminal:
    def __init__(self, number):
        self.number, self.folder = number, world.dir / f"t{number}"
        self.folder.mkdir()
        self.says = dict(board=BOARD, version=7, slot="A", good=1, other=6, failed=0, self_test="ok", data_free=500_000_000, update="none", clock="set")

    def run(self, command, *args, env=None):
        return subprocess.Popen([BUILD / "vafa-sync", command, "--db", self.folder / "terminal.db", "--identity", self.folder / "identity",
                                 "--club", f"localhost:{world.port}", "--timeout", "20", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, **(env or {})})

    def sync(self, *args, env=None, **says):
        """Tells the club of itself, once. What it says stays said."""
        self.says.update(says)
        (self.folder / "device").write_text("".join(f"{k}={v}\n" for k, v in self.says.items()))
        process = self.run("once", "--device", self.folder / "device", *args, env=env)
        out = process.communicate(timeout=60)[0]
        if process.returncode != 0:
            raise RuntimeError(f"terminal {self.number}: {out}")
        return out

    def consents(self):
        """As vafa-till support on --hours 1 leaves it."""
        value = f"{int(time.time()) - 5} {int(time.time()) + 3600} 4"
        digest = hashlib.sha256(f"support\0{value}".encode()).digest()
        with closing(sqlite3.connect(self.folder / "terminal.db")) as db, db:
            db.execute("INSERT OR REPLACE INTO settings (name, value, digest) VALUES ('support', ?, ?)", (value, digest))

    def fetches(self, version):
        """vafa-sync brings the bundle that it is offered."""
        (self.folder / "updates").mkdir()
        path = self.folder / f"updates/{version}.raucb"
        process = self.run("run", "--device", self.folder / "device", "--updates", self.folder / "updates", "--update-rate", 10_000_000, "--interval", 1)
        end = time.monotonic() + 20
        while not path.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        process.terminate()
        process.communicate(timeout=20)
        return path.read_bytes() if path.exists() else b""

    def certificate(self):
        return self.folder / "identity/terminal.pem", self.folder / "identity/key.pem"

    def ask(self, method, path, body=None, headers=None):
        return world.ask(method, path, body, headers, certificate=tuple(map(str, self.certificate())))

    def installs(self, version):
        """The new version boots on trial, passes its self-test and is marked good."""
        self.sync(version=version, slot="B" if self.says["slot"] == "A" else "A", good=0, self_test="running")
        return self.sync(good=1, self_test="ok")


def enrol_all():
    terminals = [Terminal(n + 1) for n in range(COUNT)]
    for terminal in terminals:  # numbers are given in the order of approval
        code = world.club("code", "--merchant", "Refah", "--branch", SHOPS[(terminal.number - 1) // 4]).stdout.strip()
        terminal.enrol = ("enrol", "--ca", world.data / "ca.pem", "--code", code, "--board", BOARD)
    for asking in (False, True):
        for terminal in terminals:
            process = terminal.run(*terminal.enrol)
            said = process.communicate(timeout=60)[0]
            if process.returncode != (0 if asking else 1):
                raise RuntimeError(said)
        if not asking:
            world.club("approve", "all")
    return {t.number: t for t in terminals}


def books(sql, *values):
    with closing(sqlite3.connect(world.data / "club.db", timeout=20)) as db, db:
        return db.execute(sql, values).fetchall()


def fleet(*args):
    return {row["terminal"]: row for row in world.club_json("fleet", *args)["terminals"]}


def rollout(version=8):
    return next(u for u in world.club_json("update", "list") if u["version"] == version)["rollout"]


def offered(terminals, version=8):
    """Who may fetch it, by the club's own endpoint."""
    return [n for n, t in terminals.items() if n != SILENT and t.ask("GET", f"/v1/update/{version}?from=0&bytes=1")[0] == 200]


def refused(status, *words, said=None):
    done = world.club(*words, check=False)
    return done.returncode == status and (said is None or said in done.stderr), done.stderr + done.stdout


def bundle(version, board=BOARD):
    return write_bundle(world.dir, board, version)


# --- what the view says ----------------------------------------------------------------------

def the_view(terminals):
    for n, terminal in terminals.items():
        if n != SILENT:
            terminal.sync(data_free=500_000_000 + n)
    rows = fleet()
    told = rows[3]
    check("fleet what a terminal says is what the view shows", (told["board"], told["version"], told["slot"], told["good"], told["other"], told["failed"], told["self_test"],
          told["free"], told["update"], told["consent"], told["branch"]) == (BOARD, 7, "A", True, 6, None, "ok", 500_000_003, "none", False, "Tajrish"), told)
    check("fleet its clock is compared with the club's", all(abs(rows[n]["clock_error"]) <= 5 for n in rows if n != SILENT), rows)
    check("fleet nobody is in trouble", len(rows) == COUNT and not any(r["troubles"] for r in rows.values()), rows)
    check("fleet one that was never heard of says so", rows[SILENT]["seen_at"] is None and rows[SILENT]["version"] is None, rows[SILENT])
    table = world.club("fleet").stdout
    check("fleet as a table", f"{COUNT} terminals, 0 of them in trouble." in table and "Refah, Vanak" in table and "7 A" in table, table)


def old_copy(terminal):
    """It calls with an old copy of its disk: what it believes to be before its first entry is not there."""
    return terminal.ask("POST", "/v1/sync", json.dumps({
        "v": 1, "terminal": 10, "after": 0, "base": "11" * 32, "entries": [], "have": {"programme": 0},
        "health": {"unsent": 0, "pending": 0, "oldest": 0, "clock": 2, "firmware": "t"}}))


def troubles(terminals):
    if not SANITIZED:
        terminals[9].sync(env={"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+2250"})
    terminals[2].sync(self_test="reader: no answer at /dev/ttyS0", data_free=3_000_000)
    terminals[7].sync(update="refused 6: older than 7")
    books("UPDATE cert SET issued_at = issued_at - 86400 * 2 WHERE term_id = ?", SILENT)
    books("UPDATE term SET last_at = last_at - 86400 * 3, unsent = 4 WHERE term_id IN (6, 10)")
    refusal = old_copy(terminals[10])
    rows = fleet()
    found = {n: [t["trouble"] for t in row["troubles"]] for n, row in rows.items() if row["troubles"]}
    wanted = {10: ["chain"], 2: ["self_test", "disk"], SILENT: ["never"], 6: ["silent"], **({} if SANITIZED else {9: ["clock"]}), 7: ["update"]}
    check("fleet each trouble is named", found == wanted, found)
    check("fleet one whose entries are refused is not silent", refusal[0] == 409 and "nothing was taken since" in rows[10]["troubles"][0]["say"], (refusal, rows[10]))
    check("fleet the troubled first and the worst before the others", list(rows)[:len(wanted)] == list(wanted), list(rows))
    if not SANITIZED:
        check("fleet a wrong clock is measured by the club", abs(rows[9]["clock_error"] - 2250) <= 5 and "37 minutes ahead" in rows[9]["troubles"][0]["say"], rows[9])
    table = world.club("fleet").stdout
    check("fleet the table says what to do", f"{len(wanted)} of them in trouble" in table and f"vafa-club terminal forget {SILENT}" in table and
          "Not heard of for 3 days, with 4 entries unsent then" in table and "vafa-club terminal dead 6" in table, table)
    page = world.dir / "fleet.html"
    world.club("fleet", "--html", page)
    text = page.read_text()
    check("fleet the page is whole and troubled terminals come first", 'dir="rtl"' in text and "http" not in text and "src=" not in text and
          text.index("terminal forget") < text.index("<table>") and text.rstrip().endswith("</html>"), text[:200])
    world.club("fleet", "dead-days", 3)
    check("fleet after the club's days it proposes to declare it dead", fleet()[6]["troubles"][0]["trouble"] == "dead", fleet()[6])
    check("fleet days are bounded", *refused(2, "fleet", "dead-days", "4000"))
    check("fleet the command that it names ends the wait", f"Terminal {SILENT} never synced" in world.club(*rows[SILENT]["troubles"][0]["command"].split()[1:]).stdout and
          SILENT not in fleet() and fleet("--all")[SILENT]["state"] == "dead")
    world.club("fleet", "dead-days", 30)
    for n in (2, 6, 7, 9, 10):
        terminals[n].sync(self_test="ok", data_free=500_000_000, update="none")
    world.club("case", "close", "10-1-chain", "--by", "Sara", "--why", "It has its own disk again.")
    check("fleet troubles end by themselves", not any(r["troubles"] for r in fleet().values()), fleet())
    old_copy(terminals[10])
    rows = fleet()
    check("fleet one that still sends other entries has its case open again", [t["trouble"] for t in rows[10]["troubles"]] == ["chain"] and
          "nothing was taken since" in rows[10]["troubles"][0]["say"], rows[10])
    terminals[10].sync(self_test="ok", data_free=500_000_000, update="none")
    world.club("case", "close", "10-1-chain", "--by", "Sara", "--why", "Now it has.")
    check("fleet an unknown terminal is refused", *refused(1, "fleet", "show", "99"))


# --- bundles ---------------------------------------------------------------------------------

def bundles():
    good, other = bundle(8), bundle(9, "other-board")
    text = world.dir / "text"
    text.write_text("no bundle\n" * 100)
    cut = world.dir / "cut"
    cut.write_bytes(good.read_bytes()[:-3])
    check("fleet a file that is no bundle is refused", *refused(2, "update", "add", text, "--board", BOARD, "--version", 8, said="not a RAUC bundle"))
    check("fleet one that was cut is refused", *refused(2, "update", "add", cut, "--board", BOARD, "--version", 8, said="was cut"))
    check("fleet one of another board is refused", *refused(2, "update", "add", other, "--board", BOARD, "--version", 9, said="not for board"))
    check("fleet one of another version is refused", *refused(2, "update", "add", good, "--board", BOARD, "--version", 81, said="not version 81"))
    check("fleet a board is no path", *refused(2, "update", "add", good, "--board", "../x", "--version", 8))
    check("fleet a version that is not here cannot start", *refused(1, "update", "start", 8, "--board", BOARD, said="update add it first"))
    for _ in range(2):
        world.club("update", "add", good, "--board", BOARD, "--version", 8)
    kept = world.club_json("update", "list")
    check("fleet a bundle is kept with its sum", [(u["version"], u["bytes"], u["sha256"], u["file"], u["rollout"]) for u in kept] ==
          [(8, good.stat().st_size, hashlib.sha256(good.read_bytes()).hexdigest(), True, None)], kept)
    good.write_bytes(b"hsqs1" + good.read_bytes()[5:])
    check("fleet a version is one file for ever", *refused(1, "update", "add", good, "--board", BOARD, "--version", 8, said="higher version"))
    check("fleet a board that nobody has cannot start", *refused(1, "update", "start", 9, "--board", "x"))
    return world.data / f"updates/{BOARD}-8.raucb"


# --- a rollout -------------------------------------------------------------------------------

def to_one_and_a_tenth(terminals, kept):
    check("fleet the first one must be of the board", *refused(1, "update", "start", 8, "--board", BOARD, "--first", SILENT))
    check("fleet hours are hours", *refused(2, "update", "start", 8, "--board", BOARD, "--hours", "2-25"))
    world.club("update", "start", 8, "--board", BOARD, "--first", 5, "--good-for", 0)
    places = [n for n, in books("SELECT term_id FROM rollout_term ORDER BY place")]
    check("fleet the order of terminals is the rule's", places == ORDER, places)
    for n in ORDER:
        terminals[n].sync()
    check("fleet only the first is offered it", offered(terminals) == [5], offered(terminals))
    check("fleet the view names what it is offered", [n for n, r in fleet().items() if r["offered"] == 8] == [5])
    whole = b""
    while len(whole) < kept.stat().st_size:
        status, headers, piece = terminals[5].ask("GET", f"/v1/update/8?from={len(whole)}")
        if status != 200 or len(piece) == 0:
            break
        whole += piece
    check("fleet the pieces are the bundle", whole == kept.read_bytes() and headers["Content-Type"] == "application/octet-stream", len(whole))
    check("fleet vafa-sync fetches it", terminals[5].fetches(8) == whole)
    last = [terminals[5].ask("GET", f"/v1/update/8?{q}") for q in (f"from={len(whole)}", f"from={len(whole) - 3}&bytes=9", "bytes=0", "from=x", "from=-1")]
    check("fleet at its end there is less, and rubbish is refused", [(s, len(b)) for s, _, b in last[:2]] == [(200, 0), (200, 3)] and [s for s, _, _ in last[2:]] == [400] * 3, last)
    check("fleet who shows no certificate gets nothing", world.ask("GET", "/v1/update/8")[0] == 401)
    check("fleet nor does who asks for another version", terminals[5].ask("GET", "/v1/update/9")[0] == 404)
    terminals[5].sync(version=8, slot="B", good=0, self_test="running", update="none")
    check("fleet one on trial proves nothing", rollout()["stage"] == "one" and rollout()["waits_for"] == [5], rollout())
    subprocess.run(["sqlite3", world.data / "club.db", f".backup {world.dir / 'backup.db'}"], check=True)
    terminals[5].sync(good=1, self_test="ok")
    check("fleet good: a tenth comes next", (rollout()["stage"], rollout()["in_stage"]) == ("tenth", 2), rollout())
    check("fleet that is one more", offered(terminals) == [1], offered(terminals))


def a_fallback_stops_it(terminals):
    terminals[1].sync(failed=8, other=0)
    seen = rollout()
    check("fleet a fallback stops it, with why", (seen["state"], seen["why"]) == ("stopped", "Terminal 1: version 8 fell back."), seen)
    for n in ORDER:
        terminals[n].sync()
    check("fleet nothing is offered any more", offered(terminals) == [], offered(terminals))
    check("fleet the view says it", [t["trouble"] for t in fleet()[1]["troubles"]] == ["fell_back"], fleet()[1])
    check("fleet a stopped one does not go on by hand", *refused(1, "update", "next", "--board", BOARD, said="fell back"))
    check("fleet nor begins again", *refused(1, "update", "start", 8, "--board", BOARD, said="update resume"))
    said = world.club("update", "resume", "--board", BOARD).stdout
    check("fleet who resumes it is told where it fell back", "running, stage tenth" in said and "on 1 it fell back" in said, said)
    terminals[5].sync(consent=0, data_free=400_000_000, update="none", other=7)
    seen = rollout()
    check("fleet resumed, the stage is complete without the one that fell back", (seen["state"], seen["stage"], seen["failed"]) == ("running", "all", 1), seen)
    check("fleet which is never offered it again", offered(terminals) == sorted(n for n in ORDER if n not in (1, 5)), offered(terminals))


def a_restored_club(terminals):
    world.stop()
    for name in ("club.db-wal", "club.db-shm"):
        (world.data / name).unlink(missing_ok=True)
    shutil.copy(world.dir / "backup.db", world.data / "club.db")
    world.club("restored")
    world.start()
    check("fleet a restored club is where its backup was, and offers nothing", (rollout()["stage"], rollout()["state"]) == ("one", "stopped") and
          "restored from a backup" in rollout()["why"] and offered(terminals) == [], rollout())
    world.club("update", "resume", "--board", BOARD)
    terminals[5].sync()
    check("fleet what terminals say brings it on", rollout()["stage"] == "tenth", rollout())
    terminals[1].sync()
    check("fleet and stops it again", rollout()["state"] == "stopped", rollout())
    world.club("update", "resume", "--board", BOARD)
    terminals[5].sync(other=6)
    check("fleet until somebody resumes it", rollout()["stage"] == "all", rollout())


def to_all(terminals):
    for n in ORDER[2:]:
        terminals[n].sync()
    for n in ORDER[2:]:
        terminals[n].installs(8)
    seen = rollout()
    check("fleet all have it", (seen["state"], seen["runs"], seen["proved"]) == ("done", 10, 10), seen)
    past = world.club_json("fleet", "show", 6)["past"]
    check("fleet a terminal's history", [(e["what"], e["version"]) for e in reversed(past)] == [("runs", 7), ("good", 7), ("runs", 8), ("good", 8)], past)
    check("fleet and of the one that fell back", ("fell_back", 8) in [(e["what"], e["version"]) for e in world.club_json("fleet", "show", 1)["past"]] and
          "fell back" in world.club("fleet", "show", 1).stdout)


def a_failed_self_test_stops_it(terminals):
    world.club("update", "add", bundle(9), "--board", BOARD, "--version", 9)
    world.club("update", "start", 9, "--board", BOARD, "--first", 2, "--good-for", 1)
    terminals[2].sync(other=7)
    terminals[2].sync(version=9, slot="A", good=0, self_test="running")
    terminals[2].sync(self_test="keys: they cannot be read")
    seen = rollout(9)
    check("fleet a failed self-test stops it, with what failed", (seen["state"], seen["why"]) == ("stopped", "Terminal 2: self-test failed: keys: they cannot be read"), seen)
    # A terminal in another's hands: a letter of two bytes lies across the cut of what stopped it.
    world.club("update", "resume", "--board", BOARD)
    device = {"board": BOARD, "version": 9, "slot": "A", "good": False, "other": 7, "failed": 0, "self_test": "\x1b[2J" + "خ" * 120 + "x", "free": 10**9, "update": "none", "have": 0, "consent": False}
    told = terminals[2].ask("POST", "/v1/sync", json.dumps({
        "v": 1, "terminal": 2, "after": 0, "base": "00" * 32, "entries": [], "have": {"programme": 0, "refused": 9, "refused_say": "\x1b[2Jخ"}, "device": device,
        "health": {"unsent": 0, "pending": 0, "oldest": 0, "clock": 2, "firmware": "m\x07", "now": int(time.time())}}))
    check("fleet nor orders it the screen about", "programme 9: ?[2Jخ It goes on" in world.club("fleet").stdout and fleet()[2]["firmware"] == "m?", fleet()[2])
    check("fleet what is no plain letter is not shown", told[0] == 200 and rollout(9)["why"] == "Terminal 2: self-test failed: ?[2J" + "?" * 136, told)
    check("fleet the version before it has ended", rollout(8)["state"] == "replaced", rollout(8))
    world.club("update", "resume", "--board", BOARD)
    terminals[2].sync(good=1, self_test="ok")
    check("fleet good, but not yet for an hour", rollout(9)["stage"] == "one", rollout(9))
    books("UPDATE device SET good_at = good_at - 3601 WHERE term_id = 2")
    terminals[2].sync(other=8)
    check("fleet an hour later it goes on", rollout(9)["stage"] == "tenth", rollout(9))
    for _ in range(2):  # two who say it at once
        world.club("update", "next", "--board", BOARD, "--stage", "tenth")
    check("fleet to a stage that is named it goes once", rollout(9)["stage"] == "tenth" and refused(2, "update", "next", "--board", BOARD, "--stage", "half")[0], rollout(9))
    world.club("update", "next", "--board", BOARD)
    check("fleet or when somebody says so", rollout(9)["stage"] == "all", rollout(9))
    check("fleet and no further", *refused(1, "update", "next", "--board", BOARD, said="already"))
    terminals[3].sync(other=7)
    terminals[4].sync(version=10, slot="A", other=8)
    terminals[6].sync(self_test="display: none")
    may = offered(terminals, 9)
    check("fleet not offered where a newer one runs or the self-test failed", 3 in may and 4 not in may and 6 not in may and 1 in may, may)
    check("fleet one board is one rollout", *refused(1, "update", "start", 8, "--board", BOARD, said="stop it first"))
    world.club("update", "stop", "--board", BOARD, "--why", "The shop is busy.")
    check("fleet stopped by hand", rollout(9)["why"] == "The shop is busy." and offered(terminals, 9) == [], rollout(9))
    world.club("update", "add", bundle(11), "--board", BOARD, "--version", 11)
    world.club("update", "start", 11, "--board", BOARD, "--first", 8)
    terminals[8].sync(other=7)
    terminals[8].sync(failed=11)
    world.club("update", "resume", "--board", BOARD)
    check("fleet a stage without anybody says so", "update next goes on without it" in world.club("update", "list").stdout, world.club("update", "list").stdout)
    (world.data / f"updates/{BOARD}-9.raucb").unlink()
    check("fleet a lost file is named", "missing: add it again" in world.club("update", "list").stdout)


def logs(terminals):
    asked = world.club("logs", "ask", 3, "--by", "Sara").stdout
    again = world.club("logs", "ask", 3, "--by", "Reza").stdout
    check("fleet a log is asked for once", "Log 1 " in asked and "Log 1 " in again and [(e["by"], e["state"]) for e in world.club_json("logs", "list")] == [("Sara", "asked")], asked)
    text = gzip.compress(b"health: ok\n" * 500)
    head = {"Content-Encoding": "gzip"}
    check("fleet without consent none comes", "log 1" not in terminals[3].sync())
    check("fleet another terminal cannot bring it", terminals[4].ask("POST", "/v1/logs/1", text, head)[0] == 404)
    check("fleet nor anybody what was not asked for", [terminals[3].ask("POST", f"/v1/logs/{n}", text, head)[0] for n in (2, "x")] == [404, 404])
    check("fleet rubbish and what is too much is refused", [terminals[3].ask("POST", "/v1/logs/1", b, h)[0] for b, h in
          ((b"rubbish", head), (text, {}), (gzip.compress(bytes(1 << 21)), head))] == [400, 415, 400])
    came = [terminals[3].ask("POST", "/v1/logs/1", text, head)[0] for _ in range(2)]
    taken = world.dir / "log.gz"
    world.club("logs", "take", 1, taken)
    check("fleet it comes, also twice, and is taken", came == [200, 200] and taken.read_bytes() == text, came)
    check("fleet who asked is named", "asked for by Sara" in world.club("logs", "list").stdout)
    world.club("logs", "ask", 5, "--by", "Sara")
    terminals[5].consents()
    terminals[5].sync("--log", terminals[5].folder / "device")
    world.club("logs", "take", 2, taken)
    check("fleet with consent vafa-sync brings it", b"board=lab-arm64" in gzip.decompress(taken.read_bytes()), gzip.decompress(taken.read_bytes())[:300])
    world.club("logs", "drop", 2)
    books("UPDATE log_asked SET came_at = came_at - 86400 * 30 WHERE no = 1")
    check("fleet after its time it is thrown away", refused(1, "logs", "take", 1, taken, said="thrown away")[0] and not list((world.data / "logs").iterdir()))
    for n in range(3, 55):  # 52 more: 50 are kept
        world.club("logs", "ask", 4, "--by", "Sara") if n in (3, 54) else books("INSERT INTO log_asked VALUES (?, 4, 'Sara', ?, 0, 0, 0, '')", n, int(time.time()))
        if terminals[4].ask("POST", f"/v1/logs/{n}", text, head)[0] != 200:
            check("fleet a log comes", False, n)
    check("fleet no more than 50 are kept", sorted(int(p.stem) for p in (world.data / "logs").iterdir()) == list(range(5, 55)))
    world.club("logs", "drop", 54)
    check("fleet one is thrown away by hand", not (world.data / "logs/54.gz").exists() and refused(1, "logs", "take", 54, taken)[0])
    check("fleet a terminal that is not in use is not asked", *refused(1, "logs", "ask", SILENT, "--by", "Sara"))


def main():
    began = time.monotonic()
    try:
        world.club("fleet", check=False)  # no club yet: an error, no crash
        world.start()
        terminals = enrol_all()
        the_view(terminals)
        troubles(terminals)
        kept = bundles()
        to_one_and_a_tenth(terminals, kept)
        a_fallback_stops_it(terminals)
        a_restored_club(terminals)
        to_all(terminals)
        a_failed_self_test_stops_it(terminals)
        logs(terminals)
        faults = [line for line in (world.dir / "log").read_text().splitlines() if "ready at" not in line and "finishing" not in line]
        check("fleet the club had no fault", faults == [], faults)
        note(f"{time.monotonic() - began:.1f} s")
    finally:
        world.close()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
