#!/usr/bin/env python3
"""issue - the issue of one card with all that a member says, on each family, and a stack of cards: by the simulator's model
(data sheet figures, tools/pn532-sim/timing.h) and in this machine's time. Prints a table; then a JSON line a figure, for
tests/bench/bench. BUILD as the first argument."""
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402

BUILD = Path(sys.argv[1]).resolve()
CARDS = 5
STACK = 20


def check_digit(nine):
    r = sum(int(d) * (10 - i) for i, d in enumerate(nine)) % 11
    return nine + str(r if r < 2 else 11 - r)


def said(n):
    return {"name": "Maryam Hosseini", "national_code": check_digit(f"{100000000 + n}"), "phone": f"0912{n:07d}",
            "birthday": "1370-05-06", "wedding": "1395-07-08", "consent": "all"}


def issue(shop, n):
    """One issue: the commands until the answer, and how long the answer took."""
    shop.card("reset")
    began = time.monotonic()
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "20", "issue", "-", "--opening",
                           "500000"], input="".join(f"{k} {v}\n" for k, v in said(n).items()), capture_output=True, text=True)
    took = (time.monotonic() - began) * 1000
    if done.returncode != 0:
        sys.exit(f"issue: {done.stdout}{done.stderr}")
    shop.card("wait halted 5")
    answer = shop.card("log")
    return json.loads(answer[answer.index("{"):])["commands"], took


def ms(steps):
    return sum(s["card_us"] + s["wire_us"] for s in steps) / 1000


WRITES = {"classic": ("write",), "desfire": ("create", "change key", "write", "credit", "commit")}


def family(shop, name, kind, uid):
    totals, reals, steps = [], [], []
    for n in range(CARDS):
        shop.card("remove")
        shop.card(f"new {name}{n} {kind} {uid}{n:02x}")
        shop.card(f"insert {name}{n}")
        steps, real = issue(shop, (10 if kind == "1k" else 50) + n)
        totals.append(ms(steps))
        reals.append(real)
    counts = {}
    for s in steps:
        k, t = counts.get(s["name"], (0, 0.0))
        counts[s["name"]] = (k + 1, t + (s["card_us"] + s["wire_us"]) / 1000)
    print(f"\nissue.{name}.115200: the commands of one issue, by the simulator's model (ms)")
    for command, (k, t) in sorted(counts.items(), key=lambda c: -c[1][1]):
        print(f"  {k:>4} x {command:<20} {t:>9.1f}")
    writes = [s for s in steps if s["name"].startswith(WRITES[name])]
    return {"name": f"issue.{name}.115200", "value": round(statistics.median(totals), 1), "unit": "ms",
            "against": "its writes alone, by the same model", "against_value": round(ms(writes), 1),
            "note": f"one tap from blank to member with all particulars, until the card is let go; {len(steps)} commands, {len(writes)} of "
                    f"them write; half of {CARDS} issues took {statistics.median(reals):.0f} ms of this machine's time, the card simulated "
                    "without its own"}


def stack(shop):
    rows = ["name,national_code,phone,consent"] + [f"Person {n},{said(200 + n)['national_code']},{said(200 + n)['phone']},membership" for n in range(STACK)]
    Path(shop.path("list.csv")).write_text("\n".join(rows) + "\n")
    record = Path(shop.path("list.csv.record"))
    for n in range(STACK):
        shop.card(f"new stack{n} 1k 04b1b2{n:02x}")
    shop.card("remove")
    batch = subprocess.Popen([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "20", "issue-batch",
                              shop.path("list.csv")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    times = []
    for n in range(STACK):
        shop.until(lambda: record.exists() and record.read_text().count("begun") > n, what="the next row")
        began = time.monotonic()
        shop.card(f"insert stack{n}")
        shop.until(lambda: record.read_text().count(" done ") > n, what="the card")
        times.append((time.monotonic() - began) * 1000)
        shop.card("remove")
    out = batch.communicate(timeout=30)[0]
    if batch.returncode != 0:
        sys.exit(f"issue-batch: {out}")
    return {"name": "issue.batch", "value": round(statistics.median(times), 1), "unit": "ms", "against": "-", "against_value": "-",
            "note": f"a stack of {STACK} Classic cards: laid down to noted in the record, half of them, this machine's time without the "
                    "card's own"}


def main():
    with Shop(BUILD) as shop:
        shop.open(card=None)
        figures = [family(shop, "classic", "1k", "04a1b2"), family(shop, "desfire", "desfire", "041122334455"), stack(shop)]
    for figure in figures:
        print(json.dumps(figure))


main()
