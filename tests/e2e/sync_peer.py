#!/usr/bin/env python3
"""sync_peer - vafa-sync against a club that lies, stalls, hangs up and talks nonsense.

tests/support/played_club.py plays the club. TAP on stdout."""
import base64
import gzip
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release")).resolve()
sys.path.insert(0, str(ROOT / "tests/support"))
from played_club import DAY, PROGRAMME, SIGNER, Authority, Peer, Signer, certificate, pem, reply, say  # noqa: E402

work = Path(tempfile.mkdtemp(prefix="vafa-sync-peer."))
failed = 0


# --- the terminal ----------------------------------------------------------------------------------

def sync(command, peer, *args, db=None, identity=None, host="localhost", timeout=30, env=None, prefix=()):
    return subprocess.run([*prefix, str(BUILD / "vafa-sync"), command, "--db", str(db or work / "terminal.db"),
                           "--identity", str(identity or work / "identity"), "--club", f"{host}:{peer.port}",
                           "--timeout", "2", *map(str, args)],
                          capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})})


def enrol(peer, *args, ca=None, **kw):
    return sync("enrol", peer, "--ca", ca or peer.authority.path, "--code", "ABCD-EFGH-JKLM", *args, **kw)


def feed(count):
    subprocess.run([str(BUILD / "journal-feed"), "--db", str(work / "terminal.db"), "--count", str(count), "--seed", "7"],
                   check=True)


def query(sql, *args):
    with sqlite3.connect(work / "terminal.db") as db:
        return db.execute(sql, args).fetchall()


def setting(key):
    rows = query("SELECT value FROM settings WHERE name = ?", key)
    return rows[0][0] if rows else None


def state():
    """All that a refused answer must leave alone: everything but the notes about the sync itself."""
    return (query("SELECT acknowledged FROM sync"), query("SELECT seq, bytes FROM journal"),
            query("SELECT version, text FROM programme"),
            query("SELECT name, value FROM settings WHERE name NOT LIKE 'sync.%' ORDER BY name"))


def acknowledged():
    return query("SELECT acknowledged FROM sync")[0][0]


def journal():
    return [base64.b64encode(row[0]).decode() for row in query("SELECT bytes FROM journal ORDER BY seq")]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def ended(done, code, *words):
    expect(done.returncode == code and all(w in done.stderr for w in words) and len(done.stderr.splitlines()) <= 2,
           f"exit {done.returncode} instead of {code}, said: {done.stderr!r}, wanted {words}")


def run_all(tests):
    global failed
    for test in tests:
        title = test.__name__
        try:
            skipped = test()
            print(f"ok {title}" + (f" # SKIP {skipped}" if skipped else ""), flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, sqlite3.Error) as error:
            failed += 1
            print(f"not ok {title}\n  {type(error).__name__}: {error}", flush=True)


# --- tests: enrolment ------------------------------------------------------------------------------

def a_wrong_code_needs_a_person_and_stores_nothing_but_the_key():
    done = sync("enrol", club, "--ca", authority.path, "--code", "XXXX")
    ended(done, 3, "403 (code)", "This code is not known.")
    expect(setting("terminal") is None and not (work / "identity/terminal.pem").exists(), "something was stored")


def a_refused_code_is_asked_about_again_rarely():
    """A club counts the codes that it refuses, of all terminals together."""
    club.asked = 0
    words = [str(BUILD / "vafa-sync"), "enrol", "--db", work / "r.db", "--identity", work / "r", "--club", f"localhost:{club.port}", "--ca",
             authority.path, "--code", "XXXX", "--wait"]
    ended(subprocess.run([*words, "900"], capture_output=True, text=True, timeout=30), 3, "403 (code)")
    process = subprocess.Popen([*words, "604800"], stderr=subprocess.PIPE, text=True)
    try:
        said = [process.stderr.readline() for _ in range(2)]
        expect("403 (code)" in said[0] and "docs/flash.md" in said[1], said)
        time.sleep(2)
        expect(process.poll() is None and club.asked == 2, f"it asked {club.asked} times, or ended with {process.poll()}")
        process.send_signal(signal.SIGUSR1)
        for _ in range(200):
            if club.asked < 3:
                time.sleep(0.1)
        expect(club.asked == 3, "woken it did not ask")
    finally:
        process.terminate()
    expect(process.wait(20) == 3 and process.stderr.read() == "", "it said the same again")


