"""Random programmes of docs/programme.md, format 2, that a firmware must load: for vafa_millions.py.

Conditions are made by kind (number, text, true or false), with the range of each number beside it, so
that what docs/logic.md refuses (a division by what may be 0, a sum that could overflow) is not made.
"""
import json
import random

MONEY_MAX = 2**36 - 1
POINTS_MAX = 2**28 - 1
SMALL_MAX = 2**30 - 1
SCALE = 10**4
NUMBER_MAX = 2**63 - 1
MODULES = ["points", "redemption", "credit", "rebate", "cashback", "stamps", "tiers", "marks", "codes",
           "expiry", "gift", "voucher"]
NEEDS = {"redemption": "points", "expiry": "points", "cashback": "credit"}
PERIODS = ["month", "quarter", "half", "year"]
WORDS = ["dairy", "gold", "a", "x-1", "milk_2", "one", "two", "silver", "g", "0", "nowruz", "long-" + "w" * 26,
         "bronze", "zz", "b-b", "last"]
# path, least, most, what it usually is at most, the module that it needs
NUMBERS = [("sale.amount", 1, MONEY_MAX, None, None), ("sale.pay_credit", 0, MONEY_MAX, None, "credit"),
           ("sale.redeem", 0, POINTS_MAX, 300, "redemption"), ("card.points", 0, POINTS_MAX, 3000, "points"),
           ("card.credit", 0, MONEY_MAX, None, "credit"), ("card.gift", 0, SMALL_MAX, 5, None),
           ("card.voucher", 0, SMALL_MAX, 5, None), ("card.stamps", 0, 15, 15, "stamps"),
           ("card.counter", 1, 2**20 - 1, 60, None), ("member.days_to_birthday", -1, 366, 366, None),
           ("member.days_to_wedding", -1, 366, 366, None), ("member.age", -1, 221, 80, None), ("history.visits", 0, 4095, 20, None),
           ("history.days_since_visit", -1, 32767, 40, None), ("history.mean_interval", 0, 512, 40, None),
           ("history.mean_basket", 0, (2**22 - 1) * 1000, None, None),
           ("history.period_spend", 0, (2**27 - 1) * 1000, None, None),
           ("history.period_earned", 0, 2**23 - 1, 500, "points"), ("calendar.jalali_year", 0, 1500, 1420, None),
           ("calendar.jalali_month", 0, 12, 12, None), ("calendar.jalali_day", 0, 31, 31, None),
           ("calendar.year", 0, 9999, 2050, None), ("calendar.month", 0, 12, 12, None),
           ("calendar.day", 0, 31, 31, None), ("calendar.weekday", 0, 6, 6, None),
           ("calendar.hour", 0, 23, 23, None), ("calendar.minute", 0, 59, 59, None),
           ("place.merchant", 0, 2**32 - 1, 2, None), ("place.branch", 0, 2**32 - 1, 2, None),
           ("place.terminal", 0, 2**20 - 1, 4, None)]


def trunc(a, b):
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


