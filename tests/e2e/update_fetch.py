#!/usr/bin/env python3
"""update_fetch - a bundle and a log over the line, by the real vafa-sync, with a played club over TLS: cuts, kills, the
rate, wrong files, offers that go, entries that come first, and consent. TAP on stdout."""
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release")).resolve()
sys.path.insert(0, str(ROOT / "tests/support"))
from bundles import write_bundle  # noqa: E402
from played_club import Authority, Peer, reply  # noqa: E402
from shop import Shop  # noqa: E402
from sync_proxy import Proxy  # noqa: E402
from tap import check, exit_code, note  # noqa: E402

PIECE = STRETCH = 262144  # the most in an answer; what is between two syncs of the disk (sync/fetch.h)
DEVICE = {"board": "sim", "version": 7, "slot": "A", "good": 1, "other": 6, "failed": 0, "self_test": "ok", "clock": "set",
          "data_free": 12345678, "update": "none"}
work = Path(tempfile.mkdtemp(prefix="vafa-update-fetch."))
updates = work / "updates"


class Club(Peer):
    """Offers a bundle, counts what it gives of it, and takes logs."""
    def __init__(self, *args):
        super().__init__(*args)
        self.clear()

    def clear(self):
        self.bundle, self.offer, self.logs_wanted = b"", None, 0
        self.given, self.taken, self.spoil, self.events = [], [], {}, []
        self.log_answers = []  # to logs, one after the other: not taken

    def offers(self, bundle, version=8, **changed):
        self.bundle = bundle
        self.offer = {"version": version, "board": "sim", "bytes": len(bundle), "sha256": hashlib.sha256(bundle).hexdigest(),
                      "from_hour": 2, "to_hour": 5, **changed}

    def honest(self, body, **kw):
        self.events.append(("sync", len(body["entries"])))
        wanted = {"update": self.offer} if self.offer else {}
        if self.logs_wanted:
            wanted["logs"] = self.logs_wanted
        return super().honest(body, **wanted, **kw)

    def answer_other(self, connection, path, body):
        at = urlsplit(path)
        if at.path.startswith("/v1/logs/"):
            self.events.append(("log", time.monotonic()))
            if self.log_answers:
                return connection.sendall(self.log_answers.pop(0))
            self.taken.append((int(at.path.split("/")[-1]), body.decode()))
            self.logs_wanted = 0
            return connection.sendall(reply(200, {"v": 1}))
        fields = {k: int(v[0]) for k, v in parse_qs(at.query).items()}
        start, most = fields["from"], fields["bytes"]
        spoil = self.spoil.pop(len(self.given), None)
        piece = self.bundle[start:start + most]
        self.given.append((time.monotonic(), start, len(piece)))
        self.events.append(("piece", start))
        if spoil == "cut":
            connection.sendall(reply(200, piece)[:1000 + len(piece) // 2])
            return connection.unwrap()
        if spoil == "busy":
            return connection.sendall(reply(503, {"v": 1, "error": "busy", "say": "Later."}))
        connection.sendall(reply(200, piece))

    def said(self):
        return self.requests[-1].get("device", {}) if self.requests else {}


def setting(name, value):
    digest = hashlib.sha256(f"{name}\0{value}".encode()).digest()
    with sqlite3.connect(work / "terminal.db") as db:
        db.execute("INSERT INTO settings(name, value, digest) VALUES(?, ?, ?) ON CONFLICT(name) DO UPDATE SET "
                   "value = excluded.value, digest = excluded.digest", (name, value, digest))


def write_device(**changed):
    (work / "device").write_text("".join(f"{k}={v}\n" for k, v in {**DEVICE, **changed}.items()))


def until(condition, seconds=8):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def vafa_sync(command, *args, **kw):
    return [str(BUILD / "vafa-sync"), command, "--db", str(work / "terminal.db"), "--identity", str(work / "identity"),
            "--club", f"localhost:{club.port}", "--timeout", "5", *map(str, args)]


def start(rate=1 << 30):
    return subprocess.Popen(vafa_sync("run", "--interval", 1, "--device", work / "device", "--updates", updates, "--log",
                                      work / "log", "--update-rate", rate), stderr=subprocess.PIPE, text=True)


@contextmanager
def running(rate=1 << 30):
    daemon = start(rate)
    try:
        yield daemon
    finally:
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        daemon.stderr.close()


def contact(daemon):
    """Wakes it up, if it has begun: before that the signal would end it."""
    if club.events:
        daemon.send_signal(signal.SIGUSR1)
    time.sleep(0.05)
    return True


def feed(count):
    subprocess.run([str(BUILD / "journal-feed"), "--db", str(work / "terminal.db"), "--count", str(count), "--seed", "7"],
                   check=True)


def names():
    return sorted(p.name for p in updates.iterdir())


def whole(version=8):
    path = updates / f"{version}.raucb"
    return path.exists() and path.read_bytes() == club.bundle


def anew():
    """Nothing is wanted, and nothing lies there."""
    club.clear()
    write_device()
    subprocess.run(vafa_sync("once", "--updates", updates), check=True, capture_output=True)
    club.events.clear()


# --- the tests -------------------------------------------------------------------------------------

def a_plain_linux_says_nothing_of_a_device():
    subprocess.run(vafa_sync("once"), check=True)
    check("a plain Linux says nothing of a device, and the terminal's time", "device" not in club.requests[-1] and
          abs(club.requests[-1]["health"]["now"] - time.time()) < 5, club.requests[-1])


def kills_and_cuts_cost_little():
    """kill -9 after some pieces, the line cut within others, the club busy for one: it comes all the same."""
    anew()
    club.offers(random.Random(6).randbytes(3 * 1024 * 1024 + 12345))
    club.spoil = {3: "cut", 6: "busy", 11: "cut"}
    kills = 0
    for after in (2, 5, 8, 9):
        daemon = start()
        kills += until(lambda: len(club.given) > after or whole())
        daemon.kill()
        daemon.wait()
        daemon.stderr.close()
    with running() as daemon:
        done = until(whole)
        until(lambda: club.said().get("update") == "waiting 8", 5)
    given = sum(size for _, _, size in club.given)
    spare = given - len(club.bundle)
    check("a bundle comes whole over four kills, two cuts and a busy club", done and kills == 4, (names(), len(club.given)))
    check("and no more of it twice than a stretch and a piece for each", spare <= (kills + 3) * (STRETCH + PIECE), spare)
    check("the device says that it waits", club.said() == {**{k: v for k, v in DEVICE.items() if k not in ("clock", "data_free")},
          "good": True, "free": 12345678, "update": "waiting 8", "have": len(club.bundle), "consent": False}, club.said())
    check("its offer lies beside it, for who installs it", "from_hour=2\nto_hour=5\n" in (updates / "offer").read_text() and
          names() == ["8.raucb", "offer"], names())
    note(f"{len(club.given)} pieces, {spare >> 10} KiB twice")


def the_rate_is_a_bound_and_entries_come_first():
    """At each piece no more has come since the first than the rate allows. Entries that are made meanwhile wait for one
    piece at most."""
    anew()
    rate = 65536
    club.offers(random.Random(7).randbytes(1 << 20))
    with running(rate):
        until(lambda: len(club.given) >= 2)
        feed(3)
        at = len(club.events)
        first = lambda: next((n for n, e in enumerate(club.events[at:]) if e[0] == "sync" and e[1] > 0), None)
        came = until(lambda: first() is not None, 5)
        pieces_before = sum(e[0] == "piece" for e in club.events[at:][:first()])
        until(lambda: len(club.given) >= 5)
    began = club.given[0][0]
    over = [sum(s for _, _, s in club.given[:n]) - rate * (t - began) for n, (t, _, _) in enumerate(club.given)]
    check("at no moment more has come than the rate allows", max(over) <= 0, [round(o) for o in over])
    check("and not much less", min(over[1:5]) > -rate, [round(o) for o in over])
    check("entries that are made meanwhile go before the next piece but one", came and pieces_before <= 1, club.events[at:])


def an_offer_that_goes_is_dropped_and_one_that_changes_begins_anew():
    anew()
    club.offers(random.Random(8).randbytes(300000), version=9)
    with running(PIECE):
        until(lambda: len(club.given) >= 1)
        other = "part" in names()
        club.offers(club.bundle[::-1], version=9)  # the same version, other bytes
        changed = until(lambda: whole(9))
        club.offer = None
        gone = until(lambda: names() == [] and club.said().get("update") == "none")
    check("an offer that changes begins anew", other and changed, (other, changed))
    check("one that is withdrawn is dropped", gone, (names(), club.said()))


def a_wrong_file_is_deleted_and_said():
    for name, bundle, changed, word in (
            ("a wrong sum", bytes(300000), {"sha256": "00" * 32}, "SHA-256"),
            ("a file that is longer than said", bytes(300000), {"bytes": 299999}, "longer"),
            ("a file that is shorter than said", bytes(300000), {"bytes": 300001}, "shorter"),
            ("another board's", bytes(300000), {"board": "qemu-virt-arm64"}, "another board"),
            ("an older version", bytes(300000), {"version": 7}, "only go up")):
        anew()
        club.offers(bundle, **changed)
        with running() as daemon:
            told = until(lambda: contact(daemon) and club.said().get("update", "").startswith(f"refused {club.offer['version']}: "))
            before, contacts = len(club.given), len(club.requests)
            until(lambda: contact(daemon) and len(club.requests) > contacts + 2)
            daemon.terminate()
            said = daemon.stderr.read()
        check(f"{name} is deleted and said, and not fetched again at once", told and word in club.said()["update"] and word in said
              and names() == [] and len(club.given) == before, (club.said(), said, names(), before, len(club.given)))


def no_log_leaves_without_consent():
    anew()
    now = int(time.time())
    card, phone = "9364000001000018", "09123456789"
    key = (work / "identity/key.pem").read_text().splitlines()[1]
    (work / "log").write_text(f"[   1.000] terminal: card=*0018 held\n[   2.000] reader: {card} by {phone}, {key}\n"
                              "[   3.000] sync: no answer\n")
    (work / "log.old").write_text("[   0.100] device: slot a, version 7\n")
    club.logs_wanted = 3
    for name, consent in (("nobody said yes", ""), ("its hours are over", f"{now - 7200} {now - 3600} 4"),
                          ("the clock was set back", f"{now + 3600} {now + 7200} 4"),
                          ("the hours are no number of hours", f"{now - 60} {now + 10 ** 9} 4"), ("it is no consent", "yes")):
        setting("support", consent)
        subprocess.run(vafa_sync("once", "--device", work / "device", "--log", work / "log"), check=True)
        check(f"no log leaves: {name}", not club.taken and club.said()["consent"] is False, club.taken)
    setting("support", f"{now - 60} {now + 3600} 4")
    (work / "log").rename(work / "closed")
    subprocess.run(vafa_sync("once", "--device", work / "device", "--log", work / "log"), check=True)
    check("nor before the device has opened it", not club.taken, club.taken)
    (work / "closed").rename(work / "log")
    subprocess.run(vafa_sync("once", "--device", work / "device", "--log", work / "log"), check=True, capture_output=True)
    number, text = club.taken[0] if club.taken else (0, "")
    check("the log that was asked for comes while support is on", number == 3 and club.said()["consent"] is True and
          all(w in text for w in ("[   0.100] device: slot a, version 7\n[   1.000]", "sync: no answer", "board=sim", "entries=")), text)
    check("without numbers of cards, of people and keys", not any(w in text for w in (card, phone, "0018", key[:16], key[16:32], key[-16:])), text)
    club.logs_wanted = 4
    rng = random.Random(9)  # a log that packs badly: the newest lines still come
    line = lambda n: f"[{n:8}.000] " + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz.,:;!?()", k=220)) + "\n"
    (work / "log").write_text("".join(line(n) for n in range(2000)) + "the last line\n")
    subprocess.run(vafa_sync("once", "--device", work / "device", "--log", work / "log"), check=True, capture_output=True)
    check("a log that is too large is cut at its beginning", len(club.taken) == 2 and "the last line" in club.taken[1][1] and
          len(club.taken[1][1]) < 500000, [len(t) for _, t in club.taken])


def a_log_that_is_not_taken_comes_again():
    anew()
    now = int(time.time())
    setting("support", f"{now - 60} {now + 3600} 4")
    (work / "log").write_text("[   1.000] sync: no answer\n")
    later = {"v": 1, "error": "club", "say": "Later."}
    club.log_answers = [reply(503, later), reply(500, later), reply(429, later, "Retry-After: 2")]
    club.logs_wanted = 3
    logs = lambda: [at for what, at in club.events if what == "log"]
    contacts = lambda count: until(lambda at=len(club.requests): contact(daemon) and len(club.requests) >= at + count)
    with running() as daemon:
        came = until(lambda: contact(daemon) and club.taken)
        at = logs()
        check("a log that is not taken comes again", came and len(at) == 4 and [n for n, _ in club.taken] == [3], (at, club.taken))
        check("and not before the club wants it", len(at) == 4 and at[2] - at[0] < 1.9 <= at[3] - at[2], at)
        contacts(2)
        club.logs_wanted = 3  # after a backup was put back
        check("a restored club that gives the number again gets it again", until(lambda: contact(daemon) and len(club.taken) == 2), club.taken)
        contacts(2)
        club.log_answers = [reply(404, {"v": 1, "error": "logs", "say": "No."})]
        club.logs_wanted = 4
        contacts(4)
        check("one that the club will not have comes once", club.log_answers == [] and len(logs()) == 6 and len(club.taken) == 2, (logs(), club.taken))


def the_clubs_own_bundle_comes():
    """The real club, over a line that is cut within TLS records."""
    with Shop(BUILD) as shop:
        shop.start_club()
        shop.enrol()
        said = lambda: json.loads(shop.club("fleet", "--json").stdout)["terminals"][0]
        bundle = write_bundle(shop.dir, "sim", 8, 1 << 20)
        (shop.dir / "device").write_text((work / "device").read_text())
        (shop.dir / "updates").mkdir()
        shop.run("vafa-sync", "once", "--db", shop.path("terminal.db"), "--identity", shop.path("identity"), "--device", shop.path("device"))
        shop.club("update", "add", bundle, "--board", "sim", "--version", "8")
        shop.club("update", "start", "8", "--board", "sim")
        proxy = Proxy(shop.port)
        proxy.cut("down", 400_000)
        shop.start("sync", "vafa-sync", "run", "--db", shop.path("terminal.db"), "--identity", shop.path("identity"), "--club",
                   f"localhost:{proxy.port}", "--interval", "1", "--device", shop.path("device"), "--updates", shop.path("updates"),
                   "--update-rate", str(1 << 30))
        came = shop.dir / "updates/8.raucb"
        until(lambda: proxy.passed["down"] >= 400_000)
        proxy.clear()
        check("the club's own bundle comes over a cut", until(came.exists) and came.read_bytes() == bundle.read_bytes(), shop.log("sync"))
        check("the club sees it wait", until(lambda: said()["update"] == "waiting 8", 3), said())
        shop.club("update", "stop", "--board", "sim")
        check("and it goes when the rollout is stopped", until(lambda: not any((shop.dir / "updates").iterdir())), shop.log("sync"))
        shop.stop("sync")


try:
    updates.mkdir()
    authority = Authority("club", work)
    club = Club(authority, authority.server_files("server"))
    subprocess.run([*vafa_sync("enrol"), "--ca", str(authority.path), "--code", "ABCD-EFGH-JKLM"], check=True, capture_output=True)
    for test in (a_plain_linux_says_nothing_of_a_device, kills_and_cuts_cost_little, the_rate_is_a_bound_and_entries_come_first,
                 an_offer_that_goes_is_dropped_and_one_that_changes_begins_anew, a_wrong_file_is_deleted_and_said,
                 no_log_leaves_without_consent, a_log_that_is_not_taken_comes_again, the_clubs_own_bundle_comes):
        test()
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(exit_code())