def an_approval_is_waited_for_and_the_same_question_may_be_asked_again():
    key, request = ((work / "identity" / f).read_text() for f in ("key.pem", "request.pem"))
    club.asked, club.approve_after = 0, 2
    ended(enrol(club), 1, "not approved")
    ended(enrol(club, "--wait", 15), 0, "Enrolled.")
    expect(club.asked >= 3, "it did not wait")
    ended(enrol(club), 0, "Enrolled.")
    expect((work / "identity/key.pem").read_text() == key, "the key changed")
    expect((work / "identity/request.pem").read_text() == request, "the request changed")


def the_answer_is_in_the_settings_and_the_key_is_for_nobody_else():
    for key, value in {"terminal": "17", "merchant": "رفاه", "branch": "تجریش", "cards.first": "603799000000001",
                       "cards.last": "603799000009999", "club": f"localhost:{club.port}"}.items():
        expect(setting(key) == value, f"{key} is {setting(key)}")
    for path in [work / "identity", *(work / "identity").iterdir()]:
        expect(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} is open to others")
    expect(len(list((work / "identity").iterdir())) == 4, "other files lie there")


def a_database_never_becomes_another_terminals():
    club.terminal = 18
    before = {p.name: p.read_text() for p in (work / "identity").iterdir()}
    ended(enrol(club), 3, "its database is terminal 17's")
    club.terminal = 17
    expect({p.name: p.read_text() for p in (work / "identity").iterdir()} == before, "the identity changed")


def a_certificate_for_another_key_is_refused():
    other = Authority("club2", work)
    peer = Peer(other, other.server_files("server2"))
    peer.enrol = lambda body: reply(200, {
        "v": 1, "state": "approved", "terminal": 17, "merchant": "", "branch": "", "certificate": pem(certificate(
            "17", ec.generate_private_key(ec.SECP256R1()).public_key(), "club2", other.key)),
        "ca": other.path.read_text(), "programme_key": SIGNER.pem, "cards": {"first": 1, "last": 2}})
    ended(enrol(peer, db=work / "x.db", identity=work / "x"), 3, "for another key")
    expect(not (work / "x/terminal.pem").exists(), "it was stored")
    peer.close()


def without_enrolment_there_is_no_sync():
    sqlite_path = work / "x.db"
    ended(sync("once", club, db=sqlite_path), 3, "not enrolled")
    ended(sync("once", club, db=work / "none.db"), 1)


# --- tests: the batches ----------------------------------------------------------------------------

def a_catch_up_sends_everything_in_batches_over_one_line():
    ended(sync("once", club), 0)  # brings the programme
    expect(query("SELECT version FROM programme") == [(1,)], "no programme")
    feed(100)
    connections = club.connections
    ended(sync("once", club, "--batch", 30), 0)
    expect(club.entries == journal() and len(club.entries) == 200, "the club has something else")
    expect(acknowledged() == 200 and club.connections == connections + 1, f"{club.connections - connections} lines")
    expect(setting("sync.say") == "" and abs(int(setting("sync.last_ok")) - time.time()) < 20, "notes")
    expect(98 <= int(setting("club.time_offset")) <= 102, "the club's time")


def what_the_club_acknowledges_is_the_truth_also_when_it_is_lower():
    del club.entries[77:]
    ended(sync("once", club), 0)
    expect(club.entries == journal() and acknowledged() == 200, "not sent again")
    feed(1)
    del club.entries[:]
    ended(sync("once", club, "--batch", 7), 0)
    expect(club.entries == journal(), "not sent again")