class Rules:
    """Conditions and effects of one programme."""

    def __init__(self, draw, doc):
        on, self.draw, self.doc = doc["modules"], draw, doc
        self.basket = doc["limits"]["sale_max_rials"]
        self.numbers = [n for n in NUMBERS if n[4] is None or n[4] in on]
        for product in doc["products"]:
            self.numbers.append(("lines.%s.amount" % product["id"], 0, MONEY_MAX, None, None))
            self.numbers.append(("lines.%s.quantity" % product["id"], 0, 4000000, 4, None))
        self.bools = ["history.known", "calendar.known"]
        for name, ids in (("code", "codes"), ("mark", "marks"), ("on", "calendars")):
            self.bools += 3 * ["%s.%s" % (name, item["id"]) for item in doc[ids]]
        self.texts = {"member.group": [g["id"] for g in doc["groups"]] + [""],
                      "card.kind": [k["id"] for k in doc["kinds"]] + [""]}
        if "tiers" in on:
            self.texts["member.tier"] = [t["id"] for t in doc["tiers"]["list"]] + [""]

    # --- numbers: (node, least, most), scaled ---

    def literal(self, most):
        draw = self.draw
        most = self.basket if most is None else most
        value = draw.choice([0, 1, most, draw.randrange(most + 1), draw.randrange(most + 1)])
        if draw.random() < .2 and value < 10**9:
            return value + draw.choice([.5, .25, .1, .3333, .0001])
        return -value if draw.random() < .03 else value

    def number(self, depth, most=None):
        draw = self.draw
        kind = draw.random()
        if depth <= 0 or kind < .5:
            if kind < .1:
                value = self.literal(draw.choice([10, 1000, most]))
                scaled = round(value * SCALE)
                return value, scaled, scaled
            path, lo, hi, _, _ = draw.choice(self.numbers)
            return self.var(path), lo * SCALE, hi * SCALE
        op = draw.choice(["+", "-", "*", "/", "%", "min", "max", "if", "-1", "*1"])
        first = self.number(depth - 1)
        if op == "if":
            other = self.number(depth - 1)
            return ({draw.choice(["if", "?:"]): [self.truth(depth - 1), first[0], other[0]]},
                    min(first[1], other[1]), max(first[2], other[2]))
        if op == "-1":
            return {"-": draw.choice([first[0], [first[0]]]) if isinstance(first[0], dict) else [first[0]]}, \
                -first[2], -first[1]
        if op == "*1":
            return {"*": [first[0]]}, first[1], first[2]
        node, lo, hi = [first[0]], first[1], first[2]
        for _ in range(1 if op in "-/%" else draw.choice([1, 1, 2])):
            second = self.number(depth - 1)
            if op in "/%" and second[1] <= 0 <= second[2]:
                least = draw.choice([1, 1, 7, .5])
                second = {"max": [second[0], least]}, int(least * SCALE), max(int(least * SCALE), second[2])
            bounds = self.bounds(op, lo, hi, second[1], second[2])
            if max(map(abs, bounds)) > NUMBER_MAX:
                return first
            node.append(second[0])
            lo, hi = bounds
        return {op: node}, lo, hi

    @staticmethod
    def bounds(op, lo, hi, lo2, hi2):
        if op == "+":
            return lo + lo2, hi + hi2
        if op == "-":
            return lo - hi2, hi - lo2
        if op in ("min", "max"):
            pick = min if op == "min" else max
            return pick(lo, lo2), pick(hi, hi2)
        if op == "%":
            below = max(abs(lo2), abs(hi2)) - 1
            return (max(lo, -below) if lo < 0 else 0), (min(hi, below) if hi > 0 else 0)
        corners = [trunc(a * b, SCALE) if op == "*" else trunc(a * SCALE, b)
                   for a in (lo, hi) for b in (lo2, hi2)]
        return min(corners), max(corners)

    def var(self, path):
        kind = self.draw.random()
        return {"var": path if kind < .8 else [path] if kind < .9 else [path, self.draw.choice([0, 1])]
                if path not in self.texts and path not in self.bools else [path]}

    # --- texts ---

    def text(self, depth):
        draw = self.draw
        kind = draw.random()
        if kind < .6 or depth <= 0:
            return self.var(draw.choice(list(self.texts)))
        if kind < .75:
            return draw.choice(WORDS + ["", "وفا", "gold و"])
        if kind < .9:
            node = [self.text(depth - 1), draw.randrange(-4, 5)]
            return {"substr": node + ([draw.randrange(-4, 6)] if draw.random() < .5 else [])}
        return {"if": [self.truth(depth - 1), self.text(depth - 1), self.text(depth - 1)]}

    def names(self):
        """A comparison with the names of a tier, group or kind: only they may stand there."""
        draw = self.draw
        path = draw.choice(list(self.texts))
        name, fact = draw.choice(self.texts[path]), {"var": path}
        if draw.random() < .3:
            return {"in": [fact, [draw.choice(self.texts[path]) for _ in range(draw.randrange(1, 4))]]}
        pair = [fact, name]
        draw.shuffle(pair)
        return {draw.choice(["==", "!=", "===", "!=="]): pair}

    # --- true or false ---

    def comparison(self, depth):
        draw = self.draw
        if draw.random() < .75:
            path, _, _, most, _ = draw.choice(self.numbers)
            node, other = self.var(path), self.literal(most)
        else:
            node, other = self.number(depth)[0], self.number(depth - 1)[0]
        pair = [node, other] if draw.random() < .7 else [other, node]
        return {draw.choice(["<", "<=", ">", ">=", "<", "<=", ">", ">=", "==", "!=", "===", "!=="]): pair}

    def between(self, depth):
        path, _, _, most, _ = self.draw.choice(self.numbers)
        node = [self.literal(most), self.var(path), self.literal(most)]
        if self.draw.random() < .3:
            node = [self.text(0), self.text(depth), self.text(0)]
        return {self.draw.choice(["<", "<="]): node}

    def texts_alike(self, depth):
        draw = self.draw
        a, b = self.text(depth), self.text(depth)
        # A plain fact beside a plain text is names() above: the loader knows the names.
        if isinstance(a, str) or isinstance(b, str):
            a, b = {"substr": [a, 0]}, {"substr": [b, 0]}
        return {draw.choice(["==", "!=", "===", "!==", "<", "<=", ">", ">=", "in"]): [a, b]}

    def within(self, depth):
        draw = self.draw
        path, _, _, most, _ = draw.choice(self.numbers)
        items = [self.literal(most) for _ in range(draw.randrange(1, 5))]
        kind = draw.random()
        if kind < .5:
            return {"in": [self.var(path), items]}
        if kind < .6:
            return {"in": [self.var(path), {"merge": [items, self.number(0)[0]]}]}
        if kind < .7:
            return {"in": [draw.choice(["o", "", "l", "gold"]), self.text(depth)]}
        items.append(self.number(depth - 1)[0])
        test = {draw.choice(["<", ">", "==", ">="]): [{"var": ""}, self.literal(most)]}
        return {draw.choice(["some", "all", "none"]): [items, test]}

    def truth(self, depth):
        draw = self.draw
        kind = draw.random()
        if kind < .14:
            return self.var(draw.choice(self.bools))
        if kind < .45 or depth <= 0:
            return self.comparison(depth)
        if kind < .58:
            return self.names()
        if kind < .64:
            return self.between(depth)
        if kind < .68:
            return self.texts_alike(depth)
        if kind < .74:
            return self.within(depth)
        if kind < .80:
            inner = self.truth(depth - 1)
            return {draw.choice(["!", "!!"]): draw.choice([inner, [inner]]) if isinstance(inner, dict) else [inner]}
        if kind < .92:
            return {draw.choice(["and", "or"]): [self.truth(depth - 1) for _ in range(draw.randrange(1, 4))]}
        if kind < .95:
            node = [self.truth(depth - 1) for _ in range(draw.randrange(1, 6))]
            return {draw.choice(["if", "?:"]): node}
        if kind < .96:
            paths = [draw.choice(self.numbers)[0] for _ in range(2)]
            return draw.choice([{"!": {"missing": paths}}, {"missing": paths}, {"missing_some": [1, paths]}])
        if kind < .97:
            return {draw.choice(["==", "!=", "===", "!=="]): [self.number(1)[0], None]}
        if kind < .98:
            return {"==": [{"if": [self.truth(0), self.literal(3)]}, self.literal(3)]}
        if kind < .99:
            return {draw.choice(["==", "!="]): [{"!!": [self.truth(0)]}, self.var(draw.choice(self.bools))]}
        return {"and": [self.number(1)[0], self.text(0)]}  # any value is true or false

    # --- effects ---

    def money(self, small):
        draw, effect = self.draw, {}
        if draw.random() < .5:
            most = 3000 if small else 10000
            effect["percent"] = draw.choice([0, 1, 5, 10, 12.5, draw.randrange(most + 1) / 100,
                                             100 if not small else 33.33])
        else:
            effect["rials"] = draw.choice([0, 1, draw.randrange(self.basket // (50 if small else 1) + 1)])
        if draw.random() < .3:
            effect["max_rials"] = 1 + draw.randrange(self.basket)
        return self.of(effect)

    def of(self, effect):
        if self.draw.random() < .35:
            effect["of"] = self.draw.choice([p["id"] for p in self.doc["products"]] + ["basket"])
        return effect

    def award(self):
        draw = self.draw
        effect = {"points": draw.choice([0, 1, 10, draw.randrange(60)])}
        if draw.random() < (.3 if self.basket == 1 else .02):
            effect["points"] = POINTS_MAX // self.basket
        if draw.random() < .7:
            effect["per_rials"] = max(1, self.basket // draw.choice([1, 3, 10, 100, 1 + draw.randrange(3000)]))
        if draw.random() < .2:
            effect["max_points"] = 1 + draw.randrange(300)
        return self.of(effect)

    def effects(self):
        draw, on, do = self.draw, self.doc["modules"], {}
        if "points" in on and draw.random() < .6:
            do["award"] = self.award()
        if "rebate" in on and draw.random() < .35:
            do["rebate"] = self.money(True)
        if "cashback" in on and draw.random() < .35:
            do["cashback"] = self.money(draw.random() < .8)
        if "stamps" in on and draw.random() < .3:
            do["stamps"] = {"add": draw.randrange(1, 16)} if draw.random() < .7 else {"set": draw.randrange(16)}
        if not do or draw.random() < .15:
            do["group"] = draw.choice([g["id"] for g in self.doc["groups"]] + [""])
        return do

    def rule(self, n):
        draw = self.draw
        kind = draw.random()
        rule = {"id": "r%d" % n, "when": True if kind < .3 else False if kind < .32 else self.truth(3),
                "do": self.effects()}
        if self.doc["marks"] and draw.random() < .3:
            rule["once"] = draw.choice(self.doc["marks"])["id"]
        if draw.random() < .1:
            rule["say"] = {"fa": "سلام", "en": "Hello"}
        return rule


class Joins(Rules):
    """Conditions of groups: what is known when somebody joins."""

    def __init__(self, draw, doc):
        super().__init__(draw, doc)
        self.numbers = [n for n in NUMBERS if n[0].startswith(("member.", "calendar.", "place."))]
        self.bools = ["calendar.known"] + ["on." + item["id"] for item in doc["calendars"]]
        self.texts = {"card.kind": [k["id"] for k in doc["kinds"]] + [""],
                      "member.account": ["customer", "colleague", "agent", "partner", "staff", ""],
                      "member.route": ["counter", "web", "app", "invitation", "first_purchase", "import", "batch", ""]}


def most_of(doc, kind):
    """The most that all rules can give in one basket (docs/programme.md, "Refused")."""
    basket, alls, onces = doc["limits"]["sale_max_rials"], [], []
    for rule in doc["rules"]:
        effect = rule["do"].get(kind)
        if effect is None:
            continue
        if kind == "award":
            most = basket // effect["per_rials"] * effect["points"] if "per_rials" in effect else effect["points"]
            most = min(most, effect.get("max_points", most))
        else:
            most = (basket * round(effect["percent"] * 100) // 10000 if "percent" in effect
                    else min(effect["rials"], basket))
            most = min(most, effect.get("max_rials", most))
        (onces if "once" in rule else alls).append(most)
    if doc["stacking"][kind] == "sum":
        return sum(alls) + max(onces, default=0)
    return max(alls + onces, default=0)


def gives_too_much(doc):
    return most_of(doc, "award") > POINTS_MAX or most_of(doc, "cashback") > MONEY_MAX


def some(draw, count, **more):
    """`count` items with different ids."""
    ids = draw.sample(WORDS + ["id%d" % n for n in range(60)], count) if count else []
    return [dict(id=name, **{key: make() for key, make in more.items()}) for name in ids]


def numbered(draw, items, numbers):
    for item, number in zip(items, draw.sample(numbers, len(items))):
        item["number"] = number
    return items


def calendars(draw, count):
    items = some(draw, count)
    for item in items:
        year, month = draw.randrange(1400, 1440), draw.randrange(1, 13)
        item["from"] = "%04d-%02d-%02d" % (year, month, draw.choice([1, 29, draw.randrange(1, 30)]))
        item["to"] = "%04d-%02d-%02d" % (year + draw.choice([1, 1, 5, 40]), draw.randrange(1, 13),
                                         draw.choice([1, 29]))
        if draw.random() < .5:
            item["weekdays"] = draw.sample(range(7), draw.randrange(1, 8))
    return items


def lists(draw, doc):
    on = doc["modules"]
    full = draw.random() < .02  # every list as long as it may be

    def count(most, usual):
        return most if full else draw.randrange(usual + 1)

    doc["tiers"] = None
    if "tiers" in on:
        measure = draw.choice(["earned", "spend", "points"] if "points" in on else ["spend"])
        most = 30 * doc["limits"]["sale_max_rials"] if measure == "spend" else 3000
        froms = sorted(draw.sample(range(1, min(most, MONEY_MAX) + 1), count(14, 3)))
        doc["tiers"] = {"measure": measure, "period": draw.choice(PERIODS), "falls": draw.random() < .5,
                        "list": [dict(item, **{"from": start})
                                 for item, start in zip(some(draw, len(froms) + 1), [0] + froms)]}
    doc["groups"] = numbered(draw, some(draw, count(64, 3)), range(1, 256))
    doc["kinds"] = numbered(draw, some(draw, count(16, 3)), range(16))
    for kind in doc["kinds"]:
        terms(draw, doc, kind)
    doc["products"] = numbered(draw, some(draw, count(32, 4), earns=lambda: draw.random() < .7), range(1, 256))
    doc["calendars"] = calendars(draw, count(32, 3))
    doc["codes"] = some(draw, count(64, 3)) if "codes" in on else []
    for n, code in enumerate(doc["codes"]):
        code["code"] = "C-%d" % n
    doc["marks"] = numbered(draw, some(draw, count(26, 5)), range(1, 27)) if "marks" in on else []
    for mark in doc["marks"]:
        mark["per"] = "year" if mark["number"] <= 13 else "ever"


def terms(draw, doc, kind):
    """What a card kind says beside its number, mostly nothing."""
    for purse in ("credit", "gift"):
        if purse in doc["modules"] and draw.random() < .4:
            most = draw.randrange(doc["purses"][purse]["max_rials"] + 1)
            kind["opening_" + purse] = {"min_rials": draw.choice([0, most, draw.randrange(most + 1)]), "max_rials": most}
    if draw.random() < .2:
        kind["valid_days"] = draw.choice([1, 365, 36500])
    if draw.random() < .3:
        kind["branches"] = draw.sample([1, 2, 5, 2**32 - 1], draw.randrange(1, 5))
    if draw.random() < .1:
        kind["name"] = {"fa": "کارت هدیه", "en": "Gift card"}


def bonus(draw, basket):
    steps = sorted(draw.sample(range(1, basket + 1), min(basket, draw.randrange(1, 5))))
    return [{"from_rials": step, "percent": draw.choice([0, 5, 10, 12.5, 100, draw.randrange(10001) / 100])}
            for step in steps]


def head(draw):
    on = MODULES if draw.random() < .4 else [m for m in MODULES if draw.random() < .75]
    on = [m for m in on if NEEDS.get(m, m) in on]
    basket = draw.choice([1, 999, 1000000, 50000000, 50000000, 10**10, MONEY_MAX])
    credit = min(MONEY_MAX, draw.choice([basket, basket * (1 + draw.randrange(6)), MONEY_MAX]))
    load = 1 + draw.randrange(credit)
    earns = {purse: draw.random() < .5 for purse in ("gift", "voucher") if purse in on}
    doc = {
        "vafa_programme": 2, "version": draw.choice([1, 7, 2**31 - 1]), "club": "باشگاه",
        "unit": draw.choice(["toman", "rial"]),
        "utc_offset_minutes": draw.choice([210, 210, 0, -720, 840, draw.randrange(-720, 841)]),
        "modules": draw.sample(on, len(on)),
        "purses": {"points": {"max": draw.choice([POINTS_MAX, POINTS_MAX, draw.randrange(5000), 0]),
                              "hold_days": draw.choice([0, 0, 1, 31, draw.randrange(32)]),
                              "expiry": {"period": draw.choice(PERIODS)} if "expiry" in on else None},
                   "credit": {"max_rials": credit}, "gift": {"max_rials": draw.choice([0, SMALL_MAX, SMALL_MAX])},
                   "voucher": {"max_rials": draw.choice([0, SMALL_MAX, draw.randrange(SMALL_MAX)])}},
        "limits": {"sale_max_rials": basket, "load_min_rials": draw.choice([1, 1 + draw.randrange(load)]),
                   "load_max_rials": load, "opening_max_rials": draw.choice([0, credit, draw.randrange(credit + 1)])},
        "redemption": {"rials_per_point": draw.choice([1, 10, 63, 1000, 1063, 50000, 10**9])
                       if "redemption" in on else draw.choice([0, 1000]),
                       "min_points": draw.choice([0, 0, draw.randrange(30)]),
                       "max_percent": draw.choice([100, 100, 50, 33.33, 0, draw.randrange(10001) / 100])},
        "award_on": dict(earns, redeemed=draw.random() < .5, credit=draw.random() < .5),
        "stacking": {kind: draw.choice(["sum", "sum", "best", "first"])
                     for kind in ("rebate", "award", "cashback")},
        "rounding": {"rebate_rials": draw.choice([1, 1, 10, 1000]),
                     "cashback_rials": draw.choice([1, 1, 10, 1000, 1000000])},
        "refund": {"extras": draw.choice(["share", "lost"])},
    }
    if draw.random() < .2:
        doc["limits"]["provisional"] = {"credit_rials": draw.randrange(credit + 1),
                                        "points": draw.randrange(doc["purses"]["points"]["max"] + 1)}
    if "credit" in on and draw.random() < .5:
        doc["purses"]["credit"]["bonus"] = bonus(draw, load)
    return doc


def programme(draw):
    """One document's text; and whether its rules could give more than a card holds."""
    doc = head(draw)
    lists(draw, doc)
    rules = Rules(draw, doc)
    doc["rules"] = [rules.rule(n) for n in range(draw.choice([0, 1, 2, 3, 4, 6, 8, 12]))]
    joins = Joins(draw, doc)
    for group in doc["groups"]:
        if draw.random() < .6:
            group["when"] = draw.choice([True, False]) if draw.random() < .1 else joins.truth(3)
    if draw.random() < .01:  # more than an explanation has room for
        doc["rules"] = [rules.rule(n) for n in range(140)]
        for rule in doc["rules"]:
            rule["when"] = rule["when"] if draw.random() < .2 else True
    keeps = draw.random() < .02
    while gives_too_much(doc) and not keeps:
        doc["rules"].pop(draw.randrange(len(doc["rules"])))
    fields = list(doc)
    draw.shuffle(fields)
    return json.dumps({name: doc[name] for name in fields}, ensure_ascii=False), gives_too_much(doc)


if __name__ == "__main__":
    print(programme(random.Random())[0])
