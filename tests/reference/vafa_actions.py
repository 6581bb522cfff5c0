"""What the club says of actions, against the journals: tests/reference/vafa_reference.py check.

A naive count: every action of kind other than void that a posted transaction took has moved what it says, as far as it
could; whatever was ordered and was taken by no card either waits or is with its giver again."""

VOID, CREDIT, GIFT, VOUCHER, POINTS, TAKE_CREDIT, TAKE_POINTS = range(1, 8)
WAITING, APPLIED, ENDED, RETURNED, STRAY, TAKEN = range(1, 7)
PUTS = {CREDIT: "credit", GIFT: "gift", VOUCHER: "voucher", POINTS: "points"}
TAKES = {TAKE_CREDIT: "credit", TAKE_POINTS: "points"}
SOURCES = {4: "transit", 7: "replaced", 9: "accrued"}  # by origin; all others: "given"


def effects(intent):
    """(action, purse, what the card got) of each action of a transaction, one after the other."""
    have = {purse: intent["before"][purse] for purse in ("points", "credit", "gift", "voucher")}
    for action in intent["occasion"].get("actions", []):
        purse, moved = PUTS.get(action["kind"]) or TAKES.get(action["kind"]), 0
        if action["kind"] in PUTS:
            moved = action["amount"]
        elif action["kind"] in TAKES:
            moved = -min(action["amount"], have[purse])
        if purse:
            have[purse] += moved
        yield action, purse, moved


def add(sums, key, amount):
    sums[key] = sums.get(key, 0) + amount


def check(book, data, intents, cards):
    """`intents`: posted transactions of kind action; `cards`: totals of all cards by purse."""
    took, number_of = {}, {}
    for intent in intents:
        for action, _, moved in effects(intent):
            key = (action["card"], action["number"])
            if key in number_of:
                book.bad("card %d took two actions %d", *key)
            number_of[key] = action["id"]
            if action["kind"] != VOID:
                took.setdefault(action["id"], []).append((action, moved))
    expected, known = {}, set()
    for order in data["actions"]:
        known.add(order["id"])
        check_order(book, order, took.get(order["id"], []), expected)
    for ident in set(took) - known:
        book.bad("action %d was taken by a card, and the club has no word of it", ident)
    accounts = {}
    for row in data.get("accounts", []):
        add(accounts, (row["book"], row["account"]), row["amount"])
    for key, accrual in book.accruals.items():  # until orders bring it to a card, or take it off again
        if key not in book.gone_back:
            add(expected, ("points", "accrued"), accrual["award"])
            add(expected, ("credit", "accrued"), accrual["cashback"])
    for purse in ("points", "credit", "gift", "voucher"):
        for account in ("pending", "given", "untold", "accrued"):
            has, want = (s.get((purse, account), 0) for s in (accounts, expected))
            if has != want:
                book.bad("%s: account %s is %d, the orders come to %d", purse, account, has, want)
        total = sum(amount for (of, _), amount in accounts.items() if of == purse)
        if total + cards[purse] != 0:
            book.bad("%s: cards %d and accounts %d do not sum to zero", purse, cards[purse], total)
    owed = {p: cards[p] + sum(accounts.get((p, a), 0) for a in ("pending", "untold", "transit", "replaced")) for p in cards}
    print("reference: cards + pending + untold + transit + replaced: " + ", ".join("%s %d" % pair for pair in owed.items()))


def check_order(book, order, took, expected):
    who = "action %(id)d (%(ref)s) of card %(card)d" % order
    if order["kind"] == VOID:
        return  # takes a number that was given twice
    purse, source = PUTS.get(order["kind"]), SOURCES.get(order["origin"], "given")
    if len(took) > 1:
        book.bad("%s: taken %d times", who, len(took))
    for action, moved in took[:1]:
        same = [name for name in ("kind", "card", "amount", "origin") if action[name] != order[name]]
        if same or order["number"] != action["number"]:
            book.bad("%s: a card took another one: %s", who, action)
        if order["done"] != moved:
            book.bad("%s: moved %d, the club says %d", who, moved, order["done"])
    if (order["state"] in (APPLIED, STRAY)) != bool(took):
        book.bad("%s: state %d, taken %d times", who, order["state"], len(took))
    if order["state"] in (WAITING, ENDED) and purse:
        add(expected, (purse, "pending"), order["amount"])
        add(expected, (purse, source), -order["amount"])
    if order["state"] == TAKEN and purse:
        add(expected, (purse, "untold"), order["amount"])
        add(expected, (purse, source), -order["amount"])
    if order["state"] == APPLIED and order["done"]:
        add(expected, (purse or TAKES[order["kind"]], source), -order["done"])