def lower_in_a_200_is_taken_as_well():
    club.script = [say(lambda p, r: reply(200, {"v": 1, "acknowledged": 5, "time": int(time.time())}))]
    del club.entries[5:]
    ended(sync("once", club), 0)
    expect(club.entries == journal() and club.requests[-1]["after"] == 5, "not sent from there")


def more_than_the_journal_holds_is_never_believed():
    feed(1)
    for status in (200, 409):
        before = state()
        club.script = [say(reply(status, {"v": 1, "error": "behind", "say": "", "acknowledged": 9999, "time": 1}))]
        ended(sync("once", club), 3, "old copy")
        expect(state() == before, "something changed")
    ended(sync("once", club), 0)


def a_club_that_takes_nothing_in_is_given_up():
    feed(3)
    stuck = say(lambda p, r: reply(200, {"v": 1, "acknowledged": len(p.entries), "time": int(time.time())}))
    club.script = [stuck] * 100
    ended(sync("once", club), 1, "does not take the entries in")
    expect(len(club.script) > 80, "too often")
    club.script = []
    ended(sync("once", club), 0)


def a_programme_that_does_not_load_leaves_the_old_one():
    before = query("SELECT version, text FROM programme")
    bad = json.loads(PROGRAMME)
    bad["version"], bad["rules"][0]["explode"] = 2, True
    newer = PROGRAMME.replace('"version": 1', '"version": 2')
    other = json.loads(newer)
    other["groups"] = [{"id": "staff", "number": 1}]
    head, body, tail = SIGNER.jws(newer).split(".")
    for text, word in (("{", "not signed"), (newer, "not signed"), (SIGNER.jws("{"), "line 1"),
                       (SIGNER.jws(json.dumps(bad)), "explode"), (SIGNER.jws(PROGRAMME + " "), "not newer than 1"),
                       (Signer().jws(newer), "only key"), (SIGNER.jws(newer, typ="vafa-action"), "typ"),
                       (SIGNER.jws(newer, alg="none"), "alg"), (SIGNER.jws(newer, crit=["x"]), "crit"),
                       (f"{head}.{body}.{tail[:-4]}AAAA", "does not fit"), (f"{head}.{body[:len(body) // 8 * 4]}.{tail}", "does not fit"),
                       (f"{head}.{body}.", "not a signed"), (f"{head}.{body[:-3]}*.{tail}", "damaged")):
        club.programme = {"version": 2, "text": text}
        ended(sync("once", club), 0)
        expect(word in (setting("programme.refused") or ""), f"{word}: refused: {setting('programme.refused')}")
        expect(query("SELECT version, text FROM programme") == before, "it was taken")
    club.programme = {"version": 2, "text": SIGNER.jws(json.dumps(other))}
    ended(sync("once", club), 0)
    expect(setting("programme.refused") == "" and query("SELECT version FROM programme") == [(2,)], "not taken")
    other["version"], other["groups"][0]["id"] = 3, "family"
    club.programme = {"version": 3, "text": SIGNER.jws(json.dumps(other))}
    ended(sync("once", club), 0)
    expect("was \"staff\"" in setting("programme.refused"), setting("programme.refused"))
    expect(query("SELECT version FROM programme") == [(2,)], "a number changed its meaning")
    asked = len(club.requests)
    ended(sync("once", club), 0)
    told = [request["have"].get("refused", 0) for request in club.requests[asked:]]
    expect(told == [0, 3], f"asked with {told}: offered once, then not again, so that links and list come")
    club.programme = None


