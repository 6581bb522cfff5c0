#!/usr/bin/env python3
"""renewal - a terminal's certificate is renewed over the line, years on, whatever is cut or killed; and who may not.

The years are libfaketime's: club, terminal and commands read one file. What a certificate says is read by OpenSSL, what the
club holds by sqlite3; when a renewal is due is reckoned here once more, from docs/decisions/0020-renewal.md."""
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from club_world import World  # noqa: E402
from sync_proxy import Proxy  # noqa: E402
from tap import check, exit_code, note  # noqa: E402

BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release")).resolve()
os.environ["BUILD"] = str(BUILD)
SANITIZED = os.environ.get("PROFILE") == "sanitize"  # libfaketime and ASan do not go together
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
DAY, YEAR = 86400, 365 * 86400
CUT_EVERY = int(os.environ.get("RENEWAL_CUT_EVERY", "601"))
KILLS = int(os.environ.get("RENEWAL_KILLS", "8"))
SEED = int(os.environ.get("SEED", "20261122"))
world = World()
clock = world.dir / "clock"


default_context = ssl.create_default_context


def timeless_context(*args, **kw):
    """Python's own clock is not faked: it tests all of a server's certificate but its times."""
    context = default_context(*args, **kw)
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    return context


ssl.create_default_context = timeless_context


def at(days):
    """Club, terminals and commands are so many days on from now on."""
    clock.write_text(f"{days * DAY:+.0f}\n")
    at.days = days


def now():
    return time.time() + at.days * DAY


def openssl(*args, data=None):
    done = subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True)
    return done.stdout.decode() + done.stderr.decode()


def make_request(name, *key):
    """A key and a request for it, in PEM; P-256 unless said otherwise."""
    file = world.dir / f"{name}.key"
    openssl(*(key or ("ecparam", "-name", "prime256v1", "-genkey", "-noout")), "-out", file)
    openssl("req", "-new", "-key", file, "-subj", "/CN=4711", "-out", world.dir / f"{name}.csr")
    return (world.dir / f"{name}.csr").read_text()


