#!/usr/bin/env python3
"""sync_club - vafa-sync and vafa-club: who may come in, and a line that stalls, drips and repeats itself."""
import base64
import gzip
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from sync_proxy import Proxy  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
SANITIZED = os.environ.get("PROFILE") == "sanitize"  # libfaketime and ASan do not go together
failed = 0


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def new_code():
    return next(w for w in shop.club("code", "--merchant", "Refah", "--branch", "Tajrish").stdout.split() if w.count("-") >= 2)


def sync(command, *args, db="terminal.db", identity="identity", port=None, prefix=(), timeout=60, seconds=10):
    return subprocess.run([*prefix, f"{BUILD}/vafa-sync", command, "--db", shop.path(db), "--identity", shop.path(identity),
                           "--club", f"localhost:{port or shop.port}", "--timeout", str(seconds), *args],
                          capture_output=True, text=True, timeout=timeout)


def enrol(code, **kw):
    return sync("enrol", "--ca", shop.path("club/ca.pem"), "--code", code, **kw)


def ended(done, code, *words):
    expect(done.returncode == code and all(w in done.stderr for w in words),
           f"exit {done.returncode} instead of {code}: {done.stderr!r}")


def feed(count):
    shop.run("journal-feed", "--db", shop.path("terminal.db"), "--count", count, "--cards", 5)


def journal():
    with sqlite3.connect(shop.path("terminal.db")) as db:
        return db.execute("SELECT seq, bytes FROM journal ORDER BY seq").fetchall()


def club(sql):
    with sqlite3.connect(shop.path("club/club.db")) as db:
        return db.execute(sql).fetchall()


def books():
    """All that a repeated batch must leave alone."""
    return [club(sql) for sql in ("SELECT term_seq, raw, fate FROM rec ORDER BY 1", "SELECT * FROM txn ORDER BY 1, 2",
                                  "SELECT * FROM card ORDER BY 1", "SELECT * FROM tcase",
                                  "SELECT purse, acct, sum(amount) FROM jrn GROUP BY 1, 2 ORDER BY 1, 2")]