def links_come_in_pieces_and_a_restored_club_begins_anew():
    def made(count, card):
        return [base64.b64encode(bytes([2]) + os.urandom(16) + card.to_bytes(8, "little")).decode() for _ in range(count)]

    def held():
        return {base64.b64encode(m + c.to_bytes(8, "little")).decode()
                for m, c in query("SELECT medium, card_number FROM club_links")}

    def mark(link):
        return base64.b64decode(link)[1:9].hex()

    card, other = 6362140000000011, 9364000000000001
    club.links = made(250, card)
    asked = len(club.requests)
    ended(sync("once", club), 0)
    expect(held() == set(club.links), f"{len(held())} links")
    expect(len(club.requests) - asked == 3, f"{len(club.requests) - asked} round trips for 100, 100 and 50")
    expect(setting("links.have") == f"250 {mark(club.links[-1])}", setting("links.have"))
    club.links += made(1, other)
    asked = len(club.requests)
    ended(sync("once", club), 0)
    expect(held() == set(club.links) and len(club.requests) - asked == 1, "one more")
    club.links = club.links[:40] + made(5, other)  # restored, and counted on otherwise
    moved = base64.b64decode(club.links[7])[:17] + other.to_bytes(8, "little")
    club.links[7] = base64.b64encode(moved).decode()
    ended(sync("once", club), 0)
    expect(set(club.links) <= held() and len(held()) == 256, "the restored club's links")
    expect(setting("links.have") == f"45 {mark(club.links[-1])}", setting("links.have"))
    plain = {"v": 1, "acknowledged": len(club.entries), "time": int(time.time())}
    for links in ({"from": 7, "list": made(1, card)}, {"from": 45, "list": made(101, card)}, {"from": 45, "list": ["AAAA"]},
                  {"from": 45, "list": made(1, card + 1)}, {"from": 45}):
        before, rows = state(), held()
        club.script = [say(reply(200, {**plain, "links": links}))]
        ended(sync("once", club), 1, "makes no sense")
        expect(state() == before and held() == rows, f"{str(links)[:60]} changed something")
    club.links = []
    ended(sync("once", club), 0)
    expect(setting("links.have") == "0", setting("links.have"))
    with sqlite3.connect(work / "terminal.db") as db:  # what somebody else wrote is asked for anew, or stops
        db.execute("DELETE FROM settings WHERE name = 'links.have'")
    ended(sync("once", club), 0)


def each_status_says_who_must_act():
    feed(1)
    for status, error, code in ((401, "certificate", 3), (403, "revoked", 3), (400, "request", 3), (413, "size", 3),
                                (429, "busy", 1), (503, "busy", 1), (500, "x", 1), (302, "x", 1), (404, "x", 1),
                                (409, "chain", 3), (409, "other", 1)):
        before = state()
        club.script = [say(reply(status, {"v": 1, "error": error, "acknowledged": 1, "say": "Ask Ali."}))]
        ended(sync("once", club), code, f"{status} ({error})", "Ask Ali.")
        expect("Ask Ali." in setting("sync.say"), "no note")
        expect(state() == before, f"{status} changed something")
    club.script = [say(reply(502, b"<html>Bad gateway</html>"))]
    ended(sync("once", club), 1, "502")
    ended(sync("once", club), 0)
    expect(setting("sync.say") == "", "the note stays")


# --- tests: the line -------------------------------------------------------------------------------

def nonsense_changes_nothing():
    feed(1)
    plain = {"v": 1, "acknowledged": 1, "time": 5}
    bodies = [b"", b"{}", b"[]", b"\x00", b"{\"v\":1}", json.dumps({**plain, "v": 2}).encode(),
              json.dumps({**plain, "acknowledged": "1"}).encode(), json.dumps({**plain, "time": None}).encode(),
              json.dumps({**plain, "programme": {"version": 1}}).encode(), b'{"v":1,"acknowledged":1,"acknowledged":2,"time":5}',
              json.dumps(plain).encode() + b"x"]
    answers = [reply(200, b) for b in bodies]
    answers += [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"\x00" * 3000,
                b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000, (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000),
                reply(200, b"", "Content-Length: 0"), reply(200, plain, "Transfer-Encoding: chunked"),
                b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", reply(200, b"not gzip", encoding="gzip"),
                reply(200, gzip.compress(b" " * (1 << 24)), encoding="gzip"), reply(200, plain, encoding="br"),
                reply(200, gzip.compress(json.dumps(plain).encode())[:-1], encoding="gzip")]
    before = state()
    for i, answer in enumerate(answers):
        club.script = [say(answer, "close")]
        done = sync("once", club)
        ended(done, 1)
        expect(state() == before, f"answer {i} changed something: {answer[:80]!r}")
    print(f"# {len(answers)} nonsense answers")
    ended(sync("once", club), 0)
    expect(club.entries == journal(), "entries")


