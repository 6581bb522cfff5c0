"""What the club says of transfers between cards, against the journals: tests/reference/vafa_reference.py check.

A naive count: what left a card, less what came to others by its number, less what the club brings to a card itself, is
still on its way; all of that together is in the account `transit`."""

RETURNED = 4
BY_JOURNAL, BY_CLUB = 0, -1


def check(book, data, intents, releases):
    """`intents`: posted transactions of kind transfer; `releases`: (terminal, number) -> cards, 0 = back."""
    outs, ins = {}, {}
    for intent in intents:
        peer, (terminal, sequence) = intent["occasion"]["peer"], intent["key"]
        if peer["direction"] == 1:
            outs[(terminal, sequence)] = intent
        else:
            named = (terminal, peer["sequence"]) if peer["terminal"] == terminal else None
            ins[(terminal, sequence)] = (intent, named)
    rows = {(row["terminal"], row["sequence"]): row for row in data["transfers"]}
    second = {(row["terminal"], row["sequence"]): row for row in data["transfers_in"]}
    taken = check_ins(book, ins, outs, second)
    for key, row in rows.items():
        if row["how"] == BY_JOURNAL and row["amount"] and key not in outs:
            book.bad("transfer %d of terminal %d: the club has it, no journal does", key[1], key[0])
    for key in outs:
        if key not in rows:
            book.bad("transfer %d of terminal %d: the club has no row", key[1], key[0])
        else:
            check_out(book, outs[key], rows[key], releases.get(key, []), taken.get(key, []), data["actions"])
    moving = sum(row["amount"] - (row["amount"] if row["ordered"] else 0) for row in rows.values())
    moving -= sum(row["amount"] for row in second.values())
    transit = sum(row["amount"] for row in data["accounts"] if (row["book"], row["account"]) == ("credit", "transit"))
    if "lost" not in data and moving != transit:  # cards in others' places pass through it, too: vafa_lost
        book.bad("credit: account transit is %d, transfers come to %d", transit, moving)


def check_ins(book, ins, outs, second):
    """Number of a transfer out -> what came of it to other cards, by what the club says."""
    taken = {}
    for key, (intent, named) in ins.items():
        row = second.get(key)
        want = named[1] if named in outs or named is None else None
        if row is None or (row["card"], row["amount"]) != (intent["card"], intent["parts"]["load"]):
            book.bad("entry %d of terminal %d takes a transfer, and the club says %s", key[1], key[0], row)
        elif want is not None and row["out"] != want:
            book.bad("entry %d of terminal %d took transfer %d, the club says %d", key[1], key[0], want, row["out"])
    for (terminal, _), row in second.items():
        if row["out"]:
            taken.setdefault((terminal, row["out"]), []).append(row["amount"])
    return taken


def check_out(book, intent, row, releases, taken, actions):
    who = "transfer %d of terminal %d" % (intent["key"][1], intent["key"][0])
    amount, giver, named = intent["parts"]["payment"], intent["card"], intent["occasion"]["peer"]["card"]
    words = [named] if named else [card or giver for card in releases]
    if (row["card"], row["amount"]) != (giver, amount):
        book.bad("%s: %d rials of card %d, the club says %s", who, amount, giver, row)
    if row["by"] != BY_CLUB and row["to"] != (words[0] if words else 0):
        book.bad("%s: to go to %s, the club says %d", who, words[:1], row["to"])
    orders = [a for a in actions if a["origin"] == 4 and a["id"] == row["ordered"]]
    if row["ordered"] and [(a["card"], a["amount"], a["state"] == RETURNED) for a in orders] != [(row["to"], amount, False)]:
        book.bad("%s: its action is %s", who, orders)
    if row["to"] and not row["ordered"] and not taken and not row["orders"]:
        book.bad("%s: to go to card %d, and no action brings it", who, row["to"])
    rest = amount - sum(taken) - (amount if row["ordered"] else 0)
    if (rest != 0) != bool(row["open"]):
        book.bad("%s: %d rials are on their way, the club says %s", who, rest, "some" if row["open"] else "none")