def in_step():
    entries = journal()
    return club("SELECT term_seq, raw FROM rec WHERE term_id = 1 ORDER BY 1") == entries and \
        club("SELECT count(*) FROM txn WHERE term_id = 1") == [(len(entries) // 2,)] and not club("SELECT * FROM tcase")


def post(body, identity="identity"):
    """A request by hand, with the terminal's own certificate."""
    context = ssl.create_default_context(cafile=shop.path("club/ca.pem"))
    context.load_cert_chain(shop.path(f"{identity}/terminal.pem"), shop.path(f"{identity}/key.pem"))
    packed = gzip.compress(json.dumps(body).encode())
    head = f"POST /v1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: {len(packed)}\r\n\r\n"
    with context.wrap_socket(socket.create_connection(("127.0.0.1", shop.port)), server_hostname="localhost") as line:
        line.sendall(head.encode() + packed)
        data = b""
        while more := line.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def batch(after, entries):
    value = bytes(32)
    for _, raw in journal()[:after]:
        value = hashlib.sha256(value + raw).digest()
    return {"v": 1, "terminal": 1, "after": after, "base": value.hex(), "entries": [base64.b64encode(e).decode() for e in entries],
            "have": {"programme": 1}, "health": {"unsent": 0, "pending": 0, "oldest": 0, "clock": 1, "firmware": "test"}}


# --- who may come in -------------------------------------------------------------------------------

def an_unknown_code_is_refused():
    ended(enrol("AAAA-BBBB-CCCC", db="x.db", identity="x"), 3, "403 (code)")


def a_code_waits_for_approval_and_gives_the_same_answer_again():
    global code
    code = new_code()
    ended(enrol(code), 1, "not approved")
    ended(enrol(code), 1, "not approved")
    shop.club("approve", "all")
    # The certificate is stored last: with it a device enrols no more, so that all else must be there.
    os.mkdir(shop.path("identity/terminal.pem"))
    ended(enrol(code), 1, "terminal.pem")
    with sqlite3.connect(shop.path("terminal.db")) as db:
        expect(db.execute("SELECT value FROM settings WHERE name = 'terminal'").fetchall() == [("1",)], "its number comes after its certificate")
    os.rmdir(shop.path("identity/terminal.pem"))
    ended(enrol(code), 0)
    certificate = Path(shop.path("identity/terminal.pem")).read_text()
    ended(enrol(code), 0)
    expect(Path(shop.path("identity/terminal.pem")).read_text() == certificate, "another certificate")


def a_used_code_is_worth_nothing_to_another_key():
    ended(enrol(code, db="x.db", identity="y"), 3, "403 (code)")
    expect(not os.path.exists(shop.path("y/terminal.pem")), "it got a certificate")


def another_terminals_number_is_refused():
    status, answer = post({**batch(0, []), "terminal": 2})
    expect(status in (401, 403), f"{status} {answer}")


# --- repetition ------------------------------------------------------------------------------------

def the_same_batch_ten_times_counts_once():
    ended(sync("once"), 0)
    feed(20)
    ended(sync("once"), 0)
    expect(in_step(), "not in step")
    before = books()
    raw = [r for _, r in journal()]
    for body in (batch(0, raw), batch(10, raw[10:]), batch(10, raw[10:20]), batch(len(raw), [])):
        answers = {json.dumps({k: v for k, v in post(body)[1].items() if k != "time"}) for _ in range(10)}
        expect(len(answers) == 1 and f'"acknowledged": {len(raw)}' in answers.pop(), f"answers differ: {answers}")
    expect(books() == before, "the books changed")


def an_altered_entry_is_a_case_and_changes_no_balance():
    raw = [bytearray(r) for _, r in journal()]
    raw[4][-1] ^= 1
    before = books()
    status, answer = post(batch(0, raw[:10]))
    expect((status, answer["error"]) == (409, "chain"), f"{status} {answer}")
    after = books()
    expect(before[:3] == after[:3] and before[4] == after[4] and len(after[3]) == 1, "balances changed, or no case")
    with sqlite3.connect(shop.path("club/club.db")) as db:
        db.execute("DELETE FROM tcase")  # so that the tests below see their own


def a_gap_is_answered_behind():
    raw = [r for _, r in journal()]
    status, answer = post({**batch(len(raw), []), "after": len(raw) + 5, "entries": [base64.b64encode(raw[0]).decode()]})
    expect((status, answer["error"], answer["acknowledged"]) == (409, "behind", len(raw)), f"{status} {answer}")


# --- a bad line ------------------------------------------------------------------------------------

def a_line_that_goes_silent_costs_one_time_out():
    proxy = Proxy(shop.port)
    count = 0
    for direction, most in (("up", 1500), ("down", 1100)):
        for position in range(0, most, most // 5):
            feed(1)
            proxy.hold(direction, position)
            start = time.monotonic()
            done = sync("once", port=proxy.port, seconds=1)
            expect(done.returncode in (0, 1) and time.monotonic() - start < 5,
                   f"{direction} {position}: {done.returncode}, {time.monotonic() - start:.1f} s")
            ended(sync("once"), 0)
            count += 1
    proxy.close()
    expect(in_step(), "not in step")
    print(f"# {count} half-open lines")


def a_byte_now_and_then_gets_through_or_ends_in_time():
    proxy = Proxy(shop.port)
    feed(1)
    proxy.drip(0.001)
    ended(sync("once", port=proxy.port, seconds=20), 0)
    feed(1)
    proxy.idle.wait(10)
    proxy.drip(1)  # a byte a second would take 45 minutes
    start = time.monotonic()
    ended(sync("once", port=proxy.port, seconds=3), 1, "did not answer in time")
    expect(time.monotonic() - start < 10, "it held on")
    ended(sync("once"), 0)
    expect(in_step(), "not in step")


def a_club_killed_at_any_moment_has_what_it_acknowledged():
    for wait_ms in range(0, 40, 2):
        feed(3)
        running = subprocess.Popen([f"{BUILD}/vafa-sync", "once", "--db", shop.path("terminal.db"), "--identity",
                                    shop.path("identity"), "--club", f"localhost:{shop.port}", "--batch", "1", "--timeout", "5"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(wait_ms / 1000)
        shop.stop("club", "kill")
        running.wait(20)
        with sqlite3.connect(shop.path("terminal.db")) as db:
            acknowledged = db.execute("SELECT acknowledged FROM sync").fetchone()[0]
        expect(club("SELECT count(*) FROM rec WHERE term_id = 1")[0][0] >= acknowledged, "acknowledged, but lost")
        shop.start_club()
    ended(sync("once"), 0)
    expect(in_step(), "not in step")


def a_terminal_killed_at_any_moment_goes_on():
    for wait_ms in range(0, 30):
        feed(2)
        running = subprocess.Popen([f"{BUILD}/vafa-sync", "once", "--db", shop.path("terminal.db"), "--identity",
                                    shop.path("identity"), "--club", f"localhost:{shop.port}", "--batch", "1"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(wait_ms / 1000)
        running.kill()
        running.wait()
    ended(sync("once"), 0)
    expect(in_step(), "not in step")


def a_club_restored_from_a_backup_is_sent_the_rest_again():
    shop.stop("club")
    shutil.copytree(shop.path("club"), shop.path("backup"))
    shop.start_club()
    feed(30)
    ended(sync("once"), 0)
    before = books()
    shop.stop("club")
    shutil.rmtree(shop.path("club"))
    shutil.copytree(shop.path("backup"), shop.path("club"))
    shop.start_club()
    ended(sync("once", "--batch", "7"), 0)
    expect(in_step(), "not in step")
    pick = lambda b: [[row[:2] for row in b[0]], [(*r[:14], r[15]) for r in b[1]], b[2], b[3], b[4]]  # all but batch numbers
    expect(pick(books()) == pick(before), "the books differ")


# --- the end of a terminal -------------------------------------------------------------------------

def an_expired_certificate_is_refused_and_says_so():
    if SANITIZED:
        return "faketime and the sanitizers do not go together"
    feed(1)
    before = books()
    shop.stop("club")
    keep = {n: Path(shop.path(f"club/{n}")).read_bytes() for n in ("server.key", "server.pem")}
    # Three years on the terminal's certificate has expired; the club makes itself a new one.
    later = ("faketime", "-m", "+3 years")
    shop.processes["club"] = subprocess.Popen(
        [*later, f"{BUILD}/vafa-club", "serve", "--data", shop.path("club"), "--listen",
         f"127.0.0.1:{shop.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", shop.port)).close()
                break
            except OSError:
                time.sleep(0.05)
        done = sync("once", prefix=later)
        ended(done, 3, "403 (ended)")
        expect(books() == before, "the books changed")
        print("# expired:", done.stderr.strip())
    finally:
        group = shop.processes.pop("club")
        os.killpg(group.pid, signal.SIGTERM)  # faketime does not pass it on
        group.wait(10)
        for name, data in keep.items():
            Path(shop.path(f"club/{name}")).write_bytes(data)
        shop.start_club()
    ended(sync("once"), 0)


def a_clock_that_is_set_is_seen_at_once():
    if SANITIZED:
        return "faketime and the sanitizers do not go together"
    seen = lambda: json.loads(shop.club("fleet", "--json").stdout)["terminals"][0]["clock"]
    ended(sync("once"), 0)
    for prefix, word in ((("faketime", "-m", "2000-01-01 00:00:00"), "unset"), ((), "by_hand")):
        ended(sync("once", prefix=prefix), 0)
        expect(seen() == word, f"the club sees {seen()}, not {word}; {shop.club('fleet').stdout}")


def a_revoked_terminal_is_refused_and_keeps_everything():
    feed(1)
    shop.club("revoke", "1")
    entries, before = journal(), books()
    done = sync("once")
    ended(done, 3, "403 (revoked)")
    expect(journal() == entries and books() == before, "something changed")
    print("# revoked:", done.stderr.strip())
    with sqlite3.connect(shop.path("terminal.db")) as db:
        note = db.execute("SELECT value FROM settings WHERE name = 'sync.say'").fetchone()[0]
    expect(note and note in done.stderr, f"the note is {note!r}")


TESTS = [an_unknown_code_is_refused, a_code_waits_for_approval_and_gives_the_same_answer_again,
         a_used_code_is_worth_nothing_to_another_key, another_terminals_number_is_refused,
         the_same_batch_ten_times_counts_once, an_altered_entry_is_a_case_and_changes_no_balance, a_gap_is_answered_behind,
         a_line_that_goes_silent_costs_one_time_out, a_byte_now_and_then_gets_through_or_ends_in_time,
         a_club_killed_at_any_moment_has_what_it_acknowledged, a_terminal_killed_at_any_moment_goes_on,
         a_club_restored_from_a_backup_is_sent_the_rest_again, a_clock_that_is_set_is_seen_at_once, an_expired_certificate_is_refused_and_says_so,
         a_revoked_terminal_is_refused_and_keeps_everything]

with Shop(BUILD) as shop:
    shop.start_club()
    shop.club("programme", shop.programme)
    for test in TESTS:
        try:
            skipped = test()
            print(f"ok {test.__name__}" + (f" # SKIP {skipped}" if skipped else ""), flush=True)
        except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError, sqlite3.Error, KeyError, ValueError) as error:
            failed += 1
            print(f"not ok {test.__name__}\n  {type(error).__name__}: {error}", flush=True)
sys.exit(failed > 0)
