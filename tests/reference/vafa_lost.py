"""Cards that another one replaced, against the journals: tests/reference/vafa_reference.py check.

A naive count of two accounts. `transit` is what left cards and has come to none; `replaced` is what new cards got in
place of lost ones, which carry it still. Once the books have settled, a replacement was given just what its lost card
carries, but for what could not be asked back."""
from vafa_actions import (APPLIED, CREDIT, ENDED, GIFT, POINTS, RETURNED, TAKE_CREDIT, TAKE_POINTS, TAKEN, VOUCHER,
                          WAITING, add)

PURSES = ("points", "credit", "gift", "voucher")
PUTS = {POINTS: "points", CREDIT: "credit", GIFT: "gift", VOUCHER: "voucher"}
TAKES = {TAKE_POINTS: "points", TAKE_CREDIT: "credit"}
TRANSFER, REPLACEMENT = 4, 7  # origins of orders
OUT, IN = 1, 2


def peer_of(intent):
    return intent["occasion"].get("peer", {"direction": 0, "card": 0, "terminal": 0, "sequence": 0})


def moves(book, intents, expected):
    """Adds what duplicates, replacements and transfers did; returns the parts that replacements began with."""
    outs, parts = {}, {}
    for intent in intents:
        kind, peer, sign = intent["what_kind"], peer_of(intent), 0
        if kind == "transfer":
            add(expected, ("credit", "transit"), intent["parts"]["payment"] - intent["parts"]["load"])
        if kind != "duplicate":
            continue
        if intent["after"]["flags"] == OUT:
            state, sign = intent["before"], 1
            outs[intent["key"]] = intent
            if any(intent["after"][purse] for purse in PURSES) or intent["after"]["status"] != 3:
                book.bad("card %d: something is left on it after its duplicate", intent["card"])
        else:
            state, sign = intent["after"], -1
        account = "replaced" if peer["direction"] == IN and not peer["sequence"] else "transit"
        if account == "replaced":
            parts[intent["card"]] = (peer["card"], intent)
        for purse in PURSES:
            add(expected, (purse, account), sign * state[purse])
    return outs, parts


def check_pairs(book, outs, intents, rows):
    """Each second half takes what its first half let out, whole, at the same terminal, once."""
    taken = {}
    for intent in intents:
        peer = peer_of(intent)
        if intent["what_kind"] != "duplicate" or peer["direction"] != IN or not peer["sequence"]:
            continue
        first = (peer["terminal"], peer["sequence"])
        out = outs.get(first)
        if not out or out["card"] != peer["card"] or first[0] != intent["key"][0] or first in taken:
            book.bad("card %d: its duplicate fits no first half", intent["card"])
            continue
        taken[first] = intent["card"]
        for name in PURSES + ("tier", "group", "stamps"):
            if intent["after"][name] != out["before"][name]:
                book.bad("card %d: %s is not what left card %d", intent["card"], name, out["card"])
    told = {(row["terminal"], row["sequence"]): row["new"] for row in rows if row["out"]}
    if told != {first: taken.get(first, 0) for first in outs}:
        book.bad("duplicates: the club says %s, the journals %s", told, taken)


def check_lost(book, row, carried, orders, data, parts):
    """One lost card whose books have settled."""
    who = "lost card %(card)d" % row
    given = dict.fromkeys(PURSES, 0)
    for card, (old, intent) in parts.items():
        second = [r["second"] for r in data["replacements"] if r["card"] == card]
        if old == row["card"] and second != [int(card != row["replaced_by"])]:
            book.bad("%s: %d is its first, or second, replacement, says the club: %s", who, card, second)
        if old == row["card"] and card == row["replaced_by"]:
            given = {purse: intent["after"][purse] for purse in PURSES}
    for release in data["releases"]:
        order = orders.get(release["id"])
        if release["card"] != row["card"] or order is None:
            continue
        if order["kind"] in PUTS and order["state"] != RETURNED:
            given[PUTS[order["kind"]]] += order["amount"]
        elif order["kind"] in TAKES:
            given[TAKES[order["kind"]]] -= order["amount"]
    for n, purse in enumerate(PURSES):
        if given[purse] - row["s%d" % n] != row["g%d" % n]:
            book.bad("%s: given %d %s, the club says %d", who, given[purse], purse, row["g%d" % n])
        if row["settled_at"] and not row["due"] and row["g%d" % n] != carried[n]:
            book.bad("%s: it carries %d %s, and %d were given for it", who, carried[n], purse, row["g%d" % n])


def check(book, data, intents, balances):
    """`intents`: posted transactions; `balances`: what each card carries, by its journals."""
    expected, accounts = {}, {}
    outs, parts = moves(book, intents, expected)
    orders = {order["id"]: order for order in data["actions"]}
    for order in orders.values():
        purse, is_open = PUTS.get(order["kind"]), order["state"] in (WAITING, ENDED, APPLIED, TAKEN)
        if order["origin"] == TRANSFER and purse and is_open:
            add(expected, (purse, "transit"), -order["amount"])
        if order["origin"] == REPLACEMENT and purse and is_open:
            add(expected, (purse, "replaced"), -order["amount"])
        if order["origin"] == REPLACEMENT and order["kind"] in TAKES and order["state"] == APPLIED:
            add(expected, (TAKES[order["kind"]], "replaced"), -order["done"])
    for row in data.get("accounts", []):
        add(accounts, (row["book"], row["account"]), row["amount"])
    for purse in PURSES:
        for account in ("transit", "replaced"):
            has, want = (sums.get((purse, account), 0) for sums in (accounts, expected))
            if has != want:
                book.bad("%s: account %s is %d, the journals and orders come to %d", purse, account, has, want)
    check_pairs(book, outs, intents, data["duplicates"])
    for row in data["lost"]:
        if row["replaced_by"]:
            check_lost(book, row, balances.get(row["card"], [0] * 4), orders, data, parts)
