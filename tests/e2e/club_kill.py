#!/usr/bin/env python3
"""club_kill - kill -9 of the club in the middle of uploads, again and again: what it acknowledged is
there, nothing is posted twice, and the books are those of the reference. Prints TAP lines."""
import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD") or sys.exit("run: make check")).resolve()
CLUB = str(BUILD / "vafa-club")
TERMINALS, TRANSACTIONS, PER_BATCH, KILLS = 2, 3000, 10, 15
random.seed(20260707)
os.chdir(ROOT)
folder = Path(tempfile.mkdtemp(prefix="vafa-kill."))
data = folder / "club"
failed = 0


def ok(condition, what):
    global failed
    print(("ok" if condition else "not ok") + " club_kill " + what, flush=True)
    failed += not condition


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


port = free_port()
server = None


def start():
    """Another program may have taken the port meanwhile: then the club ends, and gets another one."""
    global server, port
    for _ in range(3):
        with open(folder / "log", "ab") as log:
            server = subprocess.Popen([CLUB, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"],
                                      stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(200):
            if server.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        server.kill()
        server.wait()
        port = free_port()
    raise RuntimeError((folder / "log").read_text())


def club(*args):
    return subprocess.run([CLUB, *map(str, args), "--data", data], capture_output=True, text=True, check=True).stdout


def ask(path, body, identity=None):
    context = ssl.create_default_context(cafile=data / "ca.pem")
    if identity:
        context.load_cert_chain(identity + ".crt", identity + ".key")
    line = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    try:
        line.request("POST", path, body)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        line.close()


def enrol(n):
    identity = str(folder / f"t{n}")
    code = club("code", "--merchant", f"M{n}", "--branch", "B").strip()
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", identity + ".key", "-subj", "/CN=x", "-out", identity + ".csr"],
                   check=True, capture_output=True)
    body = json.dumps({"v": 1, "code": code, "csr": Path(identity + ".csr").read_text(), "board": "sim"})
    ask("/v1/enrol", body)
    club("approve", "all")
    status, answer = ask("/v1/enrol", body)
    assert status == 200 and answer["terminal"] == n, answer
    Path(identity + ".crt").write_text(answer["certificate"])
    return identity


class Terminal(threading.Thread):
    """Sends its batches until all are acknowledged; a cut line is tried again. Never believes less than it was
    told once: acknowledged entries must not be lost."""

    def __init__(self, n, identity):
        super().__init__(daemon=True)
        self.n, self.identity = n, identity
        lines = subprocess.run([BUILD / "posting-batches", str(n), str(TRANSACTIONS), str(PER_BATCH), str(1000 * n)],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        self.batches = {json.loads(line)["after"]: line for line in lines}
        self.acknowledged, self.cuts, self.wrong = 0, 0, []

    def run(self):
        while self.acknowledged < 2 * TRANSACTIONS and not self.wrong:
            after = self.acknowledged
            if after and random.random() < 0.2:
                after -= 2 * PER_BATCH  # the answer "was lost": send the last one again
            try:
                status, answer = ask("/v1/sync", self.batches[after], self.identity)
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self.cuts += 1
                time.sleep(0.02)
                continue
            if status not in (200, 503) or (status == 200 and answer["acknowledged"] < self.acknowledged):
                self.wrong.append((status, answer, self.acknowledged))
            if status == 200:
                self.acknowledged = answer["acknowledged"]


def main():
    start()
    club("programme", "programmes/base.json")
    terminals = [Terminal(n, enrol(n)) for n in range(1, TERMINALS + 1)]
    for terminal in terminals:
        terminal.start()
    kills = 0
    while kills < KILLS and any(t.is_alive() for t in terminals):
        time.sleep(random.uniform(0.02, 0.25))
        server.kill()
        server.wait()
        kills += 1
        start()
    for terminal in terminals:
        terminal.join(120)
    wrong = [w for t in terminals for w in t.wrong]
    ok(not any(t.is_alive() for t in terminals) and not wrong, f"every batch is acknowledged in the end {wrong or ''}")
    ok(kills >= 5 and sum(t.cuts for t in terminals) > 0, "the club was killed while it was at work")
    server.terminate()
    ok(server.wait(20) == 0, "the club ends cleanly after all that")

    db = sqlite3.connect(data / "club.db")
    one = lambda sql: db.execute(sql).fetchone()[0]
    total = TERMINALS * TRANSACTIONS
    ok(one("SELECT count(*) FROM txn") == total, f"{total} transactions are posted, none twice")
    ok(one("SELECT count(*) FROM rec") == 2 * total, f"{2 * total} entries are stored, none twice")
    ok(one("SELECT count(*) FROM tcase") == 0, "no case was opened")
    ok(one("PRAGMA integrity_check") == "ok", "SQLite finds its file whole")
    db.close()
    report = json.loads(club("report", "--json"))
    ok(report["totals"][0]["balanced"] == "yes", "the books balance")
    dump = json.loads(club("dump"))
    dump["cards"] = []
    dump["programme"] = json.loads((ROOT / "programmes/base.json").read_text())
    (folder / "dump.json").write_text(json.dumps(dump))
    check = subprocess.run([sys.executable, "tests/reference/vafa_reference.py", "check", folder / "dump.json"],
                           capture_output=True, text=True)
    ok(check.returncode == 0, "the reference computes the same balances " + (check.stdout[-200:] if check.returncode else ""))
    print(f"# {kills} kills, {sum(t.cuts for t in terminals)} cut exchanges, {total} transactions")


try:
    main()
finally:
    if server and server.poll() is None:
        server.kill()
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(failed != 0)