class Paper:
    """A certificate as OpenSSL reads it."""
    def __init__(self, file):
        text = openssl("x509", "-in", file, "-noout", "-subject", "-dates", "-serial", "-fingerprint", "-sha256")
        get = lambda pattern: re.search(pattern, text, re.M).group(1)
        when = lambda name: datetime.strptime(get(name + r"=(.*) GMT"), "%b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc).timestamp()
        self.subject, self.begins, self.ends = get(r"^subject=(.*)$"), when("notBefore"), when("notAfter")
        self.serial, self.fingerprint = int(get(r"serial=(\w+)"), 16), bytes.fromhex(get(r"Fingerprint=(.*)$").replace(":", ""))
        self.key = openssl("x509", "-in", file, "-noout", "-pubkey")

    def due(self):
        """The moment from which on it is renewed: less than an eighth of its life left, less up to a 24th by chance."""
        life = int(self.ends - self.begins)
        return self.ends - (life // 8 - self.serial % 2**32 % (life // 24))


def is_of_ca(file):
    """The chain as it was on the certificate's first day."""
    return openssl("verify", "-purpose", "sslclient", "-attime", int(Paper(file).begins) + 2 * DAY, "-CAfile", world.data / "ca.pem", file).rstrip().endswith(": OK")


class Terminal:
    def __init__(self, branch):
        self.folder = world.dir / branch
        self.folder.mkdir()
        self.db, self.identity = self.folder / "terminal.db", self.folder / "identity"
        code = world.club("code", "--merchant", "Refah", "--branch", branch).stdout.strip()
        enrol = ("enrol", "--ca", world.data / "ca.pem", "--code", code)
        self.run(*enrol)
        world.club("approve", "all")
        done = self.run(*enrol)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        with closing(sqlite3.connect(self.db)) as db:
            self.number = int(db.execute("SELECT value FROM settings WHERE name = 'terminal'").fetchone()[0])

    def arguments(self, command, *more, port=None, identity=None):
        return [BUILD / "vafa-sync", command, "--db", self.db, "--identity", identity or self.identity, "--club", f"localhost:{port or world.port}",
                "--timeout", "10", *map(str, more)]

    def run(self, command, *more, **kw):
        return subprocess.run(self.arguments(command, *more, **kw), capture_output=True, text=True, timeout=60)

    def once(self, **kw):
        return self.run("once", **kw)

    def file(self, name):
        return self.identity / name

    def paper(self):
        return Paper(self.file("terminal.pem"))

    def pair(self, folder=None):
        folder = folder or self.identity
        return str(folder / "terminal.pem"), str(folder / "key.pem")

    def fits(self):
        """Does OpenSSL take certificate and key together?"""
        try:
            ssl.create_default_context().load_cert_chain(*self.pair())
            return True
        except (ssl.SSLError, OSError):
            return False

    def setting(self, name):
        with closing(sqlite3.connect(self.db)) as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def certs(self):
        """The club's rows, in the order in which they were given."""
        with closing(sqlite3.connect(world.data / "club.db")) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM cert WHERE term_id = ? ORDER BY issued_at, rowid", (self.number,))]

    def current(self):
        return [row for row in self.certs() if row["seen_at"] and not row["replaced_at"] and not row["revoked_at"]]

    def trouble(self):
        rows = json.loads(world.club("fleet", "--json", "--all").stdout)["terminals"]
        row = next(row for row in rows if row["terminal"] == self.number)
        return {trouble["trouble"]: trouble for trouble in row["troubles"]}, row

    def keep(self):
        """What it and the club have of it, to go back to."""
        kept = self.folder / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.identity, kept, symlinks=True)
        return kept, self.certs()

    def go_back(self, kept):
        folder, rows = kept
        shutil.rmtree(self.identity)
        shutil.copytree(folder, self.identity, symlinks=True)
        with closing(sqlite3.connect(world.data / "club.db", timeout=20)) as db, db:
            db.execute("DELETE FROM cert WHERE term_id = ?", (self.number,))
            for row in rows:
                db.execute(f"INSERT INTO cert ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))

    def ask(self, csr, pair=None, number=None, body=None):
        """(status, answer) of one question for a certificate."""
        body = body if body is not None else json.dumps({"v": 1, "terminal": number or self.number, "csr": csr})
        status, _, answer = world.ask("POST", "/v1/renew", body, certificate=pair or self.pair())
        return status, json.loads(answer)


def age(terminal, days):
    """The club believes its certificate to be older."""
    with closing(sqlite3.connect(world.data / "club.db", timeout=20)) as db, db:
        db.execute("UPDATE cert SET issued_at = issued_at - ? WHERE term_id = ?", (days * DAY, terminal.number))


def feed(terminal):
    """Five transactions, by the programme that a sync has brought."""
    subprocess.run([BUILD / "journal-feed", "--db", terminal.db, "--count", "5", "--cards", "5"], capture_output=True).check_returncode()


def exported(terminal, identity):
    """What the club says to an export that is signed in that folder."""
    feed(terminal)
    export = terminal.folder / f"export{time.monotonic()}"
    subprocess.run([BUILD / "vafa-export", "write", "--db", terminal.db, "--identity", identity, "--to", export], capture_output=True).check_returncode()
    taken = world.club("journal", "take", export, check=False)
    return taken.stdout + taken.stderr


def keys(terminal, name, key):
    """A folder with that key alone."""
    folder = terminal.folder / name
    folder.mkdir()
    shutil.copy(key, folder / "key.pem")
    return folder


# --- by itself, years on ---------------------------------------------------------------------------

def it_is_renewed_when_it_is_due():
    terminal = Terminal("due")
    first = terminal.paper()
    check("a new terminal's certificate is for 730 days", abs(first.ends - now() - 730 * DAY) < 60, first.ends - now())
    check("fleet shows its end", terminal.trouble()[1]["certificate_ends_at"] == first.ends and
          re.search(r"^\d+ .* 729 days +good", world.club("fleet").stdout, re.M), world.club("fleet").stdout)
    files = {name: terminal.file(name).read_bytes() for name in ("key.pem", "terminal.pem", "ca.pem")}
    day = (first.due() - time.time()) / DAY
    check("it is due 91 to 60 days before its end", 60 * DAY < first.ends - first.due() <= 91.5 * DAY, (first.ends - first.due()) / DAY)
    at(day - 0.01)
    world.hang_up()
    done = terminal.once()
    check("a quarter of an hour before that nothing changes", done.returncode == 0 and all(terminal.file(n).read_bytes() == b for n, b in files.items()), done.stderr)
    at(day + 0.01)
    done = terminal.once()
    second = terminal.paper()
    check("then the terminal gets another one", done.returncode == 0 and "another certificate" in done.stderr, done.stderr)
    check("for its own number, by the club's CA, for 730 days more", second.subject.replace(" ", "") == f"CN={terminal.number}" and
          is_of_ca(terminal.file("terminal.pem")) and abs(second.ends - now() - 730 * DAY) < 60, (second.subject, second.ends))
    check("with a new key, which fits", second.key != first.key and terminal.fits())
    check("key and certificate are one file", terminal.file("terminal.pem").is_symlink() and os.readlink(terminal.file("terminal.pem")) == "key.pem" and
          terminal.file("key.pem").stat().st_mode & 0o777 == 0o600)
    check("the one before is kept, and nothing else", sorted(os.listdir(terminal.identity)) == ["before.pem", "ca.pem", "key.pem", "terminal.pem"] and
          Paper(terminal.file("before.pem")).fingerprint == first.fingerprint, os.listdir(terminal.identity))
    rows = terminal.certs()
    check("the club has seen it at once, and the first one is replaced", [(r["fingerprint"], bool(r["seen_at"]), bool(r["replaced_at"])) for r in rows] ==
          [(first.fingerprint, True, True), (second.fingerprint, True, False)], rows)
    check("fleet shows the new end, and no trouble", terminal.trouble()[1]["certificate_ends_at"] == second.ends and "copy" not in terminal.trouble()[0])
    check("the next sync asks for nothing", terminal.once().stderr == "" and len(terminal.certs()) == 2)
    before = str(terminal.file("before.pem"))
    status, _, answer = world.ask("POST", "/v1/sync", "{}", certificate=(before, before))
    check("the old key is worth nothing from then on", status == 403 and json.loads(answer)["error"] == "replaced", answer)
    check("not for a certificate either", terminal.ask(make_request("stolen"), (before, before))[1]["error"] == "replaced")
    check("and fleet says that it was shown", "copy" in terminal.trouble()[0] and terminal.trouble()[0]["copy"]["command"] == f"vafa-club revoke {terminal.number}")
    at((second.due() - time.time()) / DAY + 1)
    world.hang_up()
    done = terminal.once()
    third = terminal.paper()
    check("two years later likewise", done.returncode == 0 and third.key not in (first.key, second.key) and terminal.fits() and
          terminal.current()[0]["fingerprint"] == third.fingerprint and Paper(terminal.file("before.pem")).fingerprint == second.fingerprint, done.stderr)
    check("what it exports is signed by the new key, and the club takes it", "5 transactions posted" in exported(terminal, terminal.identity))
    check("not what the one before signs", "is trusted here" in exported(terminal, keys(terminal, "replaced", terminal.file("before.pem"))))


class OneCut(Proxy):
    """Cuts one of several connections."""
    def begin(self, which, direction=None, position=0):
        self.which, self.sizes = which, []
        self.clear() if direction is None else self.cut(direction, position)

    def pass_on(self, terminal, club):
        limit = self.limit
        self.limit = limit if len(self.sizes) == self.which else {}
        try:
            super().pass_on(terminal, club)
        finally:
            self.limit = limit
            self.sizes.append(dict(self.passed))


def a_cut_at_any_byte_leaves_a_working_identity():
    terminal = Terminal("cuts")
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    kept = terminal.keep()
    proxy = OneCut(world.port)

    def through(*cut):
        terminal.go_back(kept)
        proxy.begin(*cut)
        done = terminal.once(port=proxy.port)
        proxy.idle.wait(5)
        return done
    through(None)       # and what a first contact brings beside
    check("a renewal takes two connections", through(None).returncode == 0 and len(proxy.sizes) == 2, proxy.sizes)
    wrong, cuts, stored = [], 0, 0
    for which, size in enumerate(proxy.sizes):
        for direction, most in size.items():
            for position in range(0, most + 1, CUT_EVERY):
                cut = through(which, direction, position)
                cuts += 1
                fits, held = terminal.fits(), terminal.paper().fingerprint
                is_known = held in [row["fingerprint"] for row in terminal.certs()]
                stored += held != kept[1][0]["fingerprint"]
                after = terminal.once()
                if (cut.returncode not in (0, 1) or not fits or not is_known or after.returncode != 0 or len(terminal.certs()) != 2 or
                        [row["fingerprint"] for row in terminal.current()] != [terminal.paper().fingerprint]):
                    wrong.append((which, direction, position, cut.stderr, fits, is_known, after.stderr, len(terminal.certs())))
    proxy.close()
    check("every cut of the exchange leaves a working identity, and one new certificate in all", not wrong and 0 < stored < cuts, (wrong[:3], stored))
    note(f"{cuts} cuts, {stored} of them after the new certificate was stored; bytes: {size}")


def a_kill_at_any_moment_leaves_a_working_identity():
    terminal = Terminal("kills")
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    kept = terminal.keep()
    chance = random.Random(SEED)
    began = time.monotonic()
    terminal.once()
    whole = time.monotonic() - began
    wrong, states = [], set()
    for _ in range(KILLS):
        terminal.go_back(kept)
        process = subprocess.Popen(terminal.arguments("once"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, whole))
        process.kill()
        process.wait()
        fitted = terminal.fits()
        states.add((len(terminal.certs()), terminal.file("next.pem").exists(), terminal.file("terminal.pem").is_symlink()))
        after = terminal.once()
        if not fitted or after.returncode != 0 or len(terminal.certs()) != 2 or [r["fingerprint"] for r in terminal.current()] != [terminal.paper().fingerprint]:
            wrong.append((fitted, after.returncode, after.stderr, terminal.certs()))
    check("a kill at any moment leaves a working identity, and one new certificate", not wrong, wrong[:2])
    note(f"seed {SEED}; states after the kills (certificates, next.pem, one file): {sorted(states)}")


def two_machines_with_one_key_show():
    terminal = Terminal("copy")
    copy = terminal.folder / "copy"
    shutil.copytree(terminal.identity, copy)
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    check("the first of two machines with one key renews", terminal.once().returncode == 0)
    done = terminal.once(identity=copy)
    check("the other one is refused, and says why", done.returncode == 3 and "403 (replaced)" in done.stderr and "another machine" in terminal.setting("sync.say"), done.stderr)
    trouble, _ = terminal.trouble()
    shown = world.club_json("fleet", "show", terminal.number)["certificates"]
    rows = terminal.certs()[::-1]
    check("fleet lists its certificates", [(c["fingerprint"], c["ends_at"], c["late_at"]) for c in shown] ==
          [(r["fingerprint"].hex(), r["ends_at"], r["late_at"] or None) for r in rows] and shown[1]["late_at"] and shown[1]["replaced_at"] == shown[0]["seen_at"], shown)
    check("fleet puts it first", list(trouble)[0] == "copy" and "another machine has its key" in trouble["copy"]["say"], trouble)
    world.club("revoke", terminal.number)
    kept = terminal.file("before.pem")
    refusals = [terminal.ask(make_request(f"r{n}"), pair)[1]["error"] for n, pair in
                enumerate((terminal.pair(), (str(kept), str(kept)), terminal.pair(copy)))]
    check("a revoked terminal is refused under each of its certificates, and gets no other", refusals == ["revoked"] * 3 and len(terminal.certs()) == 2, refusals)


def two_keys_under_one_certificate():
    terminal = Terminal("race")
    age(terminal, 40)
    one, other = make_request("one"), make_request("other")
    status, first = terminal.ask(one)
    check("a key gets a certificate", status == 200, first)
    check("the same key gets the same one again", terminal.ask(one) == (200, first))
    terminal.once()
    check("an export by it counts, though it was never shown: its terminal may have died with it",
          "5 transactions posted" in exported(terminal, keys(terminal, "given", world.dir / "one.key")))
    check("another key does not, within a day", terminal.ask(other)[0] == 429)
    with closing(sqlite3.connect(world.data / "club.db", timeout=20)) as db, db:
        db.execute("UPDATE cert SET issued_at = issued_at - ? WHERE term_id = ?", (DAY + 1, terminal.number))
    status, second = terminal.ask(other)
    check("after a day it does", status == 200 and second["certificate"] != first["certificate"], second)
    mine = world.dir / "mine.pem"
    mine.write_text(first["certificate"])
    status, answer = terminal.ask(make_request("third"), (str(mine), str(world.dir / "one.key")))
    check("the one that it took the place of is refused when it is shown", status == 403 and answer["error"] == "replaced", answer)
    check("which shows", "copy" in terminal.trouble()[0])
    check("the terminal itself works on", terminal.once().returncode == 0 and len(terminal.current()) == 1)
    mine.write_text(second["certificate"])
    check("and so does the other one, once, for the terminal to be refused then", terminal.ask("x", (str(mine), str(world.dir / "other.key")))[0] == 400 and
          terminal.once().returncode == 3)


# --- too late --------------------------------------------------------------------------------------

def two_years_in_a_drawer():
    terminal = Terminal("drawer")
    terminal.once()
    feed(terminal)
    ends = (terminal.paper().ends - time.time()) / DAY
    at(ends - 20.5)
    done = terminal.once(port=1)
    check("20 days before its end, without a line: the terminal says so", done.returncode == 1 and "ends in 20 days" in terminal.setting("certificate.say"),
          (done.stderr, terminal.setting("certificate.say")))
    check("and fleet does, with what to do", "ends in 20 days" in terminal.trouble()[0]["certificate"]["say"], terminal.trouble()[0])
    at(ends + 100.5)
    world.hang_up()
    done = terminal.once()
    check("after its end it is refused, and says what has to be done", done.returncode == 3 and "403 (ended)" in done.stderr and
          f"terminal renew {terminal.number}" in terminal.setting("sync.say") and "has ended" in terminal.setting("certificate.say"), (done.stderr, terminal.setting("certificate.say")))
    trouble = terminal.trouble()[0]["certificate"]
    check("fleet has the command", trouble["command"] == f"vafa-club terminal renew {terminal.number}" and "ended 100 days ago" in trouble["say"], trouble)
    check("it got nothing", len(terminal.certs()) == 1)
    world.club("terminal", "renew", terminal.number)
    at(ends + 108)
    check("a person's word holds for a week", terminal.once().returncode == 3)
    at(ends + 106)
    with closing(sqlite3.connect(terminal.db)) as db:
        unsent = db.execute("SELECT max(seq) FROM journal").fetchone()[0]
    done = terminal.once()
    with closing(sqlite3.connect(world.data / "club.db")) as db:
        taken = db.execute("SELECT count(*) FROM rec WHERE term_id = ?", (terminal.number,)).fetchone()[0]
    check("within it the terminal renews by itself, and all that it had is sent", done.returncode == 0 and terminal.fits() and taken == unsent > 0, (done.stderr, taken, unsent))
    check("nothing is left to say", terminal.setting("sync.say") == "" and terminal.setting("certificate.say") == "" and "certificate" not in terminal.trouble()[0])
    other = Terminal("drawer dead")
    at(at.days + 800)
    world.hang_up()
    world.club("revoke", other.number)
    check("who is revoked is not let in by it", world.club("terminal", "renew", other.number, check=False).returncode == 1 and
          "403 (revoked)" in other.once().stderr)


def a_clock_that_is_years_off():
    terminal = Terminal("wrong clock")
    due = (terminal.paper().due() - time.time()) / DAY + 1
    at(due)
    world.hang_up()
    never = {**os.environ, "FAKETIME": "2000-01-01 00:00:00"}
    never.pop("FAKETIME_TIMESTAMP_FILE")
    done = subprocess.run(terminal.arguments("once"), env=never, capture_output=True, text=True)
    check("a clock that nobody ever set does not matter: the club's time counts", done.returncode == 0 and "another certificate" in done.stderr, done.stderr)
    behind = {**never, "FAKETIME": "2025-01-01 00:00:00"}
    done = subprocess.run(terminal.arguments("once"), env=behind, capture_output=True, text=True)
    check("one that is years behind is told to be set", done.returncode == 3 and "is the clock right" in done.stderr, done.stderr)


# --- the club's own --------------------------------------------------------------------------------

def a_club_whose_clock_was_ahead():
    terminal = Terminal("ahead")
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    check("while the club's clock is two years ahead, a terminal renews", terminal.once().returncode == 0 and len(terminal.current()) == 1 and len(terminal.certs()) == 2)
    at(0)
    world.hang_up()
    done = terminal.once()
    check("its certificate is not valid yet when the clock is right again, and good all the same", terminal.paper().begins > now() and done.returncode == 0 and
          done.stderr == "", done.stderr)


def put_back(backup):
    world.stop()
    for file in world.data.glob("club.db*"):
        file.unlink()
    shutil.copy(backup, world.data / "club.db")
    world.start()


def back_up(name):
    world.stop()
    shutil.copy(world.data / "club.db", world.dir / name)
    world.start()
    return world.dir / name


def a_club_that_was_restored_twice_knows_the_one_aside():
    terminal = Terminal("twice")
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    older = back_up("older.db")
    terminal.once()
    newer = back_up("newer.db")
    put_back(older)
    terminal.once()
    put_back(newer)
    done = terminal.once()
    check("the older backup was put back, the terminal renewed, then the newer one: it goes on", done.returncode == 0 and terminal.fits() and
          terminal.current()[0]["fingerprint"] == terminal.paper().fingerprint and
          sorted(os.listdir(terminal.identity)) == ["before.pem", "ca.pem", "key.pem", "terminal.pem"], (done.stderr, terminal.certs()))
    put_back(older)
    check("and once more", terminal.once().returncode == 0 and terminal.current()[0]["fingerprint"] == terminal.paper().fingerprint)


def a_restored_club_knows_the_one_before():
    terminal = Terminal("restored")
    at((terminal.paper().due() - time.time()) / DAY + 1)
    world.hang_up()
    backup = back_up("backup.db")
    check("it renews", terminal.once().returncode == 0 and terminal.file("terminal.pem").is_symlink())
    forgotten = terminal.paper().fingerprint
    put_back(backup)
    done = terminal.once()
    check("a club that has forgotten the new certificate takes the one before, and gives another", done.returncode == 0 and terminal.fits() and
          terminal.paper().fingerprint not in (forgotten, terminal.certs()[0]["fingerprint"]) and
          terminal.current()[0]["fingerprint"] == terminal.paper().fingerprint, (done.stderr, terminal.certs()))


def the_servers_certificate_changes_while_it_runs():
    terminal = Terminal("server")
    first = shown()
    at(290)
    world.hang_up()
    check("two months and more before its end it stays", shown() == first)
    at(310)
    world.hang_up()
    check("with less than 60 days left the running server shows a new one", shown()[1] - now() > 360 * DAY, shown())
    done = terminal.once()
    check("and terminals notice nothing", done.returncode == 0 and done.stderr == "", done.stderr)


def the_ca_is_made_again_with_its_key():
    terminal = Terminal("ca")
    old, key = Paper(world.data / "ca.pem"), (world.data / "ca.key").read_bytes()
    check("the CA lives for 20 years", abs(old.ends - old.begins - 20 * YEAR - DAY) < 60)
    day = 10 * 365 + 30     # less than ten years left
    at(day)
    world.hang_up()
    new = Paper(world.data / "ca.pem")
    check("after ten it is made again, for 20 more, with the same key and name", abs(new.ends - now() - 20 * YEAR) < 3600 and new.key == old.key and
          new.subject == old.subject and (world.data / "ca.key").read_bytes() == key, new.ends)
    check("it has no later first day, in case that clock is wrong", new.begins == old.begins)
    check("a terminal that has the old one alone is served", "403 (ended)" in terminal.once().stderr)
    world.club("terminal", "renew", terminal.number)
    check("and gets the new one with its next certificate", terminal.once().returncode == 0 and Paper(terminal.file("ca.pem")).ends == new.ends)
    at(21 * 365)            # the first CA's end is past
    world.restart()
    world.club("terminal", "renew", terminal.number)
    done = terminal.once()
    check("so that it goes on when the first one's time is over", done.returncode == 0 and is_of_ca(terminal.file("terminal.pem")), done.stderr)


# --- who may not -----------------------------------------------------------------------------------

def a_hostile_terminal():
    terminal, other = Terminal("hostile"), Terminal("victim")
    good = make_request("good")
    check("a certificate of yesterday is not renewed", terminal.ask(good)[1]["error"] == "early")
    age(terminal, 40)
    asked = {
        "another terminal's number": (403, "terminal", terminal.ask(good, number=other.number)),
        "no request": (400, "csr", terminal.ask("hello")),
        "a request of 9,000 bytes": (400, "body", terminal.ask("x" * 9000)),
        "no number": (400, "body", terminal.ask("", body=json.dumps({"v": 1, "csr": good}))),
        "another version": (400, "body", terminal.ask("", body=json.dumps({"v": 2, "terminal": terminal.number, "csr": good}))),
        "a body of two megabytes": (413, "too_large", large(terminal)),
        "a key on P-384": (400, "csr", terminal.ask(make_request("p384", "ecparam", "-name", "secp384r1", "-genkey", "-noout"))),
        "a key on P-192": (400, "csr", terminal.ask(make_request("p192", "ecparam", "-name", "prime192v1", "-genkey", "-noout"))),
        "an RSA key": (400, "csr", terminal.ask(make_request("rsa", "genpkey", "-algorithm", "RSA"))),
        "its own key again": (400, "csr", terminal.ask(terminal_request(terminal))),
        "a request whose signature is spoilt": (400, "csr", terminal.ask(spoil(good))),
    }
    for what, (status, word, (got, answer)) in asked.items():
        check(f"refused: {what}", (got, answer["error"]) == (status, word), (got, answer))
    status, _, answer = world.ask("POST", "/v1/renew", json.dumps({"v": 1, "terminal": terminal.number, "csr": good}))
    check("refused: no certificate", status == 401, answer)
    status, headers, _ = world.ask("GET", "/v1/renew", certificate=terminal.pair())
    check("refused: another method", status == 405 and headers["Allow"] == "POST")
    check("and none of that has changed anything", len(terminal.certs()) == 1 and len(other.certs()) == 1)
    forged = forge(terminal.number)
    status, answer = terminal.ask(good, forged)
    check("refused: a certificate that the CA's key made, and the club did not", status == 403 and answer["error"] == "unknown", answer)
    statuses = [terminal.ask(make_request(f"flood{n}"))[0] for n in range(10)]
    check("a flood of requests for new keys gets one certificate", statuses == [200] + [429] * 9 and len(terminal.certs()) == 2, statuses)
    certificate = terminal.ask((world.dir / "flood0.csr").read_text())[1]["certificate"]
    given = world.dir / "given.pem"
    given.write_text(certificate)
    check("the name that a request asks for is ignored", Paper(given).subject.replace(" ", "") == f"CN={terminal.number}" and
          Paper(given).key == openssl("pkey", "-in", world.dir / "flood0.key", "-pubout"), Paper(given).subject)


def large(terminal):
    """curl reads an answer that comes before all is sent."""
    body = world.dir / "large"
    body.write_bytes(b"x" * (2 << 20))
    cert, key = terminal.pair()
    done = subprocess.run(["curl", "-s", "--cacert", world.data / "ca.pem", "--cert", cert, "--key", key, "--data-binary", f"@{body}", "-w", "\n%{http_code}",
                           f"https://localhost:{world.port}/v1/renew"], capture_output=True, text=True)
    answer, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(answer)


def terminal_request(terminal):
    return openssl("req", "-new", "-key", terminal.file("key.pem"), "-subj", "/CN=1")


def spoil(csr):
    """The last byte of the signature is another one."""
    der = bytearray(ssl.PEM_cert_to_DER_cert(csr.replace("CERTIFICATE REQUEST", "CERTIFICATE")))
    der[-1] ^= 1
    return ssl.DER_cert_to_PEM_cert(bytes(der)).replace("BEGIN CERTIFICATE", "BEGIN CERTIFICATE REQUEST").replace("END CERTIFICATE", "END CERTIFICATE REQUEST")


def forge(number):
    key, csr, pem = (world.dir / f"forged.{end}" for end in ("key", "csr", "pem"))
    make_request("forged")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={number}", "-out", csr)
    (world.dir / "ext").write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n")
    openssl("x509", "-req", "-in", csr, "-CA", world.data / "ca.pem", "-CAkey", world.data / "ca.key", "-set_serial", "77", "-days", "9", "-extfile",
            world.dir / "ext", "-out", pem)
    return str(pem), str(key)


# --- all of it -------------------------------------------------------------------------------------

def shown():
    """When the certificate that the server shows begins and ends."""
    pem = ssl.get_server_certificate(("localhost", world.port))
    (world.dir / "shown.pem").write_text(pem)
    paper = Paper(world.dir / "shown.pem")
    return paper.begins, paper.ends


def hang_up():
    """The club looks at its own certificates, as it does every hour. After it, what it shows has two months left."""
    world.process.send_signal(signal.SIGHUP)
    for _ in range(200):
        begins, ends = shown()
        if begins <= now() and ends - now() > 60 * DAY:
            return
        time.sleep(0.02)
    raise RuntimeError("the club shows no certificate that is good today")


def restart():
    world.stop()
    world.start()


world.hang_up, world.restart = hang_up, restart


def main():
    at(0)
    timed = [it_is_renewed_when_it_is_due, a_kill_at_any_moment_leaves_a_working_identity,
             a_cut_at_any_byte_leaves_a_working_identity, two_machines_with_one_key_show, two_years_in_a_drawer, a_clock_that_is_years_off, a_club_whose_clock_was_ahead,
             a_restored_club_knows_the_one_before, a_club_that_was_restored_twice_knows_the_one_aside, the_servers_certificate_changes_while_it_runs, the_ca_is_made_again_with_its_key]
    try:
        if not SANITIZED:
            os.environ.update(LD_PRELOAD=str(FAKETIME), FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
        world.start()
        world.club("programme", ROOT / "programmes/base.json")
        a_hostile_terminal()
        two_keys_under_one_certificate()
        for test in [] if SANITIZED else timed:
            at(0)
            world.hang_up()
            began = time.monotonic()
            test()
            note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
        if SANITIZED:
            print("ok years # SKIP faketime and the sanitizers do not go together")
    finally:
        os.environ.pop("LD_PRELOAD", None)
        world.close()
    return exit_code()


sys.exit(main())
