"""A second, naive implementation of docs/programme.md section 3: what a card remembers. It shares no
code with the firmware; the Jalali calendar is ICU's own table, tests/vectors/calendar.json.

`facts_vectors()` is written to tests/vectors/facts.json by vafa_reference.py vectors.
"""
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
FIELDS = [("counter", 20), ("last_day", 15), ("visits", 12), ("interval", 11), ("basket", 22),
          ("spend", 27), ("earned", 23), ("carry", 28), ("roll", 8), ("marks_year", 13),
          ("marks_ever", 13)]
WIDTH = dict(FIELDS)
MOST = {name: 2**width - 1 for name, width in FIELDS}
PERIODS = {None: 0, "month": 1, "quarter": 2, "half": 3, "year": 4}
SALE, REFUND, ACTION, EXPIRE, DUPLICATE = 2, 3, 6, 10, 12


def calendar():
    """Jalali (year, month) of every day, days counted from 2024-01-01."""
    table = {}
    with open(os.path.join(HERE, "..", "vectors", "calendar.json"), encoding="utf-8") as file:
        for year, first, months in json.load(file)["years"]:
            for month, length in enumerate(months, 1):
                for day in range(first, first + length):
                    table[day] = (year, month)
                first += length
    return table


CALENDAR = calendar()


def day_of(minute, offset):
    """1 + local days since 2024-01-01; 0 = not known."""
    if minute == 0 or minute + offset < 0:
        return 0
    return 1 + (minute + offset) // 1440


def year_of(day):
    return CALENDAR[day - 1][0]


