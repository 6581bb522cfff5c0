#!/usr/bin/env python3
"""two_cards.py - two member cards on one reader, with the real terminal and reader process.

Nobody can tell which card a shopper means. What must hold: one card is served from beginning to end and the
answer names it, the other's memory is as it was; also when the one that is served leaves at any command.
BUILD names the folder with the programs. Prints TAP lines."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

UIDS = {"ali": "1k 04a1b2c3", "leila": "1k 05a1b2c3", "reza": "desfire 04112233445566"}


def memory(shop, name):
    """What outlives power, as the simulator dumps it."""
    path = shop.path(name + ".dump")
    said = shop.card(f"dump {name} {path}")
    assert said == "ok", said
    return Path(path).read_bytes()


def served(before, after):
    return [name for name in before if before[name] != after[name]]


def lay(shop, first, second):
    shop.card("remove")
    shop.card(f"insert {first}")
    shop.card(f"beside {second}")


def memories(shop, names):
    """What the cards hold when the terminal is through with them: after its answer it still writes what speeds up the next
    tap, and answers nothing until that is done."""
    shop.done("status")
    return {name: memory(shop, name) for name in names}


def plain(shop, numbers, first, second):
    """One sale while both lie there."""
    lay(shop, first, second)
    names = (first, second)
    before = memories(shop, names)
    answer = shop.till("sale", "1000000", "--pay-credit", "10000")
    after = memories(shop, names)
    changed = served(before, after)
    check(f"of {first} and {second} one is served and the answer names it",
          answer.get("state") == "done" and len(changed) == 1 and answer.get("card") == numbers[changed[0]],
          f"{changed} {answer}")
    return changed


def cut(shop, numbers, n, first, second):
    """The first leaves after n commands, whoever is served; the second stays."""
    lay(shop, first, second)
    names = (first, second)
    before = memories(shop, names)
    shop.card(f"cut after {n}")
    answer = shop.till("sale", "1000000", "--pay-credit", "10000", wait=1)
    after = memories(shop, names)
    changed = served(before, after)
    was_done = answer.get("state") == "done"
    names_it = not was_done or (len(changed) == 1 and answer.get("card") == numbers[changed[0]])
    if not was_done and answer.get("card"):
        names_it = second not in changed and answer["card"] == numbers[first]
    one = len(changed) <= 1
    shop.card("cut clear")
    shop.card("remove")
    shop.card(f"insert {first}")
    settled = shop.till("balance")
    pending = shop.till("status").get("pending")
    return one and names_it and settled.get("state") == "done" and pending == 0, (n, changed, answer, settled, pending)


def main():
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release")) as shop:
        shop.open(card=None)
        numbers = {}
        for name, what in UIDS.items():
            shop.card(f"new {name} {what}")
            shop.card("remove")
            shop.card(f"insert {name}")
            numbers[name] = shop.done("issue", "--opening", "5000000")["card"]
        listed = subprocess.run([str(shop.build / "pn532-sim"), "--say", shop.path("sim.control"), "state"],
                                capture_output=True, text=True).stdout
        check("the last card lies alone", "card=reza" in listed and "beside" not in listed, listed)
        seen = set()
        for first, second in (("ali", "leila"), ("leila", "ali"), ("ali", "reza"), ("reza", "leila")):
            seen.update(plain(shop, numbers, first, second))
            # What was served sleeps now, so the next request finds the other one.
            before = memories(shop, (first, second))
            answer = shop.till("sale", "1000000")
            changed = served(before, memories(shop, (first, second)))
            check(f"asked again with {first} and {second} lying there one is served and named",
                  answer.get("state") == "done" and len(changed) == 1 and answer.get("card") == numbers[changed[0]],
                  f"{changed} {answer}")
            seen.update(changed)
        check("it was not always the same card", len(seen) > 1, seen)
        for first, second in (("leila", "ali"), ("reza", "ali")):
            bad = []
            counts = range(0, 12, 1 if os.environ.get("PROFILE") != "sanitize" else 4)
            for n in counts:
                ok, why = cut(shop, numbers, n, first, second)
                if not ok:
                    bad.append(why)
            check(f"{first} leaves at any command and {second} stays", not bad, "\n".join(map(str, bad)))


main()
sys.exit(exit_code())
