"""A second, naive implementation of docs/programme.md (format 2), written from that page alone.

It shares no code with the firmware, and prefers being plain to being fast. Numbers in conditions are
Python integers scaled by 10^4; everything else is plain integers. vafa_reference.py uses it.
"""

import vafa_facts

SCALE = 10**4
INT64 = 2**63
MONEY_MAX = 2**36 - 1
POINTS_MAX = 2**28 - 1
REDEEMED_MAX = 2**20 - 1
PARTS = ["amount", "rebate", "redeemed", "redeemed_value", "payment", "load", "award", "due",
         "gift", "voucher"]


WISH = dict(kind="", amount=0, gift=0, voucher=0, pay_credit=0, pay_gift=0, pay_voucher=0, redeem=0,
            refers_counter=0)


class Refusal(Exception):
    pass


class Failed(Exception):
    """A condition that fails at run time."""


# --- calendars --------------------------------------------------------------------------------

EPOCH = 738886  # proleptic Gregorian ordinal of 2024-01-01, as datetime.date.toordinal counts


def gregorian(day):
    """day: 0 = 2024-01-01."""
    import datetime
    date = datetime.date.fromordinal(EPOCH + day)
    return date.year, date.month, date.day


# First days of Jalali years, by the 33-year rule: years 1, 5, 9, 13, 17, 22, 26, 30 of 33 are long.
LONG = {1, 5, 9, 13, 17, 22, 26, 30}


def jalali_is_long(year):
    return year % 33 in LONG


def jalali_new_year(year):
    """The day (0 = 2024-01-01) on which the Jalali year begins; 1403-01-01 was 2024-03-20."""
    day, at = 79, 1403
    while at < year:
        day += 366 if jalali_is_long(at) else 365
        at += 1
    while at > year:
        at -= 1
        day -= 366 if jalali_is_long(at) else 365
    return day


_new_years = {year: jalali_new_year(year) for year in range(1270, 1500)}


def jalali(day):
    year = 1402 + day // 366
    while _new_years[year + 1] <= day:
        year += 1
    while _new_years[year] > day:
        year -= 1
    rest = day - _new_years[year]
    if rest < 186:
        return year, 1 + rest // 31, 1 + rest % 31
    rest -= 186
    return year, 7 + rest // 30, 1 + rest % 30


def jalali_day(year, month, day):
    before = 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    return _new_years[year] + before + day - 1


def weekday(day):
    """0 = Saturday; 2024-01-01 was a Monday."""
    return (day + 2) % 7