def a_doubled_answer_is_never_taken_for_the_next_one():
    feed(1)
    before = state()
    club.script = [say(lambda p, r: p.honest(r) * 2)]
    ended(sync("once", club), 1, "more than one answer")
    expect(state() == before, "something changed")

    def twice(peer, connection, request):  # the second in a record of its own
        answer = peer.honest(request)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # both arrive at once
        connection.sendall(answer)
        connection.sendall(answer)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    feed(3)
    club.script = [twice] * 20
    asked = len(club.requests)
    ended(sync("once", club, "--batch", 1), 0)
    club.script = []
    after = [r["after"] for r in club.requests[asked:]]
    expect(after == sorted(set(after)) and club.entries == journal(), f"asked after {after}")


def gzip_and_chunks_are_understood():
    def chunked(peer, request):
        body = gzip.compress(peer.honest(request).partition(b"\r\n\r\n")[2])
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
        return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunks + b"0\r\n\r\n")
    feed(5)
    club.script = [say(chunked)] * 10
    ended(sync("once", club, "--batch", 1), 0)
    expect(club.entries == journal(), "entries")
    club.script = []


def a_kept_line_that_died_is_opened_again():
    feed(3)
    club.script = [say(lambda p, r: p.honest(r), "close")] * 6
    ended(sync("once", club, "--batch", 1), 0)
    expect(club.entries == journal(), "entries")
    club.script = []


def silence_and_drips_end_in_time():
    feed(1)
    before = state()

    def drip(peer, connection, request):
        for byte in peer.honest(request):
            connection.sendall(bytes([byte]))
            time.sleep(0.5)

    def hold(peer, connection, request):
        time.sleep(15)

    for act in (drip, hold):
        entries = list(club.entries)
        club.script = [act]
        start = time.monotonic()
        ended(sync("once", club), 1, "did not answer in time")
        expect(2 <= time.monotonic() - start < 8, f"{act.__name__}: {time.monotonic() - start:.1f} s")
        expect(state() == before, "something changed")
        club.entries = entries
    ended(sync("once", club), 0)


def a_server_that_says_nothing_before_tls_ends_in_time():
    class Deaf:
        pass
    deaf = Deaf()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        deaf.port = listener.getsockname()[1]
        start = time.monotonic()
        ended(sync("once", deaf), 1, "did not answer in time")
        expect(time.monotonic() - start < 8, "too long")
    ended(sync("once", deaf), 1, "No line to the club")


def plain_text_instead_of_tls_is_refused():
    class Plain:
        pass
    plain = Plain()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain.port = listener.getsockname()[1]

        def talk():
            connection, _ = listener.accept()
            connection.sendall(reply(400, b"HTTP here"))
            connection.recv(1000)
            connection.close()
        threading.Thread(target=talk, daemon=True).start()
        ended(sync("once", plain), 1)


# --- tests: certificates ---------------------------------------------------------------------------

