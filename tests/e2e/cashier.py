#!/usr/bin/env python3
"""cashier - docs/cashier.md says what the terminal says. Each sentence that it quotes is one of the sources' texts, each Persian word
of a receipt too, each command is one of vafa-till's; and a day at the counter is played, in which nothing is said that it lacks."""
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from scans import Till  # noqa: E402
from shop import ROOT, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
PAGE = (ROOT / "docs/cashier.md").read_text()
QUOTED = re.findall(r'<code dir="ltr">(.*?)</code>', PAGE)
SENTENCES = [text for text in QUOTED if re.match(r"[A-Z\d].*[.]$", text)]
LETTERS = 12  # a format that fixes less than this could be anything
SPECIFIER = re.compile(r"%[-+0-9.]*(?:l|ll|z)?[sdu]")
heard = []


def texts():
    """The sources' string literals, adjacent ones joined; the words of inttypes.h are a %d."""
    for folder in ("firmware/terminal", "firmware/engine", "drivers/card"):
        for path in sorted((ROOT / folder).glob("*.c")):
            source = re.sub(r'%(\d*)"\s*PRI[a-z]+\d+', r'%\1d"', path.read_text())
            for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', source):
                yield "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal))


def pattern(text):
    """What a format may become, or None."""
    fixed = SPECIFIER.split(text)
    return re.compile(".*".join(map(re.escape, fixed))) if sum(map(len, fixed)) >= LETTERS else None


def shape(sentence):
    """Without its figures."""
    return re.sub(r"\d[\d,]*", "#", sentence)


def page_and_sources():
    known = set(texts())
    patterns = [made for made in map(pattern, known) if made]
    unknown = [s for s in SENTENCES if s not in known and not any(p.fullmatch(s) for p in patterns)]
    check("each sentence of the page is a text of the sources", len(SENTENCES) > 40 and not unknown, unknown or len(SENTENCES))
    words = re.findall("«(.*?)»", PAGE)
    check("each word of a receipt is one of its texts", len(words) >= 5 and not set(words) - known, set(words) - known)
    usage = subprocess.run([BUILD / "vafa-till", "--help"], capture_output=True, text=True).stdout
    commands = {word for text in QUOTED if text.startswith("vafa-till ") for word in text.split()[1:] if not word[0].isdigit()}
    check("each command is one of vafa-till's", len(commands) > 8 and not {c for c in commands if c not in usage}, commands)


def asks(shop, *args, wait=10):
    """One request; all that was said in it is heard."""
    till = Till(shop, *args, wait=wait)
    answer = till.answer()
    heard.extend(line["say"] for line in till.seen)
    return answer


def torn(shop):
    """The card goes away in the middle of its write, and comes back."""
    shop.card("cut write 3 torn:head=8")
    till = Till(shop, "sale", "2000000", wait=20)
    shop.card("wait cut 10")
    till.says("again")
    shop.card("insert member")
    answer = till.answer()
    heard.extend(line["say"] for line in till.seen)
    return answer


def a_day(shop):
    number = asks(shop, "issue")["card"]
    asks(shop, "sale", "1000000")
    asks(shop, "sale", "2500000")
    asks(shop, "load", "500000")
    asks(shop, "sale", "500000", "--redeem", "5")
    asks(shop, "sale", "300000", "--pay-credit", "100000")
    asks(shop, "sale", "300000", "--pay-credit", "9000000")
    asks(shop, "sale", "500000", "--redeem", "500")
    asks(shop, "refund", "2", "700000")
    asks(shop, "refund", "2", "700000")
    asks(shop, "refund", "2")
    asks(shop, "refund", "2")
    asks(shop, "refund", "99")
    answer = torn(shop)
    check("a torn sale is done when the card comes back", answer["state"] == "done" and answer["parts"]["amount"] == 2000000, answer)
    asks(shop, "balance")
    shop.card("remove")
    asks(shop, "sale", "10000", wait=1)
    shop.card("insert blank")
    asks(shop, "sale", "10000")
    asks(shop, "report-lost", number)
    asks(shop, "replace", number)
    asks(shop, "found", number)
    asks(shop, "report-lost", number)
    shop.card("remove")
    shop.card("insert member")
    answer = asks(shop, "sale", "10000")
    check("a lost card is refused", answer.get("reason") == "hotlisted", answer)
    heard.append(asks(shop, "status")["if_it_died_now"])
    asks(shop, "sign-out")


def main():
    page_and_sources()
    with Shop(BUILD) as shop:
        shop.open(card=None)
        for card, uid in (("member", "04a1b2c3"), ("blank", "04a1b2c4")):
            shop.card(f"new {card} 1k {uid}")
        shop.card("insert member")
        a_day(shop)
    quoted = set(map(shape, SENTENCES))
    lacking = sorted({said for said in map(shape, heard) if said not in quoted})
    check("all that a day at the counter says is on the page", len(heard) > 40 and not lacking, lacking or len(heard))
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