def period_number(period, day):
    year, month, _ = jalali(day)
    since = year - 1402
    return {"year": since, "half": since * 2 + (month - 1) // 6,
            "quarter": since * 4 + (month - 1) // 3, "month": since * 12 + month - 1}[period]


def days_to(days_since_1900, today):
    """Days to the next anniversary, Jalali; -1 when not given. 30 Esfand is 29 Esfand in short years."""
    if not days_since_1900:
        return -1
    _, month, day = jalali(days_since_1900 - 45290)  # 1900-01-01 to 2024-01-01
    year = jalali(today)[0]
    for at in (year, year + 1):
        d = 29 if (month, day) == (12, 30) and not jalali_is_long(at) else day
        when = jalali_day(at, month, d)
        if when >= today:
            return when - today
    raise AssertionError


def age(days_since_1900, today):
    """Whole Jalali years; -1 when not given, or yet to be born."""
    if not days_since_1900:
        return -1
    born, now = jalali(days_since_1900 - 45290), jalali(today)
    return max(-1, now[0] - born[0] - (now[1:] < born[1:]))


# --- facts ------------------------------------------------------------------------------------

FACTS = vafa_facts.FIELDS


def day_of(programme, minute):
    """1 + local days since 2024-01-01; 0 = not known."""
    return vafa_facts.day_of(minute, programme["utc_offset_minutes"])


def facts_rules(programme):
    expiry = programme["purses"]["points"]["expiry"]
    return {"offset": programme["utc_offset_minutes"], "tiers": tier_period(programme),
            "expiry": expiry["period"] if expiry else None}


def trunc(a, b):
    return abs(a) // b * (1 if a >= 0 else -1)


def tier_period(programme):
    return programme["tiers"]["period"] if programme["tiers"] else "year"


def tier_number(programme, day):
    return period_number(tier_period(programme), day - 1)


# --- conditions -------------------------------------------------------------------------------

def truth(value):
    return bool(value)  # "", 0, [], None are false; "0" is true


def number(value):
    if isinstance(value, bool):
        return SCALE * value
    if isinstance(value, int):
        return value
    raise Failed(repr(value))


def checked(value):
    if not -INT64 <= value < INT64:
        raise Failed("overflow")
    return value


def same(a, b):
    if a is None or b is None:
        return a is b
    if isinstance(a, str) != isinstance(b, str):
        raise Failed("unlike things")
    return (a == b) if isinstance(a, str) else number(a) == number(b)


def substr(text, start, length=None):
    """Characters from `start`, `length` of them; negative ones are counted from the end."""
    start = trunc(start, SCALE)
    rest = text[max(0, start + len(text)) if start < 0 else start:]
    if length is None:
        return rest
    length = trunc(length, SCALE)
    return rest[:max(0, length + len(rest)) if length < 0 else length]


def judge(node, facts):
    """JsonLogic; literals arrive as JSON, so that whole numbers are scaled here."""
    if isinstance(node, bool) or isinstance(node, str) or node is None:
        return node
    if isinstance(node, int):
        return node * SCALE
    if isinstance(node, float):
        from decimal import Decimal
        return int(Decimal(repr(node)) * SCALE)
    if isinstance(node, list):
        return [judge(item, facts) for item in node]
    (op, args), = node.items()
    if not isinstance(args, list):
        args = [args]
    if op == "var":
        return facts[args[0]]
    if op in ("if", "?:"):
        for i in range(0, len(args) - 1, 2):
            if truth(judge(args[i], facts)):
                return judge(args[i + 1], facts)
        return judge(args[-1], facts) if len(args) % 2 else None
    if op in ("and", "or"):
        value = None
        for arg in args:
            value = judge(arg, facts)
            if truth(value) == (op == "or"):
                return value
        return value
    if op in ("all", "some", "none"):
        holds = [truth(judge(args[1], {"": item})) for item in judge(args[0], facts)]
        return {"all": all(holds) and bool(holds), "some": any(holds), "none": not any(holds)}[op]
    a = [judge(arg, facts) for arg in args]
    if op in ("missing", "missing_some"):
        return []  # a programme's facts always have a value
    if op == "merge":
        return [item for part in a for item in (part if isinstance(part, list) else [part])]
    if op == "substr":
        return substr(*a)
    if op == "!":
        return not truth(a[0])
    if op == "!!":
        return truth(a[0])
    if op in ("==", "==="):
        return same(a[0], a[1])
    if op in ("!=", "!=="):
        return not same(a[0], a[1])
    if op in ("<", "<=", ">", ">="):
        is_text = all(isinstance(x, str) for x in a)
        n = [x.encode() if is_text else number(x) for x in a]
        def holds(x, y):
            return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]
        return all(holds(x, y) for x, y in zip(n, n[1:]))
    if op == "in":
        return any(same(a[0], item) for item in a[1]) if isinstance(a[1], list) \
            else a[1] != "" and a[0] in a[1]  # as json-logic-js: nothing is within ""
    n = [number(x) for x in a]
    if op == "+":
        total = 0
        for x in n:
            total = checked(total + x)
        return total
    if op == "*":
        product = n[0]
        for x in n[1:]:
            product = checked(trunc(product * x, SCALE))
        return product
    if op == "-":
        return checked(-n[0] if len(n) == 1 else n[0] - n[1])
    if op == "/":
        if n[1] == 0:
            raise Failed("division by zero")
        return checked(trunc(n[0] * SCALE * (1 if n[1] > 0 else -1), abs(n[1])))
    if op == "%":
        if n[1] == 0:
            raise Failed("division by zero")
        return n[0] - trunc(n[0] * (1 if n[1] > 0 else -1), abs(n[1])) * n[1]
    if op in ("min", "max"):
        return min(n) if op == "min" else max(n)
    raise ValueError(op)


# --- facts as a condition sees them -----------------------------------------------------------