def another_ca_or_name_is_not_our_club():
    before = state()
    stranger = Authority("stranger", work)
    for files, words, host in (
            (stranger.server_files("stranger-server"), "not our club", "localhost"),
            (authority.server_files("other-name", sans=[x509.DNSName("other.example")]), "another name", "localhost"),
            (authority.server_files("no-ip", sans=[x509.DNSName("localhost")]), "another name", "127.0.0.1"),
            (authority.server_files("old", start=-10 * DAY, end=-5 * DAY), "is the clock right", "localhost"),
            (authority.server_files("young", start=5 * DAY), "is the clock right", "localhost")):
        peer = Peer(authority, files)
        ended(sync("once", peer, host=host), 3, words)
        peer.close()
    expect(state() == before, "something changed")
    ended(sync("once", club, host="127.0.0.1"), 0)  # by address, which the certificate names too


def a_clock_that_was_never_set_does_not_lock_the_terminal_out():
    fake = ("faketime", "-m", "2000-01-01 00:00:00")
    if os.environ.get("PROFILE") == "sanitize":
        return "faketime and the sanitizers do not go together"
    feed(1)
    ended(sync("once", club, prefix=fake), 0)
    expect(club.entries == journal(), "entries")
    expect(setting("club.time_offset") == "0", f"offset {setting('club.time_offset')}: it will not hold once the clock is set")
    ended(sync("once", club, prefix=("faketime", "-m", "2060-01-01 00:00:00")), 3, "is the clock right")
    stranger = Authority("stranger2", work)
    peer = Peer(authority, stranger.server_files("stranger2-server"))
    ended(sync("once", peer, prefix=fake), 3, "not our club")
    ended(sync("once", club, prefix=fake), 0)
    ended(sync("once", peer), 3, "not our club")  # the clock was set meanwhile, and nobody was heard since
    expect(not setting("certificate.say"), f"a certificate of years is said to be over: {setting('certificate.say')}")
    peer.close()


