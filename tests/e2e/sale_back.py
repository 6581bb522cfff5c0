#!/usr/bin/env python3
"""sale_back.py - a sale to a member whose card is not there goes back, once, with real processes: while what it earned waits at
the club, and after the card has it. The books and the second program agree. BUILD names the folder with the programs. Prints
TAP lines."""
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

PHONE = "09121234567"


def till(shop, *args, typed=""):
    done = subprocess.run([shop.build / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "10", "--json", *map(str, args)],
                          input=typed, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


def sell(shop, amount):
    """4 % of it are kept as credit; 1 % off the price; 10 points for each 1,000,000 of the rest."""
    return till(shop, "sale", amount, "--member", "-", typed=PHONE + "\n")


def refused(answer, words):
    return answer["state"] == "not_done" and words in answer["say"]


def accrued(shop):
    with sqlite3.connect(f"file:{shop.path('club/club.db')}?mode=ro", uri=True) as db:
        sums = dict(db.execute("SELECT purse, sum(amount) FROM jrn WHERE acct = 17 GROUP BY purse"))
    return sums.get(0, 0), sums.get(1, 0)


def judge(shop, programme):
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=programme)
    Path(shop.path("dump.json")).write_text(json.dumps(dump))
    return subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", shop.path("dump.json")],
                          capture_output=True, text=True).stdout


def main():
    programme = json.loads((ROOT / "programmes/base.json").read_text())
    programme["modules"] += ["rebate", "cashback"]
    programme["rules"] += [{"id": "cash", "when": True, "do": {"cashback": {"percent": 4}}},
                           {"id": "off", "when": True, "do": {"rebate": {"percent": 1}}}]
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release")) as shop:
        shop.programme = shop.path("programme.json")
        Path(shop.programme).write_text(json.dumps(programme))
        shop.open(card="card1")
        account = till(shop, "join", "-", typed=f"phone {PHONE}\nconsent membership\n")["account"]
        first, second = sell(shop, 3000000), sell(shop, 5000000)
        check("a sale without the card earns", first["parts"] == {"amount": 3000000, "rebate": 30000, "load": 118800, "award": 20,
                                                                  "due": 2970000}, first)
        back = till(shop, "sale-back", first["sequence"])
        check("it goes back, just as it was", back["state"] == "done" and back["parts"] == first["parts"] and
              back["back_of"] == first["sequence"] and "To hand back: 297,000 toman. 20 points and 11,880 toman" in back["say"], back)
        again = till(shop, "sale-back", first["sequence"])
        check("once", refused(again, f"went back before, by entry {back['sequence']}"), again)
        for number in (back["sequence"], 1, 9999):
            check(f"entry {number - first['sequence']} behind it is no such sale", refused(till(shop, "sale-back", number), "no sale without the card"))
        shop.sync_once()
        check("at the club nothing of it waits any more", accrued(shop) == (40, 198000), accrued(shop))
        check("the second program comes to the same", " 0 violations" in (said := judge(shop, programme)), said)

        shop.done("issue", "--member", account)

        def arrived():
            shop.sync_once()
            return till(shop, "balance")["points"] == 40
        shop.until(arrived, what="what the second sale earned")
        shop.sync_once()
        check("the other one came to their card", till(shop, "balance")["credit"] == 198000 and accrued(shop) == (0, 0), accrued(shop))
        third = sell(shop, 1000000)
        shop.sync_once()
        till(shop, "sale", 1000000, "--pay-credit", 190000)  # on the card; of the 198,000 it leaves 8,000 and earns 39,600
        back = till(shop, "sale-back", second["sequence"])
        check("a sale that a card has goes back, too", back["state"] == "done" and back["parts"]["award"] == 40, back)
        shop.sync_once()
        check("the books owe it until the card is there", accrued(shop) == (-40, -198000), accrued(shop))

        def taken():
            shop.sync_once()
            return any(a["kind"] == "take_credit" for a in till(shop, "balance").get("arrived", []))
        shop.until(taken, what="what is taken off the card")
        balance = till(shop, "balance")
        shop.sync_once()
        # Points: 40, and none for a basket of 990,000. Credit: 47,600 and what the third sale earned, 39,600.
        check("the card gives back what is there, to the point and the rial", third["parts"]["load"] == 39600 and
              (balance["points"], balance["credit"]) == (0, 0), balance)
        check("what was spent by then stays the club's", accrued(shop) == (0, 87200 - 198000), accrued(shop))
        report = json.loads(shop.club("report", "--json").stdout)
        check("without a case", report["cases"] == [], report["cases"])
        check("the second program comes to the same again", " 0 violations" in (said := judge(shop, programme)), said)


main()
sys.exit(exit_code())