def sees(programme, card, wish, occasion, minute, terminal):
    """path -> value; numbers scaled."""
    facts = occasion["facts"]
    day = day_of(programme, minute)
    out = {}

    def put(path, value):
        out[path] = value if isinstance(value, (bool, str)) else value * SCALE

    put("sale.amount", wish["amount"])
    put("sale.pay_credit", wish["pay_credit"])
    put("sale.redeem", wish["redeem"])
    lines = {number: (amount, milli) for number, amount, milli in occasion["lines"]}
    for product in programme["products"]:
        amount, milli = lines.get(product["number"], (0, 0))
        put("lines.%s.amount" % product["id"], amount)
        out["lines.%s.quantity" % product["id"]] = min(milli, 4000000000) * (SCALE // 1000)
    for i, code in enumerate(programme["codes"]):
        put("code." + code["id"], occasion["code"] == i + 1)
    for name in ("points", "credit", "gift", "voucher", "stamps", "counter"):
        put("card." + name, card[name])
    kinds = {kind["number"]: kind["id"] for kind in programme["kinds"]}
    identity = occasion["identity"]
    put("card.kind", kinds.get(identity["kind"], "") if identity else "")
    groups = {group["number"]: group["id"] for group in programme["groups"]}
    put("member.group", groups.get(card["group"], ""))
    tiers = programme["tiers"]["list"] if programme["tiers"] else []
    put("member.tier", tiers[card["tier"] - 1]["id"] if 1 <= card["tier"] <= len(tiers) else "")
    for what in ("birthday", "wedding"):
        put("member.days_to_" + what,
            days_to(identity[what], day - 1) if identity and day else -1)
    put("member.age", age(identity["birthday"], day - 1) if identity and day else -1)
    put("history.known", facts is not None)
    f = facts or {name: 0 for name, _ in FACTS}
    last = f["last_day"]
    put("history.visits", f["visits"])
    put("history.days_since_visit", max(0, day - last) if day and last else -1)
    out["history.mean_interval"] = f["interval"] * (SCALE // 4)
    put("history.mean_basket", f["basket"] * 1000)
    running = not day or not last or tier_number(programme, day) <= tier_number(programme, last)
    put("history.period_spend", f["spend"] * 1000 if running else 0)
    put("history.period_earned", f["earned"] if running else 0)
    for mark in programme["marks"]:
        put("mark." + mark["id"], facts is not None and mark_is_set(f, mark["number"], day))
    date = jalali(day - 1) if day else (0, 0, 0)
    for calendar in programme["calendars"]:
        start, end = (jalali_day(*map(int, calendar[x].split("-"))) for x in ("from", "to"))
        put("on." + calendar["id"], bool(day) and start <= day - 1 <= end and
            weekday(day - 1) in calendar.get("weekdays", range(7)))
    put("calendar.known", bool(day))
    for name, value in zip(("jalali_year", "jalali_month", "jalali_day"), date):
        put("calendar." + name, value)
    for name, value in zip(("year", "month", "day"), gregorian(day - 1) if day else (0, 0, 0)):
        put("calendar." + name, value)
    put("calendar.weekday", weekday(day - 1) if day else 0)
    local = (minute + programme["utc_offset_minutes"]) % 1440 if day else 0
    put("calendar.hour", local // 60)
    put("calendar.minute", local % 60)
    put("place.merchant", occasion["merchant"])
    put("place.branch", occasion["branch"])
    put("place.terminal", terminal)
    return out


def mark_is_set(f, mark, day):
    if mark >= 14:
        return bool(f["marks_ever"] >> (mark - 14) & 1)
    last = f["last_day"]
    if day and last and jalali(day - 1)[0] > jalali(last - 1)[0]:
        return False
    return bool(f["marks_year"] >> (mark - 1) & 1)


# --- a sale -----------------------------------------------------------------------------------

def hundredths(percent):
    from decimal import Decimal
    return int(Decimal(repr(percent)) * 100)


def money_effect(effect, base, step):
    if "percent" in effect:
        value = base * hundredths(effect["percent"]) // 10000
    else:
        value = min(effect["rials"], base)
    if "max_rials" in effect:
        value = min(value, effect["max_rials"])
    return value // step * step


def award_effect(effect, base):
    if "per_rials" in effect:
        value = base // effect["per_rials"] * effect["points"]
    else:
        value = effect["points"] if base > 0 else 0
    return min(value, effect.get("max_points", value))


def stack(how, values):
    if how == "sum":
        return sum(values)
    if how == "best":
        return max(values, default=0)
    return next((value for value in values if value > 0), 0)


def held_points(programme, history, day):
    hold = programme["purses"]["points"]["hold_days"]
    if not hold or not day:
        return 0
    held, reaches = 0, False
    known = dense(history)
    for after, before in zip(known, known[1:]):
        when = day_of(programme, after["minute"])
        if when and when <= day - hold:
            reaches = True
            break
        if KIND(after) == "sale":
            held += max(0, after["points"] - before["points"] + after["redeemed"])
    if not reaches:
        last = known[-1]
        when = day_of(programme, last["minute"])
        if not (last["counter"] == 1 or (when and when <= day - hold)):
            return history[0]["points"]
    return min(held, history[0]["points"])


def KIND(card):
    return ["", "activate", "sale", "refund", "load", "unload", "action", "block", "unblock",
            "transfer", "expire", "adjust", "duplicate"][card["kind"]]


def dense(history):
    known = [history[0]]
    for older in history[1:64]:
        if older["counter"] != known[-1]["counter"] - 1:
            break
        known.append(older)
    return known


def rules_that_hold(programme, seen, occasion, day):
    """(rule) in order; and the mark that is used."""
    out, used = [], 0
    facts = occasion["facts"]
    for rule in programme["rules"]:
        try:
            holds = truth(judge(rule["when"], seen))
        except Failed:
            holds = False
        if not holds:
            continue
        if "once" in rule:
            mark = next(m["number"] for m in programme["marks"] if m["id"] == rule["once"])
            if facts is None or used or mark_is_set(facts, mark, day):
                continue
            used = mark
        out.append(rule)
    return out, used


def kind_terms(programme, identity):
    return next((k for k in programme["kinds"] if identity and k["number"] == identity["kind"]), {})


def plan_sale(programme, history, wish, occasion, minute, terminal):
    card, day = history[0], day_of(programme, minute)
    limits, on = programme["limits"], programme["modules"]
    amount, redeem, payment = wish["amount"], wish["redeem"], wish["pay_credit"]
    value = programme["redemption"]["rials_per_point"] if "redemption" in on else 0
    if amount > limits["sale_max_rials"]:
        raise Refusal("amount_range")
    if occasion["lines"] and sum(total for _, total, _ in occasion["lines"]) != amount:
        raise Refusal("lines_differ")
    if occasion["code"] and "codes" not in on:
        raise Refusal("codes_off")
    if occasion["code"] > len(programme["codes"]):
        raise Refusal("code_unknown")
    rules, used = rules_that_hold(programme, sees(programme, card, wish, occasion, minute, terminal),
                                  occasion, day)
    products = {product["id"]: product for product in programme["products"]}
    lines = {number: total for number, total, _ in occasion["lines"]}

    def line(effect):
        return lines.get(products[effect["of"]]["number"], 0)

    def of_basket(effect):
        return effect.get("of", "basket") == "basket"

    rebate = min(amount, stack(programme["stacking"]["rebate"], [
        money_effect(rule["do"]["rebate"],
                     amount if of_basket(rule["do"]["rebate"]) else line(rule["do"]["rebate"]),
                     programme["rounding"]["rebate_rials"])
        for rule in rules if "rebate" in rule["do"]]))
    net = amount - rebate
    # Redemption and payment.
    if redeem:
        if not value:
            raise Refusal("redemption_off")
        if redeem < programme["redemption"]["min_points"]:
            raise Refusal("redemption_range")
        if redeem > card["points"] or redeem > REDEEMED_MAX:
            raise Refusal("points_short")
        if redeem > card["points"] - held_points(programme, history, day):
            raise Refusal("points_held")
        if redeem * value > net * hundredths(programme["redemption"]["max_percent"]) // 10000:
            raise Refusal("redemption_range")
    gift, voucher = wish["pay_gift"], wish["pay_voucher"]
    for name, pay in (("voucher", voucher), ("gift", gift)):
        if pay and name not in on:
            raise Refusal("purse_off")
        if pay > card[name]:
            raise Refusal("purse_short")
    identity = occasion["identity"]
    if (gift or voucher) and identity:
        if identity["expires"] and day and 45290 + day - 1 > identity["expires"]:
            raise Refusal("card_expired")
        terms = kind_terms(programme, identity)
        if "branches" in terms and occasion["branch"] not in terms["branches"]:
            raise Refusal("card_branch")
    if payment and "credit" not in on:
        raise Refusal("credit_off")
    if payment > card["credit"]:
        raise Refusal("credit_short")
    if redeem * value + payment + gift + voucher > net:
        raise Refusal("pays_too_much")
    due = net - redeem * value - payment - gift - voucher
    left = net
    left -= 0 if programme["award_on"]["redeemed"] else redeem * value
    left -= 0 if programme["award_on"]["credit"] else payment
    left -= 0 if programme["award_on"].get("gift") else gift
    left -= 0 if programme["award_on"].get("voucher") else voucher
    idle = sum(lines.get(p["number"], 0) for p in programme["products"] if not p["earns"])
    earning = left * (amount - idle) // amount

    def base(effect):
        if of_basket(effect):
            return earning
        return line(effect) * left // amount if products[effect["of"]]["earns"] else 0

    award = stack(programme["stacking"]["award"],
                  [award_effect(rule["do"]["award"], base(rule["do"]["award"]))
                   for rule in rules if "award" in rule["do"]])
    room = max(0, programme["purses"]["points"]["max"] - (card["points"] - redeem))
    award = min(award, room)
    cashback = stack(programme["stacking"]["cashback"],
                     [money_effect(rule["do"]["cashback"], base(rule["do"]["cashback"]),
                                   programme["rounding"]["cashback_rials"])
                      for rule in rules if "cashback" in rule["do"]])
    room = max(0, programme["purses"]["credit"]["max_rials"] - (card["credit"] - payment))
    cashback = min(cashback, room)
    stamps, group = card["stamps"], card["group"]
    for rule in rules:
        if "stamps" in rule["do"]:
            effect = rule["do"]["stamps"]
            stamps = min(15, stamps + effect["add"]) if "add" in effect else effect["set"]
        if "group" in rule["do"]:
            names = {g["id"]: g["number"] for g in programme["groups"]}
            group = names[rule["do"]["group"]] if rule["do"]["group"] else 0
    points = card["points"] - redeem + award
    parts = dict(amount=amount, rebate=rebate, redeemed=redeem, redeemed_value=redeem * value,
                 payment=payment, load=cashback, award=award, due=due, gift=gift, voucher=voucher)
    changes = dict(amount=net, reference=1 + value % 63 if redeem else 0, idle=int(0 < idle < amount), offer=used,
                   flags=(1 if payment else 0) | (2 if cashback else 0), stamps=stamps, group=group,
                   tier=new_tier(programme, card, occasion["facts"], day, net, award, points))
    return parts, changes


def level(tiers, value):
    return max(i + 1 for i, tier in enumerate(tiers) if tier["from"] <= value)


def new_tier(programme, card, facts, day, net, award, points):
    rule = programme["tiers"]
    if not rule or facts is None or not day:
        return card["tier"]
    tiers = rule["list"]
    if rule["measure"] == "points":
        now = level(tiers, points)
        return now if rule["falls"] else max(card["tier"], now)
    last = facts["last_day"]
    apart = tier_number(programme, day) - tier_number(programme, last) if last else 0
    f = facts["earned"] if rule["measure"] == "earned" else facts["spend"] * 1000
    plus = award if rule["measure"] == "earned" else net // 1000 * 1000
    now = level(tiers, plus + (f if apart <= 0 else 0))
    if apart <= 0 or not rule["falls"]:  # a clock set back changes nothing
        return max(card["tier"], now)
    return max(level(tiers, f if apart == 1 else 0), now)


# --- refund, unload, expire -------------------------------------------------------------------

def find_past(history, wish, kind):
    known = {card["counter"]: card for card in dense(history)}
    k = wish["refers_counter"]
    if k in known and KIND(known[k]) != kind:
        raise Refusal("not_a_sale")
    if k not in known or k - 1 not in known:
        raise Refusal("not_in_history")
    back = []
    for counter in range(k + 1, history[0]["counter"] + 1):
        card = known[counter]
        if KIND(card) == wish["kind"] and counter - card["reference"] == k:
            back.append((known[counter - 1], card))
    left = known[k]["amount"] - sum(card["amount"] for _, card in back)
    if left <= 0 or wish["amount"] > left:
        raise Refusal("already_refunded")
    return known[k - 1], known[k], back, wish["amount"] or left


def is_plain(programme, rule):
    award = rule["do"].get("award")
    return (award and programme["stacking"]["award"] == "sum" and rule["when"] is True and "once" not in rule and
            "per_rials" in award and award.get("of", "basket") == "basket" and "max_points" not in award)


def base_award(programme, earning):
    return sum(min(2**50, award_effect(rule["do"]["award"], earning))
               for rule in programme["rules"] if is_plain(programme, rule))


def ceil(a, b):
    return -(-a // b)


def of_product(effect):
    return effect.get("of", "basket") != "basket"


def earned_most(programme, name, sale, part, whole):
    """What goods worth `part` can have earned at most in a sale of which `whole` could earn; without goods that
    earn nothing: beyond the plain rules."""
    if part == 0:
        return 0
    if any(of_product(rule["do"]["rebate"]) for rule in programme["rules"] if "rebate" in rule["do"]):
        part = whole
    lost = programme["refund"]["extras"] == "lost"
    idle = [product["id"] for product in programme["products"] if not product["earns"]]
    marks = {mark["id"]: mark["number"] for mark in programme["marks"]}
    each = [0]
    for rule in programme["rules"]:
        effect = rule["do"].get(name)
        if not effect or effect.get("of") in idle or "once" in rule and marks[rule["once"]] != sale["offer"]:
            continue
        shared_fixed = not of_product(effect) and not sale["idle"]
        if name == "award":
            plain, per = is_plain(programme, rule), effect.get("per_rials")
            if plain and not sale["idle"]:
                continue
            if lost and not plain:
                most = award_effect(effect, whole)
            elif per:
                most = award_effect(effect, min(whole, ceil(part, per) * per))
            else:
                most = ceil(effect["points"] * part, whole) if shared_fixed else effect["points"]
            each.append(min(most, effect.get("max_points", most)))
        else:
            if "percent" in effect:
                step = programme["rounding"]["cashback_rials"]
                most = ceil(ceil(part * hundredths(effect["percent"]), 10000), step) * step
            else:
                most = min(effect["rials"], whole)
                most = ceil(most * part, whole) if shared_fixed else most
            each.append(min(most, effect.get("max_rials", most)))
    return sum(each) if programme["stacking"][name] == "sum" else max(each)


def plan_refund(programme, history, wish, sale_parts):
    card = history[0]
    value = programme["redemption"]["rials_per_point"] if "redemption" in programme["modules"] else 0
    before, sale, refunds, amount = find_past(history, wish, "sale")
    whole, redeemed = sale["amount"], sale["redeemed"]
    change = sale["credit"] - before["credit"]
    if redeemed and (value == 0 or sale["reference"] != 1 + value % 63):
        raise Refusal("point_value_changed")
    if sale["flags"] == 3:
        if sale_parts is None:
            raise Refusal("ask_seller")
        payment, cashback = sale_parts["payment"], sale_parts["load"]
    else:
        payment = -change if sale["flags"] == 1 else 0
        cashback = change if sale["flags"] == 2 else 0
    award = sale["points"] - before["points"] + redeemed
    gift, voucher = before["gift"] - sale["gift"], before["voucher"] - sale["voucher"]
    due = whole - redeemed * value - payment - gift - voucher
    if cashback - payment != change or min(payment, cashback, award, due, gift, voucher) < 0:
        raise Refusal("point_value_changed")
    earning = whole
    earning -= 0 if programme["award_on"]["redeemed"] else redeemed * value
    earning -= 0 if programme["award_on"]["credit"] else payment
    earning -= 0 if programme["award_on"].get("gift") else gift
    earning -= 0 if programme["award_on"].get("voucher") else voucher
    extra = award - base_award(programme, earning)

    def uneven(name, x, s):
        gone, stays = ceil(earning * s, whole), ceil(earning * (whole - s), whole)
        return max(0, min(x - earned_most(programme, name, sale, gone, earning),
                          earned_most(programme, name, sale, stays, earning)))

    def extras(name, x, s):
        if s == 0:
            return x
        if programme["refund"]["extras"] == "lost":
            return 0
        by_product = any(of_product(rule["do"][name]) for rule in programme["rules"] if name in rule["do"])
        return uneven(name, x, s) if sale["idle"] or by_product else x * (whole - s) // whole

    def award_kept(s):
        if sale["idle"]:
            return uneven("award", award, s) if s else award
        if extra < 0:
            return award * (whole - s) // whole
        return min(award, base_award(programme, earning * (whole - s) // whole) + extras("award", extra, s))

    r, settled = 0, 0
    for older, refund in refunds:
        taken = max(0, refund["redeemed"] - (refund["points"] - older["points"]))
        by_rule = award_kept(r) - award_kept(r + refund["amount"])
        settled += max(taken, by_rule) if refund["points"] == 0 else taken
        r += refund["amount"]
    settled = min(settled, award)
    s = r + amount

    def back(x):
        return x * s // whole - x * r // whole

    parts = dict(amount=amount, rebate=0, redeemed=back(redeemed),
                 redeemed_value=back(redeemed) * value, payment=back(payment), due=back(due),
                 gift=back(gift), voucher=back(voucher))
    award_back = max(0, award - award_kept(s) - settled)
    cashback_back = extras("cashback", cashback, r) - extras("cashback", cashback, s)
    there = card["points"] + parts["redeemed"]
    points_missing = max(0, award_back - there)
    if points_missing and value == 0:
        raise Refusal("points_spent")
    parts["award"] = award_back - points_missing
    # What the card lacks is withheld; payment that is withheld is credit that is not given back.
    lacking = points_missing * value
    for name in ("due", "payment", "gift", "voucher"):
        part = min(lacking, parts[name])
        parts[name] -= part
        lacking -= part
    if lacking:
        raise Refusal("points_spent")
    lacking = max(0, cashback_back - card["credit"] - parts["payment"])
    parts["load"] = cashback_back - lacking
    for name in ("due", "gift", "voucher"):
        part = min(lacking, parts[name])
        parts[name] -= part
        lacking -= part
    if lacking:
        raise Refusal("points_spent" if points_missing else "cashback_spent")
    if max(card["gift"] + parts["gift"], card["voucher"] + parts["voucher"]) >= 2**30 and \
            card["credit"] + parts["payment"] - parts["load"] <= MONEY_MAX:
        raise Refusal("purse_ceiling")
    if card["credit"] + parts["payment"] - parts["load"] > MONEY_MAX:
        raise Refusal("credit_ceiling")
    if card["points"] + parts["redeemed"] - parts["award"] > POINTS_MAX:
        raise Refusal("points_ceiling")
    stamps = card["stamps"]
    if s == whole:
        stamps -= min(stamps, max(0, sale["stamps"] - before["stamps"]))
    return parts, dict(reference=card["counter"] + 1 - wish["refers_counter"], stamps=stamps)


def bonus_of(programme, amount):
    percent = 0
    for step in programme["purses"]["credit"].get("bonus", []):
        if amount >= step["from_rials"]:
            percent = hundredths(step["percent"])
    step = programme["rounding"]["cashback_rials"]
    return amount * percent // 10000 // step * step


def plan_unload(programme, history, wish):
    before, load, unloads, amount = find_past(history, wish, "load")
    whole = load["amount"]
    rose = {name: load[name] - before[name] for name in ("credit", "gift", "voucher")}
    purses = [name for name in rose if rose[name]]
    if len(purses) != 1 or rose[purses[0]] < whole or purses[0] != "credit" and rose[purses[0]] != whole:
        raise Refusal("point_value_changed")
    purse = purses[0]
    off = amount
    if purse == "credit":
        bonus = rose[purse] - whole
        left = whole - sum(card["amount"] for _, card in unloads) - amount
        gone = sum(max(0, older["credit"] - card["credit"] - card["amount"]) for older, card in unloads)
        off += max(0, bonus - min(bonus * left // whole, bonus_of(programme, left)) - gone)
    if off > history[0][purse]:
        raise Refusal("credit_spent" if purse == "credit" else "purse_spent")
    parts = dict(amount=amount, due=amount)
    parts["load" if purse == "credit" else purse] = off
    return parts, dict(reference=history[0]["counter"] + 1 - wish["refers_counter"])


def plan_activate(programme, wish, identity):
    on, terms = programme["modules"], kind_terms(programme, identity)

    def opening(name, least, most):
        said = terms.get("opening_" + name)
        return (said["min_rials"], said["max_rials"]) if said else (least, most)

    ranges = [("amount", "credit", opening("credit", 0, programme["limits"]["opening_max_rials"])),
              ("gift", "gift", opening("gift", 0, 0)),
              ("voucher", "voucher", (0, programme["purses"]["voucher"]["max_rials"]))]
    for field, module, (least, most) in ranges:
        if wish[field] and module not in on:
            raise Refusal("credit_off" if module == "credit" else "purse_off")
        if not least <= wish[field] <= most:
            raise Refusal("amount_range")
    amount = wish["amount"] + wish["gift"] + wish["voucher"]
    if amount > MONEY_MAX:
        raise Refusal("amount_range")
    return dict(amount=amount, load=wish["amount"], due=amount, gift=wish["gift"], voucher=wish["voucher"])


ACCOUNTS = ["", "customer", "colleague", "agent", "partner", "staff"]
ROUTES = ["", "counter", "web", "app", "invitation", "first_purchase", "import", "batch"]


def group_of(programme, occasion, minute, terminal):
    """The number of the group that somebody joins: the one that was named, else the first whose rule holds."""
    newcomer = occasion["newcomer"]
    if newcomer is None:
        return 0
    account, route, group = newcomer
    if group:
        return group
    nobody = dict(points=0, credit=0, gift=0, voucher=0, stamps=0, counter=1, group=0, tier=0)
    seen = sees(programme, nobody, dict(WISH, amount=1), dict(occasion, facts=None, lines=[], code=0), minute, terminal)
    seen.update({"member.account": ACCOUNTS[account], "member.route": ROUTES[route]})
    for group in programme["groups"]:
        try:
            if "when" in group and truth(judge(group["when"], seen)):
                return group["number"]
        except Failed:
            pass
    return 0


def plan_load(programme, card, wish):
    on, limits = programme["modules"], programme["limits"]
    purse = "gift" if wish["gift"] else "voucher" if wish["voucher"] else "credit"
    amount = wish["amount"] + wish["gift"] + wish["voucher"]
    if purse not in on:
        raise Refusal("credit_off" if purse == "credit" else "purse_off")
    if not limits["load_min_rials"] <= amount <= limits["load_max_rials"]:
        raise Refusal("amount_range")
    room = programme["purses"][purse]["max_rials"] - card[purse]
    if amount > room:
        raise Refusal("credit_ceiling" if purse == "credit" else "purse_ceiling")
    parts = dict(amount=amount, load=wish["amount"], due=amount, gift=wish["gift"], voucher=wish["voucher"])
    if purse == "credit":
        parts["load"] += min(room - amount, bonus_of(programme, amount))
    return parts


def plan_transfer(programme, card, wish, direction):
    amount = wish["amount"]
    if direction == 1:
        if "credit" not in programme["modules"]:
            raise Refusal("credit_off")
        if amount > card["credit"]:
            raise Refusal("credit_short")
        return dict(amount=amount, payment=amount), dict(flags=1)
    if card["credit"] + amount > MONEY_MAX:
        raise Refusal("credit_ceiling")
    return dict(amount=amount, load=amount), dict(flags=2)


def plan_duplicate(card, wish, direction):
    if direction == 1:
        parts = dict(amount=card["credit"], payment=card["credit"], award=card["points"], gift=card["gift"],
                     voucher=card["voucher"])
        return parts, dict(flags=1, status=3)
    tier, group, stamps, points = wish["inherits"]
    parts = dict(amount=wish["amount"], load=wish["amount"], award=points, gift=wish["gift"], voucher=wish["voucher"])
    return parts, dict(flags=2, tier=tier, group=group, stamps=stamps)


def expired(programme, card, facts, minute):
    rules, day = facts_rules(programme), day_of(programme, minute)
    if not rules["expiry"] or facts is None or not day or not facts["roll"]:
        return 0
    apart = vafa_facts.roll_of(rules, day) - facts["roll"]
    if apart <= 0:
        return 0
    return min(facts["carry"], card["points"]) if apart == 1 else card["points"]


# --- the entry --------------------------------------------------------------------------------

def deltas(kind, parts, flags=0):
    p, sign = parts, -1 if flags == 1 else 1
    return {
        "activate": [0, p["load"], p["gift"], p["voucher"]],
        "load": [0, p["load"], p["gift"], p["voucher"]],
        "unload": [0, -p["load"], -p["gift"], -p["voucher"]],
        "sale": [p["award"] - p["redeemed"], p["load"] - p["payment"], -p["gift"], -p["voucher"]],
        "refund": [p["redeemed"] - p["award"], p["payment"] - p["load"], p["gift"], p["voucher"]],
        "expire": [-p["award"], 0, -p["gift"], -p["voucher"]],
        "action": [p["award"] - p["redeemed"], p["load"] - p["payment"], p["gift"], p["voucher"]],
        "transfer": [0, p["load"] - p["payment"], 0, 0],
        "duplicate": [sign * p["award"], p["load"] - p["payment"], sign * p["gift"], sign * p["voucher"]],
        "block": [0, 0, 0, 0],
        "unblock": [0, 0, 0, 0],
    }.get(kind)


def plan(programme, history, wish, occasion, sale_parts, minute, terminal, sequence, blank):
    """Returns (parts, next card, facts after) or raises Refusal. `blank`: a card of zeros."""
    kind, wish = wish["kind"], dict(WISH, **wish)
    if history:
        card = history[0]
        if card["status"] == 2:
            raise Refusal("card_blocked")
        if card["status"] == 3:
            raise Refusal("card_closed")
        if card["counter"] == 2**20 - 1:
            raise Refusal("counter_used_up")
    else:
        card = dict(blank, layout=1, status=1)
    changes = {}
    if kind == "activate":
        parts = plan_activate(programme, wish, occasion["identity"])
        changes = dict(group=group_of(programme, occasion, minute, terminal))
        if changes["group"] not in [0] + [group["number"] for group in programme["groups"]]:
            raise Refusal("group_unknown")
    elif kind == "load":
        parts = plan_load(programme, card, wish)
    elif kind == "sale":
        parts, changes = plan_sale(programme, history, wish, occasion, minute, terminal)
    elif kind == "refund":
        parts, changes = plan_refund(programme, history, wish, sale_parts)
    elif kind == "unload":
        parts, changes = plan_unload(programme, history, wish)
    elif kind == "transfer":
        parts, changes = plan_transfer(programme, card, wish, occasion["peer"])
    elif kind == "duplicate":
        parts, changes = plan_duplicate(card, wish, occasion["peer"])
    elif kind == "expire":
        parts = dict(award=expired(programme, card, occasion["facts"], minute))
        if not parts["award"]:
            raise Refusal("nothing_expires")
    else:
        raise ValueError(kind)
    parts = {name: parts.get(name, 0) for name in PARTS}
    after = dict(card)
    for name, delta in zip(("points", "credit", "gift", "voucher"), deltas(kind, parts, changes.get("flags"))):
        after[name] += delta
    after.update(counter=card["counter"] + 1, reference=0, idle=0, offer=0, flags=0, amount=parts["amount"],
                 redeemed=parts["redeemed"], minute=minute, terminal=terminal, sequence=sequence,
                 kind=["", "activate", "sale", "refund", "load", "unload", "action", "block",
                       "unblock", "transfer", "expire", "adjust", "duplicate"].index(kind))
    after.update(changes)
    return parts, after, facts_after(programme, occasion["facts"], card if history else None, after)


def facts_after(programme, facts, before, after):
    rules = facts_rules(programme)
    if facts is None:
        return vafa_facts.restart(rules, before, after)
    return vafa_facts.fold(rules, facts, before, after)


# --- the club's actions -----------------------------------------------------------------------

ROOM = {"credit": MONEY_MAX, "gift": 2**30 - 1, "voucher": 2**30 - 1, "points": POINTS_MAX}


def plan_actions(programme, card, facts, actions, minute, terminal, sequence):
    """Returns (parts, next card, facts after, what each moved, why the next one is not applied or "none"),
    or raises Refusal. `actions` as vafa_reference.action_decode() gives them."""
    if card["status"] == 3:
        raise Refusal("card_closed")
    if card["counter"] == 2**20 - 1:
        raise Refusal("card_blocked" if card["status"] == 2 else "counter_used_up")
    now = dict(card, offer=0)
    parts = {name: 0 for name in PARTS}
    moved, stop = [], "none"
    for action in actions:
        kind, amount, value = action["kind"], action["amount"], action["value"]
        on = {2: "credit", 3: "gift", 4: "voucher", 5: "points"}.get(kind)
        off = {6: "credit", 7: "points"}.get(kind)
        part = {2: "load", 3: "gift", 4: "voucher", 5: "award", 6: "payment", 7: "redeemed"}.get(kind)
        late = action["until"] and (not minute or 1704067200 + 60 * minute > action["until"])
        put_on = parts["load"] + parts["gift"] + parts["voucher"]
        most = {"redeemed": REDEEMED_MAX, "award": POINTS_MAX}.get(part, MONEY_MAX)
        if action["number"] != now["action"] + 1:
            stop = "action_order"
        elif late:
            stop = "action_late"
        elif on and now[on] + amount > ROOM[on]:
            stop = "action_ceiling"
        elif part and parts[part] + amount > most or kind in (2, 3, 4) and put_on + amount > MONEY_MAX:
            stop = "action_next"
        elif kind == 12 and now["offer"]:
            stop = "action_next"
        if stop != "none":
            break
        now["action"] = action["number"]
        change = amount if on else -min(amount, now[off]) if off else 0
        if part:
            now[on or off] += change
            parts[part] += abs(change)
        field = {8: "tier", 9: "group", 12: "offer", 13: "stamps"}.get(kind)
        if field:
            now[field] = value
        now["status"] = {10: 2, 11: 1}.get(kind, now["status"])
        now["layout"] = max(now["layout"], value) if kind == 15 else now["layout"]
        moved.append(abs(change))
    if not moved:
        raise Refusal(stop)
    parts["amount"] = parts["load"] + parts["gift"] + parts["voucher"]
    after = dict(now, counter=card["counter"] + 1, kind=6, reference=0, idle=0, flags=0, amount=parts["amount"],
                 redeemed=parts["redeemed"], minute=minute, terminal=terminal, sequence=sequence)
    return parts, after, facts_after(programme, facts, card, after), moved, stop