def what_the_clubs_clock_says_is_left_for_the_device():
    claim, deaf = work / "clock", work / "no-folder/clock"
    words = lambda: dict(line.split("=") for line in claim.read_text().splitlines())
    before_ms = time.monotonic_ns() // 10 ** 6
    ended(sync("once", club, "--clock", claim), 0)
    said = {name: int(value) for name, value in words().items()}
    expect(set(said) == {"club_s", "at_ms"} and 98 <= said["club_s"] - time.time() <= 101, said)
    expect(before_ms <= said["at_ms"] <= time.monotonic_ns() // 10 ** 6, (before_ms, said))
    expect(not (work / "clock.new").exists(), "half of it stays")
    ended(sync("once", club, "--clock", deaf), 0, "cannot be told")
    if os.environ.get("PROFILE") == "sanitize":
        return "the rest is faketime's, which does not go with the sanitizers"
    # An hour off: the contact behind the one that said so comes at once, when the device has set its clock.
    contacts = len(club.requests)
    daemon = subprocess.Popen(["faketime", "-f", "-1h", str(BUILD / "vafa-sync"), "run", "--db", str(work / "terminal.db"), "--identity",
                               str(work / "identity"), "--club", f"localhost:{club.port}", "--clock", str(claim)], start_new_session=True)
    try:
        end = time.monotonic() + 15
        while len(club.requests) < contacts + 2 and time.monotonic() < end:
            time.sleep(0.05)
        expect(len(club.requests) == contacts + 2, "no contact soon after")
        time.sleep(5)
        expect(len(club.requests) == contacts + 2, "the device did not set its clock, and it asks again and again")
    finally:
        os.killpg(daemon.pid, signal.SIGTERM)  # faketime does not pass it on
        daemon.wait(10)


def old_tls_is_refused():
    peer = Peer(authority, authority.server_files("old-tls"))
    peer.context.set_ciphers("ALL:@SECLEVEL=0")
    peer.context.minimum_version = ssl.TLSVersion.TLSv1
    peer.context.maximum_version = ssl.TLSVersion.TLSv1_1
    done = sync("once", peer)
    expect(done.returncode != 0, "it was accepted")
    peer.close()


# --- tests: the daemon -----------------------------------------------------------------------------

def the_daemon_wakes_at_once_and_ends_at_once():
    daemon = subprocess.Popen([str(BUILD / "vafa-sync"), "run", "--db", str(work / "terminal.db"), "--identity",
                               str(work / "identity"), "--interval", "3600"], stderr=subprocess.PIPE, text=True)
    try:
        before = len(club.requests)
        wait_for(lambda: len(club.requests) > before and acknowledged() == len(journal()), "the first contact")
        feed(2)
        for _ in range(3):
            daemon.send_signal(signal.SIGUSR1)
        wait_for(lambda: acknowledged() == len(journal()), "the contact after SIGUSR1")
        club.script = [lambda peer, connection, request: time.sleep(15)]
        daemon.send_signal(signal.SIGUSR1)
        wait_for(lambda: not club.script, "the request that gets no answer")
        start = time.monotonic()
        daemon.terminate()
        expect(daemon.wait(10) == 0 and time.monotonic() - start < 2, "it did not end at once")
        expect(daemon.stderr.read() == "", "it said something")
        expect(setting("sync.say") == "", "stopping is no trouble")
    finally:
        daemon.kill()
        daemon.wait()


def the_daemon_says_trouble_and_comes_back_by_itself():
    feed(1)
    club.script = [say(reply(503, {"v": 1, "error": "busy", "say": "Later."}, "Retry-After: 1"))]
    daemon = subprocess.Popen([str(BUILD / "vafa-sync"), "run", "--db", str(work / "terminal.db"), "--identity",
                               str(work / "identity"), "--interval", "3600"], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: acknowledged() == len(journal()), "the second try", 20)
        daemon.terminate()
        expect(daemon.wait(10) == 0, "exit")
        said = daemon.stderr.read()
        expect("Later." in said and "again" in said, said)
    finally:
        daemon.kill()
        daemon.wait()


def wait_for(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, f"{what} did not come")
        time.sleep(0.02)


def no_secret_was_said():
    key = (work / "identity/key.pem").read_text().splitlines()[1]
    expect(key not in json.dumps(club.requests), "the key left")


try:
    authority = Authority("club", work)
    club = Peer(authority, authority.server_files("server"))
    run_all([
        a_wrong_code_needs_a_person_and_stores_nothing_but_the_key, a_refused_code_is_asked_about_again_rarely,
        an_approval_is_waited_for_and_the_same_question_may_be_asked_again,
        the_answer_is_in_the_settings_and_the_key_is_for_nobody_else, a_database_never_becomes_another_terminals,
        a_certificate_for_another_key_is_refused, without_enrolment_there_is_no_sync,
        a_catch_up_sends_everything_in_batches_over_one_line,
        what_the_club_acknowledges_is_the_truth_also_when_it_is_lower, lower_in_a_200_is_taken_as_well,
        more_than_the_journal_holds_is_never_believed, a_club_that_takes_nothing_in_is_given_up,
        a_programme_that_does_not_load_leaves_the_old_one,
        links_come_in_pieces_and_a_restored_club_begins_anew, each_status_says_who_must_act, nonsense_changes_nothing,
        a_doubled_answer_is_never_taken_for_the_next_one, gzip_and_chunks_are_understood,
        a_kept_line_that_died_is_opened_again, silence_and_drips_end_in_time,
        a_server_that_says_nothing_before_tls_ends_in_time, plain_text_instead_of_tls_is_refused,
        another_ca_or_name_is_not_our_club, a_clock_that_was_never_set_does_not_lock_the_terminal_out,
        what_the_clubs_clock_says_is_left_for_the_device, old_tls_is_refused, the_daemon_wakes_at_once_and_ends_at_once,
        the_daemon_says_trouble_and_comes_back_by_itself, no_secret_was_said])
finally:
    shutil.rmtree(work, ignore_errors=True)
sys.exit(failed > 0)