def period_of(period, day):
    year, month = CALENDAR[day - 1]
    years = year - 1402
    return {"year": years, "half": years * 2 + (month - 1) // 6,
            "quarter": years * 4 + (month - 1) // 3, "month": years * 12 + month - 1}[period]


def roll_of(rules, day):
    return min(period_of(rules["expiry"], day), MOST["roll"]) if rules["expiry"] and day else 0


def trunc(a, b):
    """a / b, rounded towards zero; b > 0."""
    return a // b if a >= 0 else -(-a // b)


def clamp(facts):
    return {name: max(0, min(value, MOST[name])) for name, value in facts.items()}


def fold(rules, facts, before, after):
    """rules: {"offset": minutes, "tiers": period, "expiry": period or None}; before None: activate."""
    day = day_of(after["minute"], rules["offset"])
    tiers = rules["tiers"] or "year"
    kind = after["kind"]
    if before is None and kind == DUPLICATE:
        return clamp(dict(facts, carry=min(facts["carry"], after["points"])))
    if before is None:
        return dict({name: 0 for name, _ in FIELDS}, counter=after["counter"],
                    roll=roll_of(rules, day))
    f = dict(facts)
    if kind == EXPIRE:
        f["carry"] = after["points"]
        if rules["expiry"] and day:
            f["roll"] = roll_of(rules, day)
        f["counter"] = after["counter"]
        return clamp(f)
    if rules["expiry"] and day and roll_of(rules, day) > f["roll"]:
        f["carry"], f["roll"] = before["points"], roll_of(rules, day)
    last, net = f["last_day"], after["amount"] // 1000
    moved = after["points"] - before["points"]
    if kind == SALE:
        if day and last and year_of(day) > year_of(last):
            f["marks_year"] = 0
        if day and last and period_of(tiers, day) > period_of(tiers, last):
            f["spend"] = f["earned"] = 0
        offer = after["offer"]
        if 1 <= offer <= 13:
            f["marks_year"] |= 1 << offer - 1
        elif offer >= 14:
            f["marks_ever"] |= 1 << offer - 14
        new = day == 0 or last == 0 or day > last
        if new:
            f["visits"] = min(f["visits"] + 1, MOST["visits"])
        k = min(f["visits"], 16)
        if new and day and last:
            x = 4 * (day - last)
            f["interval"] = min(x if k <= 2 else f["interval"] + trunc(x - f["interval"], k - 1),
                                MOST["interval"])
        f["basket"] += trunc(net - f["basket"], max(k, 1))
        if day > last:
            f["last_day"] = day
        f["spend"] += net
        f["earned"] += max(0, moved + after["redeemed"])
        f["carry"] = max(0, f["carry"] - after["redeemed"])
    elif kind == ACTION:
        offer = after["offer"]
        if 1 <= offer <= 13:
            f["marks_year"] &= ~(1 << offer - 1)
        elif offer >= 14:
            f["marks_ever"] &= ~(1 << offer - 14)
        f["carry"] = max(0, f["carry"] - after["redeemed"])
    elif kind == REFUND and day and last and period_of(tiers, day) == period_of(tiers, last):
        f["spend"] = max(0, f["spend"] - net)
        f["earned"] = max(0, f["earned"] - max(0, after["redeemed"] - moved))
    f["carry"] = min(f["carry"], after["points"])
    f["counter"] = after["counter"]
    return clamp(f)


def restart(rules, before, after):
    """The first checkpoint after a loss."""
    if before is None and after["kind"] != DUPLICATE:
        return fold(rules, None, None, after)
    day = day_of(after["minute"], rules["offset"])
    start = dict({name: 0 for name, _ in FIELDS}, carry=(before or after)["points"], roll=roll_of(rules, day))
    if before is None:
        start["counter"] = after["counter"]
    return dict(fold(rules, start, before, after), marks_year=MOST["marks_year"],
                marks_ever=MOST["marks_ever"])


def encode(facts):
    text = "".join(format(facts[name], "0%db" % width) for name, width in FIELDS)
    return bytes(int(text[i:i + 8], 2) for i in range(0, 192, 8))


def decode(raw):
    text, facts = "".join(format(byte, "08b") for byte in raw), {}
    for name, width in FIELDS:
        facts[name], text = int(text[:width], 2), text[width:]
    return facts


# --- vectors ----------------------------------------------------------------------------------

def step(draw, card, minute):
    """A transaction that a card could have had; any balance will do, the fold only looks."""
    kind = draw.choice([2] * 8 + [3, 3, 4, 5, 6, 7, 10])
    after = dict(card, counter=card["counter"] + 1, kind=kind, minute=minute, offer=0, redeemed=0,
                 reference=0, amount=draw.choice([0, 999, 500000, draw.randrange(20000000),
                                                  draw.randrange(2**36)]))
    points = card["points"]
    if kind in (3, 5):
        after["reference"] = draw.randrange(1, min(63, card["counter"]) + 1)
    if kind == SALE:
        after["offer"] = draw.choice([0, 0, 0, draw.randrange(1, 27)])
        after["redeemed"] = draw.randrange(min(points, 2**20 - 1) + 1) if draw.random() < .3 else 0
        points += draw.choice([0, 10, draw.randrange(100000)]) - after["redeemed"]
    elif kind == ACTION:
        after["offer"] = draw.choice([0, draw.randrange(1, 27)])
        after["redeemed"] = draw.randrange(min(points, 2**20 - 1) + 1) if draw.random() < .3 else 0
        points += draw.choice([0, draw.randrange(1000)]) - after["redeemed"]
    elif kind == REFUND:
        after["redeemed"] = draw.choice([0, draw.randrange(1000)])
        points += after["redeemed"] - draw.randrange(points + 1)
    elif kind == EXPIRE:
        points -= draw.randrange(points + 1)
    after["points"] = min(points, 2**28 - 1)
    return after


def life(draw, blank, image_encode):
    rules = {"offset": draw.choice([210, 0, -720, 840]), "tiers": draw.choice(list(PERIODS)),
             "expiry": draw.choice(list(PERIODS))}
    day = draw.randrange(1, 9000)
    card = dict(blank, counter=1, kind=1, minute=draw.choice([0, day * 1440]))
    lost_at = draw.randrange(2, 60)
    facts = fold(rules, None, None, card)
    images, expected = [image_encode(card).hex()], [encode(facts).hex()]
    for n in range(draw.randrange(5, 40)):
        day = max(1, day + draw.choice([0, 0, 1, 3, 10, 10, 40, 400, -5, -400]))
        minute = draw.choice([0] + [min(2**24 - 1, day * 1440 + draw.randrange(1440))] * 9)
        after = step(draw, card, minute)
        facts = restart(rules, card, after) if n == lost_at else fold(rules, facts, card, after)
        card = after
        images.append(image_encode(card).hex())
        expected.append(encode(facts).hex())
    return {"offset": rules["offset"], "tiers": PERIODS[rules["tiers"]],
            "expiry": PERIODS[rules["expiry"]], "lost_at": lost_at + 1, "images": images,
            "facts": expected}


def facts_vectors(blank, image_encode):
    draw = random.Random(1405)
    fields = []
    for name, width in FIELDS:
        for value in (1, 2**width - 1):
            one = dict({field: 0 for field, _ in FIELDS}, counter=1)
            one[name] = value
            assert decode(encode(one)) == one
            fields.append({"hex": encode(one).hex(), "fields": one})
    return {"fields": fields, "lives": [life(draw, blank, image_encode) for _ in range(60)]}
