#!/usr/bin/env python3
"""fleet - what updates cost the club: how long a sync takes while terminals fetch as fast as they can, and with 10,000 terminals
in a rollout. Usage: BUILD=build/sim-release tests/bench/fleet.py"""
import http.client
import json
import os
import sqlite3
import ssl
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from club_world import World  # noqa: E402

MANY, SYNCS, FETCHERS = 10_000, 150, 8
world = World()


def told(terminal, **says):
    device = {"board": "lab", "version": 7, "slot": "A", "good": True, "other": 6, "failed": 0, "self_test": "ok", "free": 10**9, "update": "none", "have": 0, "consent": True}
    return json.dumps({"v": 1, "terminal": terminal, "after": 0, "base": "00" * 32, "entries": [], "have": {"programme": 0},
                       "health": {"unsent": 0, "pending": 0, "oldest": 0, "clock": 2, "firmware": "m", "now": int(time.time())}, "device": {**device, **says}})


def line(terminal):
    context = ssl.create_default_context(cafile=str(world.data / "ca.pem"))
    context.load_cert_chain(*world.terminals[terminal])
    return http.client.HTTPSConnection("localhost", world.port, context=context, timeout=30)


def measure(name, terminal, says):
    """Syncs one after the other; says(n) is what the device says the n-th time."""
    to, times = line(terminal), []
    for n in range(SYNCS):
        began = time.perf_counter()
        to.request("POST", "/v1/sync", told(terminal, **says(n)))
        to.getresponse().read()
        times.append((time.perf_counter() - began) * 1e3)
    print(f"{name}: a sync takes {statistics.median(times):.1f} ms in the middle, {max(times):.1f} at worst", flush=True)


def fetching(terminals, size):
    ends, got, waits = threading.Event(), [0] * FETCHERS, [0] * FETCHERS

    def fetch(me):
        to, at = line(terminals[1 + me % 5]), 0
        while not ends.is_set():
            to.request("GET", f"/v1/update/8?from={at}&bytes={size}")
            answer = to.getresponse()
            body = answer.read()
            if answer.status == 200:
                got[me], at = got[me] + len(body), (at + len(body)) % 25_000_000
            else:
                waits[me] += 1
                time.sleep(0.05)

    threads = [threading.Thread(target=fetch, args=(n,)) for n in range(FETCHERS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    measure(f"{FETCHERS} fetch pieces of {size}", terminals[0], lambda n: {"free": n})
    ends.set()
    for thread in threads:
        thread.join()
    print(f"  {sum(got) / (time.monotonic() - began) / 1e6:.1f} MB/s, {sum(waits)} times told to wait")


def multiply(terminals):
    """MANY more terminals like the last one, which have proved the version."""
    world.stop()
    with sqlite3.connect(world.data / "club.db") as db:
        for table in ("term", "device"):
            names = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
            db.executemany(f"INSERT INTO {table} SELECT {', '.join('?1' if n == 'term_id' else n for n in names)} FROM {table} WHERE term_id = ?2",
                           [(100 + n, terminals[-1]) for n in range(MANY)])
        db.executemany("INSERT INTO rollout_term VALUES ('lab', 8, ?1, ?1, 1)", [(100 + n,) for n in range(MANY)])
        db.execute("UPDATE device SET version = 8, slot = 'B', good_at = 1 WHERE term_id >= 100")
    world.start()


def pages(key):
    """GET /fleet, 200 a page: all terminals, and those in trouble."""
    for asked in ({}, {"troubled": "true"}):
        cursor, times, rows = {}, [], 0
        while cursor is not None:
            began = time.perf_counter()
            page = world.api(key, "GET", "/fleet", limit=200, **cursor, **asked)[1]
            times.append((time.perf_counter() - began) * 1e3)
            rows, cursor = rows + len(page["items"]), page["next"] and {"cursor": page["next"]}
        print(f"GET /fleet {asked or ''}: {rows} rows in {len(times)} pages, {statistics.median(times):.0f} ms in the middle, {max(times):.0f} at worst")


def main():
    try:
        world.start()
        terminals = [world.enrol("Refah", f"B{n % 3}") for n in range(6)]
        signature = b"\x30\x82" + b"[update]\ncompatible=vafa-lab\nversion=8\n\n"
        bundle = world.dir / "bundle"
        bundle.write_bytes(b"hsqs" + os.urandom(26_000_000) + signature + len(signature).to_bytes(8, "big"))
        world.club("update", "add", bundle, "--board", "lab", "--version", 8)
        for terminal in terminals:
            world.sync(terminal, told(terminal))
        world.club("update", "start", 8, "--board", "lab", "--good-for", 0)
        for _ in range(2):
            world.club("update", "next", "--board", "lab")
        measure("nobody fetches", terminals[0], lambda n: {"free": n})
        for size in (32768, 262144):
            fetching(terminals, size)
        multiply(terminals)
        measure(f"{MANY} terminals in the rollout", terminals[0], lambda n: {"free": n})
        measure("each with news of the device", terminals[0], lambda n: {"other": n})
        began = time.monotonic()
        world.club("fleet")
        print(f"vafa-club fleet: {time.monotonic() - began:.1f} s")
        pages(world.key("reader"))
    finally:
        world.close()


if __name__ == "__main__":
    main()
