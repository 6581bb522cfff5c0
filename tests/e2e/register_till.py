#!/usr/bin/env python3
"""register_till - vafa-till at the register's serial line, with real vafa-register, terminal and card: a sale, consent to a log, a
call that was broken off, and what it says when it cannot. The cable is two pseudo-terminals."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from cable import Cable  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()


def start(cable, *args):
    return subprocess.Popen([BUILD / "vafa-till", "--serial", getattr(cable, "near", cable), *args], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def till(cable, *args):
    """Its last answer, its exit code, and what it said on standard error."""
    process = start(cable, "--json", *args)
    out, err = process.communicate(timeout=60)
    lines = out.splitlines()
    return (json.loads(lines[-1]) if lines else {}), process.returncode, err


def sells_and_consents(shop, cable):
    answer, code, _ = till(cable, "issue", "--opening", "500000")
    check("a card is issued over the line", code == 0 and answer["credit"] == 500000, answer)
    answer, code, _ = till(cable, "sale", "1000000", "--pay-credit", "200000")
    check("a sale: 1,000,000 of which the card pays 200,000", code == 0 and answer["parts"]["due"] == 800000 and answer["credit"] == 300000, answer)
    answer, code, _ = till(cable, "support", "on", "--hours", "2")
    check("support is on", code == 0 and "2 hours" in answer["say"], answer)
    left = shop.done("status")["support"]
    check("... which the terminal's socket says as well", 7100 < left <= 7200, left)
    answer, code, _ = till(cable, "history")
    check("a long answer comes whole", code == 0 and [row["counter"] for row in answer["history"]] == [2, 1], answer)


def broken_off(shop, cable, how):
    """A sale that waits for its card, and its program is gone: by a signal, or without a word."""
    shop.card("remove")
    process = start(cable, "--wait", "30", "sale", "70000")
    process.stdout.readline()
    getattr(process, how)()
    process.communicate()
    return process.returncode


def nothing_is_left_of_it(shop, cable):
    code = broken_off(shop, cable, "terminate")
    answer = shop.until(lambda: (a := shop.till("balance", wait=1)).get("reason") == "no_card" and a, what="the card's turn")
    check("one that is ended hangs up: the terminal waits for no card any more", code == -15 and answer["reason"] == "no_card", answer)
    broken_off(shop, cable, "kill")
    answer = shop.till("balance", wait=1)
    check("one that is killed cannot: its request has the card", answer["reason"] == "busy", answer)
    process = start(cable, "--json", "sale", "30000")
    cable.say(b'{"v":1,"final":true,"state":"done","say":"What was still under way."}\n')
    first = json.loads(process.stdout.readline())
    shop.card("insert card1")
    answer = json.loads(process.communicate(timeout=60)[0].splitlines()[-1])
    check("the next one hangs up for it, and gets its own answers", first["state"] == "waiting" and process.returncode == 0 and
          answer["parts"]["amount"] == 30000 and answer["counter"] == 3, (first, answer))


def it_says_what_is_wrong(cable):
    other = start(cable, "--wait", "20", "find")
    other.stdout.readline()
    _, code, err = till(cable, "status")
    check("a line that another program has", code == 1 and "end that one first" in err, err)
    other.terminate()
    other.communicate()
    _, code, err = till("/dev/ttyVAFA7", "status")
    check("no such device", code == 1 and "plug the adapter in" in err, err)
    _, code, err = till("/dev/null", "status")
    check("no serial line", code == 1 and "it is no serial line" in err, err)
    cable.cut()
    begun = time.monotonic()
    _, code, err = till(cable, "sale", "10000")
    took = time.monotonic() - begun
    check("nobody at the other end, after some seconds", code == 1 and "is the cable in its register port" in err and took < 15, (err, took))
    cable.mend()
    answer, code, _ = till(cable, "status")
    check("and when it is mended it works again", code == 0 and answer["ready"], answer)


def main():
    with Cable() as cable, Shop(BUILD) as shop:
        shop.open()
        shop.start("register", "vafa-register", cable.far, shop.path("till.sock"))
        sells_and_consents(shop, cable)
        nothing_is_left_of_it(shop, cable)
        it_says_what_is_wrong(cable)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
