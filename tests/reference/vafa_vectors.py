"""Writes tests/vectors/{snapshot,action,entry,plan,facts}.json with the reference's own packers.

Run by `vafa_reference.py vectors DIRECTORY`. Same input, same files: there is no clock or chance.
Expected values of the worked examples are typed in here and compared with the reference, so that
neither implementation is its own witness.
"""
import hashlib
import json
import os
import struct

import vafa_facts
import vafa_reference as ref

CARD = 6362140000000011
SNAPSHOT = dict(layout=1, status=1, counter=7, action=3, tier=2, group=5, points=1234,
                credit=500000, gift=20000, voucher=0, stamps=4, kind=2, reference=0, idle=0,
                offer=0, flags=0, amount=1000000, redeemed=0, minute=1415000, terminal=17, sequence=241)


def snapshot(**changes):
    return dict(SNAPSHOT, **changes)


def snapshots():
    most = {name: 2**width - 1 for name, width in ref.IMAGE}
    most.update(layout=1, status=3, kind=12, offer=26)
    least = {name: 0 for name, _ in ref.IMAGE}
    least.update(layout=1, status=1, counter=1, kind=1, terminal=1, sequence=1)
    good = [("an ordinary sale", snapshot()),
            ("a sale that used mark 14, paid with credit and gave cashback",
             snapshot(offer=14, flags=3)),
            ("a sale with goods that earned nothing, with mark 1", snapshot(idle=1, offer=1)),
            ("every field at its largest", most),
            ("every field at its smallest", least),
            ("a card of layout 2", snapshot(layout=2)),
            ("a refund of the transaction 63 counters ago", snapshot(kind=3, counter=64,
                                                                     reference=63))]
    for name, width in ref.IMAGE:
        if name not in ("layout", "status", "kind"):
            good.append(("only the lowest bit of " + name, dict(least, **{name: 1})))
    image = ref.image_encode(snapshot())
    bad = [("erased bytes", bytes(40), "foreign"),
           ("bytes never written", b"\xff" * 40, "unsupported"),
           ("layout 3", ref.image_encode(snapshot(layout=3)), "unsupported"),
           ("status 0", ref.image_encode(snapshot(status=0)), "foreign"),
           ("counter 0", ref.image_encode(snapshot(counter=0)), "foreign"),
           ("kind 0", ref.image_encode(snapshot(kind=0)), "foreign"),
           ("kind 13", ref.image_encode(snapshot(kind=13)), "foreign"),
           ("mark 27", ref.image_encode(snapshot(offer=27)), "foreign"),
           ("terminal 0", ref.image_encode(snapshot(terminal=0)), "foreign"),
           ("sequence 0", ref.image_encode(snapshot(sequence=0)), "foreign"),
           ("a refund of nothing", ref.image_encode(snapshot(kind=3, reference=0)), "foreign"),
           ("an unload of what was before the card", ref.image_encode(
               snapshot(kind=5, reference=7)), "foreign")]
    for _, raw, why in bad:
        try:
            ref.image_decode(raw)
            raise AssertionError(why)
        except ref.Foreign:
            pass
    assert ref.image_decode(image) == snapshot()
    return {"good": [{"name": n, "hex": ref.image_encode(s).hex(), "fields": s} for n, s in good],
            "bad": [{"name": n, "hex": raw.hex(), "status": why} for n, raw, why in bad]}


# --- entries ----------------------------------------------------------------------------------

def head(kind, sequence, time=1790000000, quality=2, operator=4):
    return struct.pack("<BBHIqII", 3, kind, quality, sequence, time, 17, operator)


def medium(uid=bytes.fromhex("04a1b2c3d4e5f6")):
    return struct.pack("<QBB10s", CARD, 1, len(uid), uid)


def intent(sequence, before, after, parts, refers=0, occasion=()):
    return (head(1, sequence) + medium() + struct.pack("<I", 3) +
            (ref.image_encode(before) if before else bytes(40)) + ref.image_encode(after) +
            struct.pack("<10q", *[parts.get(name, 0) for name in ref.PARTS]) +
            struct.pack("<IB3x", refers, 1 if before else 0) + ref.occasion_encode(dict(occasion)))


def outcome(sequence, of, counter, verdict=1, evidence=1):
    return head(2, sequence) + struct.pack("<IIQBB6x", of, counter, CARD, verdict, evidence)


def entries():
    first = snapshot(counter=1, action=0, tier=0, group=0, points=0, credit=300000, gift=0,
                     kind=1, amount=300000, sequence=2)
    second = dict(first, counter=2, points=10, credit=200000, kind=2, amount=1000000, flags=1,
                  sequence=4)
    third = dict(second, counter=3, points=0, credit=300000, kind=3, reference=1, flags=0,
                 sequence=6)
    sale = dict(amount=1000000, payment=100000, award=10, due=900000)
    opening = dict(amount=300000, load=300000, due=300000)
    fourth = dict(third, counter=4, kind=2, reference=0, offer=1, flags=3, sequence=10)
    fifth = dict(fourth, counter=5, offer=0, flags=0, sequence=11)
    facts = {name: 0 for name, _ in vafa_facts.FIELDS}
    facts.update(counter=3, last_day=983, visits=1, basket=1000, spend=1000, roll=3)
    some = dict(facts=facts, kind=1, birthday=33000, wedding=0, expires=46000, code=2, merchant=5, branch=70000,
                lines=[dict(product=0, amount=600000, milli=1000),
                       dict(product=7, amount=400000, milli=2500)])
    all_of_it = dict(facts=dict(vafa_facts.MOST, counter=4), kind=255, birthday=65535,
                     wedding=65535, expires=65535, code=255, merchant=2**32 - 1, branch=2**32 - 1,
                     lines=[dict(product=n + 223, amount=2**36 - 1, milli=4 * 10**9)
                            for n in range(33)])
    good = [
        ("a start", head(4, 1) + b"0.1.0".ljust(16, b"\0")),
        ("the intent of an activation, with no snapshot before", intent(2, None, first, opening)),
        ("its outcome", outcome(3, 2, 1)),
        ("the intent of a sale", intent(4, first, second, sale)),
        ("its outcome, found in the history later", outcome(5, 4, 2, 1, 2)),
        ("the intent of its refund", intent(6, second, third, sale, 2)),
        ("an outcome: not done, another transaction has the counter", outcome(7, 6, 3, 2, 4)),
        ("a sighting, nobody signed in, clock not set", head(3, 8, 0, 0, 0) +
         struct.pack("<QBB10s4x", CARD, 2, 4, bytes.fromhex("01020304")) +
         ref.image_encode(third)),
        ("a link of a phone number to the card", head(5, 9) + medium() +
         struct.pack("<BB2x16s", 6, 3, bytes(range(0xf0, 0x100)))),
        ("the intent of a sale with facts, identity, code, place and lines",
         intent(10, third, fourth, sale, 0, some)),
        ("the intent with the largest occasion", intent(11, fourth, fifth, sale, 0, all_of_it)),
        ("a sighting of an older snapshot in the card's ring", head(3, 12) +
         struct.pack("<QBB10sB3x", CARD, 2, 4, bytes.fromhex("01020304"), 1) + ref.image_encode(second)),
        ("a sighting of a card that went back", head(3, 13) +
         struct.pack("<QBB10sB3x", CARD, 2, 4, bytes.fromhex("01020304"), 2) + ref.image_encode(second)),
    ]
    good += [("the intent of " + name, raw) for name, raw in club_entries(14, fifth)]
    good += [("a voucher that was taken, the longest receipt", bon(len(good) + 1, 0, b"A" * 15)),
             ("a voucher that was given back", bon(len(good) + 2, 1, b"17"))]
    good += [("an action of another card that was refused", refused(len(good) + 1))]
    good += [("a transfer that goes back to the card that it left", release(len(good) + 1, 16)),
             ("a transfer handed over for another card", release(len(good) + 2, len(good) + 1, CARD))]
    good += [("a card that is said to be lost, by its number", report(len(good) + 1, 1, 1)),
             ("a card that was found again and held on the reader", report(len(good) + 2, 2, 3))]
    good += [("a manager who signs in, for whom the club has unlocked twice", head(11, len(good) + 1) +
              struct.pack("<IBB2xQI4x", 65535, 1, 3, CARD, 2)),
             ("an operator who is unlocked, without his card", head(11, len(good) + 2) +
              struct.pack("<IBB2xQI4x", 1, 5, 1, 0, 2**32 - 1))]
    joins = dict(kind=2, birthday=33000, wedding=0, expires=0, merchant=5, branch=6, newcomer=(5, 7, 255))
    good += [("the intent of an activation of somebody who joins",
              intent(len(good) + 1, None, dict(first, group=255, sequence=len(good) + 1), opening, 0, joins))]
    good += member_entries(len(good) + 1)
    assert len(good[10][1]) == 588
    for sequence, (_, raw) in enumerate(good, 1):
        assert ref.entry_decode(raw)["sequence"] == sequence
    chain, value = [], bytes(32)
    for _, raw in good:
        value = hashlib.sha256(value + raw).digest()
        chain.append(value.hex())
    assert value == ref.chain([raw for _, raw in good])
    return {"good": [{"name": n, "hex": raw.hex(), "hash": h} for (n, raw), h in zip(good, chain)],
            "bad": [{"name": n, "hex": raw.hex()} for n, raw in bad_entries(good)]}


def release(sequence, out, card=0):
    return head(10, sequence) + struct.pack("<I4xQ", out, card)


def bon(sequence, back, receipt, series=7, serial=4000, amount=5000000, first=46347, last=46376, merchant=0):
    return head(8, sequence) + struct.pack("<B3xIIIHHIB15s", 1, series, serial, amount, first, last, merchant, back,
                                           receipt)


def report(sequence, event, how, card=CARD):
    return head(7, sequence) + struct.pack("<QBB14x", card, event, how)


def refused(sequence):
    """Action 4095 of CARD, which is the club's for another card; a seal of any bytes."""
    return (head(12, sequence) + struct.pack("<QHB5x", CARD, 4095, 2) +
            ref.action_encode(action(4, 2, 500000, card=ref_number(636214000000002))) + bytes(range(64)))


def bad_refused(raw, patch):
    return [("a refused action of no card", patch(raw, 24, bytes(8))),
            ("a refused action 0", patch(raw, 32, b"\0\0")),
            ("a refused action 4096", patch(raw, 32, b"\0\x10")),
            ("refused for nothing", patch(raw, 34, b"\0")),
            ("refused for a fourth reason", patch(raw, 34, b"\4")),
            ("a spare byte of a refused action", patch(raw, 35, b"\1")),
            ("its last spare byte", patch(raw, 39, b"\1"))]


def bad_reports(patch):
    lost = report(9, 1, 2)
    return [("a report of no card number", patch(lost, 24, struct.pack("<Q", CARD + 1))),
            ("a report of nothing", patch(lost, 32, b"\0")),
            ("a report of a third kind", patch(lost, 32, b"\3")),
            ("a report that came in no way", patch(lost, 33, b"\0")),
            ("a report that came in a fourth way", patch(lost, 33, b"\4")),
            ("a spare byte of a report", patch(lost, 34, b"\1")),
            ("its last spare byte", patch(lost, 47, b"\1"))]


def bad_places(moved, new, patch):
    """`moved`: peer at 217, account 234. `new`: facts 217, identity 241, peer 248, account 265."""
    assert moved[216] == 0xc0 and new[216] == 0xc3 and new[248] == 2
    return [("an account with a wrong Luhn digit", patch(moved, 234, struct.pack("<Q", CARD + 1))),
            ("account 0, announced", patch(moved, 234, bytes(8))),
            ("an account that is cut", moved[:240]),
            ("an account in a transfer", patch(moved, 110, bytes([moved[110] & 0xc3 | 9 << 2]))),
            ("an account without a peer", patch(moved[:217], 216, b"\x80") + moved[234:]),
            ("a new card in the place of none", patch(new, 249, bytes(16))),
            ("facts at counter 2 of a new card", patch(new, 217, b"\0\0\x20")),
            ("a new card's facts in a card that moves out", patch(new, 248, b"\1")),
            ("facts of a card that is activated", patch(new[:248], 216, b"\3")[:110] +
             bytes([new[110] & 0xc3 | 1 << 2]) + patch(new[:248], 216, b"\3")[111:])]


def action(number, kind, amount=0, value=0, card=CARD, origin=1, until=0, ident=7, text=""):
    return dict(number=number, kind=kind, amount=amount, value=value, card=card, origin=origin, until=until,
                id=ident, text=text)


def club_entries(sequence, start):
    """Intents of actions and of operations of two cards, on from the snapshot `start`, which is counter 5."""
    other = ref_number(636214000000002)
    two = [action(start["action"] + 1, 2, 500000, origin=3, text="نوروز"),
           action(start["action"] + 2, 10, origin=8)]
    four = [action(n, 1, card=CARD, until=253402300799, ident=2**63 - 1, origin=10, text="x" * 24)
            for n in range(4092, 4096)]

    def step(before, kind, **changes):
        return dict(before, counter=before["counter"] + 1, kind=kind, offer=0, flags=0, reference=0, amount=0,
                    redeemed=0, **changes)

    taken = step(start, 6, action=start["action"] + 2, credit=start["credit"] + 500000, status=2, sequence=sequence)
    taken["amount"] = 500000
    last = step(dict(start, action=4091), 6, action=4095, sequence=sequence + 1)
    out = step(start, 9, credit=start["credit"] - 1000, sequence=sequence + 2)
    out["amount"] = 1000
    back = step(out, 9, credit=start["credit"], sequence=sequence + 3)
    back["amount"] = 1000
    moved = step(back, 12, status=3, points=0, credit=0, gift=0, voucher=0, sequence=sequence + 4)
    moved.update(amount=back["credit"], flags=1)
    new = dict(back, counter=1, action=0, kind=12, flags=2, amount=back["credit"], sequence=sequence + 5)
    spare = dict(new, points=5, credit=1000, gift=0, voucher=0, stamps=0, amount=1000, sequence=sequence + 6)
    facts = dict({name: 0 for name, _ in vafa_facts.FIELDS}, counter=1, last_day=983, visits=7, marks_ever=3)
    all_of_it = dict(amount=back["credit"], award=back["points"], gift=back["gift"], voucher=back["voucher"])
    return [("actions that put on credit and block the card",
             intent(sequence, start, taken, dict(amount=500000, load=500000), 0, dict(actions=two))),
            ("four actions with the last numbers that there are",
             intent(sequence + 1, dict(start, action=4091), last, {}, 0, dict(actions=four))),
            ("a transfer to a card that is not known yet",
             intent(sequence + 2, start, out, dict(amount=1000, payment=1000), 0,
                    dict(peer=dict(direction=1, card=0, terminal=0, sequence=0)))),
            ("a transfer that arrives",
             intent(sequence + 3, out, back, dict(amount=1000, load=1000), 0,
                    dict(peer=dict(direction=2, card=other, terminal=2**20 - 1, sequence=2**24 - 1)))),
            ("a card whose state moves to another one",
             intent(sequence + 4, back, moved, dict(all_of_it, payment=back["credit"]), 0,
                    dict(peer=dict(direction=1, card=other, terminal=0, sequence=0), account=other))),
            ("the card that takes its place",
             intent(sequence + 5, None, new, dict(all_of_it, load=back["credit"]), 0,
                    dict(facts=facts, kind=3, birthday=33000, wedding=0, expires=46000, account=other,
                         peer=dict(direction=2, card=other, terminal=17, sequence=sequence + 4)))),
            ("a card in place of a lost one, with a part of what that had",
             intent(sequence + 6, None, spare, dict(amount=1000, load=1000, award=5), 0,
                    dict(peer=dict(direction=2, card=other, terminal=0, sequence=0)))),
            ("its outcome: it never came back and was reported lost", outcome(sequence + 7, sequence + 6, 1, 1, 5))]


def ref_number(payload):
    return next(n for n in range(payload * 10, payload * 10 + 10) if ref.luhn_ok(n))


def actions():
    good = [("credit of a group charge, for Nowruz", action(4, 2, 500000, origin=3, until=1806784200, text="نوروز")),
            ("the smallest void", action(1, 1, ident=0)),
            ("the largest of everything", action(4095, 2, 2**36 - 1, origin=10, until=253402300799,
                                                 ident=2**63 - 1, text="~" * 24)),
            ("six characters of four bytes", action(2, 1, text="\U0001f382" * 6))]
    for kind, most in sorted(ref.ACTION_AMOUNT.items()):
        good += [("one of " + ref.ACTIONS[kind], action(9, kind, 1)),
                 ("the most of " + ref.ACTIONS[kind], action(9, kind, most))]
    for kind, (low, high) in sorted(ref.ACTION_VALUE.items()):
        good += [("the first " + ref.ACTIONS[kind], action(9, kind, value=low)),
                 ("the last " + ref.ACTIONS[kind], action(9, kind, value=high))]
    good += [(ref.ACTIONS[kind], action(9, kind)) for kind in (10, 11)]
    days = (30000, 0, 46327)  # 1982-02-20, not given, 2026-11-03
    good += [("card kind 3, two days", action(9, 14, 3 << 48 | days[0] << 32 | days[1] << 16 | days[2], text="مشخصات تازه")),
             ("nothing is given", action(9, 14))]
    bad = []

    def patched(name, status, at, new, of=0):
        raw = ref.action_encode(good[of][1])
        bad.append((name, raw[:at] + new + raw[at + len(new):], status))

    bad.append(("erased bytes", bytes(64), "foreign"))
    bad.append(("bytes never written", b"\xff" * 64, "unsupported"))
    patched("version 2", "unsupported", 0, b"\2")
    patched("kind 0", "foreign", 1, b"\0")
    patched("kind 16", "unsupported", 1, b"\x10")
    patched("particulars that end", "foreign", 24, b"\1", len(good) - 1)
    patched("origin 0", "foreign", 2, b"\0")
    patched("origin 11", "unsupported", 2, b"\x0b")
    patched("the spare byte", "foreign", 3, b"\1")
    patched("number 0", "foreign", 4, b"\0\0")
    patched("number 4096", "foreign", 4, b"\0\x10")
    patched("a value where there is none", "foreign", 6, b"\1")
    patched("a wrong Luhn digit", "foreign", 8, struct.pack("<Q", CARD + 1))
    patched("an amount of 0", "foreign", 16, bytes(8))
    patched("a negative amount", "foreign", 16, b"\xff" * 8)
    patched("an amount of 2^36", "foreign", 16, struct.pack("<q", 2**36))
    patched("an amount in a void", "foreign", 16, b"\1", 1)
    patched("a time before 1970", "foreign", 24, b"\xff" * 8)
    patched("a time after 9999", "foreign", 24, struct.pack("<q", 253402300800))
    patched("id 2^63", "foreign", 32, struct.pack("<Q", 2**63))
    patched("text that begins with a NUL", "foreign", 40, b"\0")
    patched("text with a NUL in it", "foreign", 42, b"\0")
    patched("text that ends within a character", "foreign", 40, "نوروز".encode()[:9] + bytes(15))
    patched("a line feed in the text", "foreign", 40, b"a\nb".ljust(24, b"\0"))
    patched("text that turns the writing direction", "foreign", 40, "\u202eabc".encode().ljust(24, b"\0"))
    for kind, most in sorted(ref.ACTION_AMOUNT.items()):
        of = next(i for i, (_, a) in enumerate(good) if a["kind"] == kind)
        patched("one more than the most of " + ref.ACTIONS[kind], "foreign", 16, struct.pack("<q", most + 1), of)
    for kind, (low, high) in sorted(ref.ACTION_VALUE.items()):
        of = next(i for i, (_, a) in enumerate(good) if a["kind"] == kind)
        # A later layout is for a newer firmware to know.
        patched("one beyond the last " + ref.ACTIONS[kind], "unsupported" if kind == 15 else "foreign", 6, struct.pack("<H", high + 1), of)
        if low:
            patched("before the first " + ref.ACTIONS[kind], "foreign", 6, struct.pack("<H", low - 1), of)
    for _, fields in good:
        assert ref.action_decode(ref.action_encode(fields)) == fields
    for name, raw, _ in bad:
        try:
            ref.action_decode(raw)
        except ref.Foreign:
            continue
        raise AssertionError(name)
    return {"good": [{"name": n, "hex": ref.action_encode(a).hex(), "fields": a} for n, a in good],
            "bad": [{"name": n, "hex": raw.hex(), "status": why} for n, raw, why in bad]}


def bad_club_entries(taken, out, arrived, patch):
    """`taken`: two actions, their count at 217, the second at 282. `out`, `arrived`: a peer at 217."""
    assert taken[216:218] == b"\x20\2" and taken[283] == 10 and out[216:218] == b"\x40\1" and arrived[217] == 2
    return [("no actions, announced", patch(taken, 217, b"\0")),
            ("more actions than are there", patch(taken, 217, b"\3")),
            ("an action of an unknown kind", patch(taken, 219, b"\x0f")),
            ("an action number left out", patch(taken, 286, struct.pack("<H", 6))),
            ("another card's second action", patch(taken, 290, struct.pack("<Q", ref_number(636214000000002)))),
            ("another card's actions", patch(patch(taken, 226, struct.pack("<Q", ref_number(636214000000002))), 290,
                                             struct.pack("<Q", ref_number(636214000000002)))),
            ("actions and a code", patch(taken, 216, b"\x24\1\2") + b"\0"),
            ("an ACTION without actions", taken[:216] + b"\0"),
            ("actions in a load", patch(taken, 110, bytes([taken[110] & 0xc3 | 4 << 2]))),
            ("a peer of no direction", patch(out, 217, b"\0")),
            ("a peer of direction 3", patch(out, 217, b"\3")),
            ("a peer with a wrong Luhn digit", patch(arrived, 218, struct.pack("<Q", CARD + 1))),
            ("a transfer to itself", patch(arrived, 218, struct.pack("<Q", CARD))),
            ("half of the peer's intent", patch(arrived, 226, bytes(4))),
            ("the peer's terminal 2^20", patch(arrived, 226, b"\0\0\x10\0")),
            ("the peer's sequence 2^24", patch(arrived, 230, b"\0\0\0\1")),
            ("an intent of a peer that is not known", patch(arrived, 218, bytes(8))),
            ("a TRANSFER without a peer", out[:216] + b"\0")]


def member(sequence, account, card=0, code=b"", phone=b"", key_version=0, box=b""):
    flags = (1 if code else 0) + (2 if phone else 0) + (4 if box else 0)
    raw = head(6, sequence) + struct.pack("<QQBB6x16s16s", account, card, flags, key_version, code, phone)
    return raw + (struct.pack("<8s241s7x", bytes(range(8)), box) if box else b"")


def accrual(sequence, occasion=(), medium=6, refers=0, **parts):
    parts = dict(dict(amount=1000000, rebate=0, cashback=0, award=10, due=1000000, minute=1415000), **parts)
    return (head(9, sequence) + struct.pack("<QBB2xI", CARD, medium, refers != 0, 3) +
            struct.pack("<5qII", *[parts[name] for name in ("amount", "rebate", "cashback", "award", "due", "minute")], refers) +
            ref.occasion_encode(dict(occasion)))


def member_entries(sequence):
    """The last ones: bad_entries() counts from the end."""
    other = ref_number(636214000000002)
    code, phone, box = bytes(range(0x10, 0x20)), bytes(range(0x20, 0x30)), bytes(range(241))
    lines = dict(code=1, merchant=5, branch=6, lines=[dict(product=0, amount=1000000, milli=1000)])
    return [("a member with a card, code, phone and particulars", member(sequence, CARD, CARD, code, phone, 15, box)),
            ("a member without a card and with a phone alone", member(sequence + 1, CARD, 0, b"", phone, 3, box)),
            ("another card of a member, who says nothing more", member(sequence + 2, CARD, other)),
            ("what was earned without a card", accrual(sequence + 3)),
            ("the same with code, place, lines, rebate and cashback",
             accrual(sequence + 4, lines, 1, rebate=50000, cashback=2000, due=950000, minute=0)),
            ("the first of them goes back", accrual(sequence + 5, refers=sequence + 3))]


def bad_members(good, patch):
    joins, full, joined, bare, earned, rich, gone = (raw for _, raw in good[-7:])
    assert joins[216] == 2 + 8 + 128 and joins[-3:] == bytes([5, 7, 255])
    return [("an account kind that is not known", patch(joins, len(joins) - 3, b"\6")),
            ("a way to join that is not known", patch(joins, len(joins) - 2, b"\x08")),
            ("somebody who joins, cut", joins[:-1]),
            ("somebody who joins with a sale", good[3][1][:216] + b"\x80\1\1\0"),
            ("somebody who joins in an accrual", earned[:88] + b"\x80\1\1\0"),
            ("a member with a wrong Luhn digit", patch(full, 24, struct.pack("<Q", CARD + 1))),
            ("a member's card with a wrong Luhn digit", patch(full, 32, struct.pack("<Q", CARD + 1))),
            ("a member of account 0", patch(joined, 24, bytes(8))),
            ("a flag of a member that is not known", patch(full, 40, b"\x0f")),
            ("a code that is said to be absent", patch(full, 40, b"\6")),
            ("a phone that is said to be absent", patch(full, 40, b"\5")),
            ("a box that is said to be absent", patch(full, 40, b"\3")),
            ("a box that is said to be there", patch(bare, 40, b"\4")),
            ("a member's media key version 16", patch(full, 41, b"\x10")),
            ("a version of no media key", patch(bare, 41, b"\1")),
            ("a spare byte of a member", patch(full, 47, b"\1")),
            ("a spare byte behind a box", patch(full, 335, b"\1")),
            ("an accrual of no card number", patch(earned, 24, struct.pack("<Q", CARD + 1))),
            ("an accrual found by nothing", patch(earned, 32, b"\0")),
            ("an accrual found by an eighth kind of medium", patch(earned, 32, b"\x08")),
            ("a spare byte of an accrual", patch(earned, 35, b"\1")),
            ("an accrual that takes back, and does not say so", patch(gone, 33, b"\0")),
            ("an accrual that takes nothing back, and says so", patch(gone, 84, bytes(4))),
            ("an accrual that takes back itself", patch(gone, 84, gone[4:8])),
            ("an accrual that takes back a later one", patch(patch(earned, 33, b"\1"), 84, struct.pack("<I", 2**24 - 1))),
            ("an accrual by programme 0", patch(earned, 36, bytes(4))),
            ("an accrual of a sale of nothing", patch(patch(earned, 40, bytes(8)), 72, bytes(8))),
            ("an accrual that does not add up", patch(rich, 48, bytes(8))),
            ("an accrual of 2^28 points", patch(earned, 64, struct.pack("<q", 2**28))),
            ("an accrual of negative cashback", patch(earned, 56, b"\xff" * 8)),
            ("an accrual at minute 2^24", patch(earned, 83, b"\1")),
            ("an accrual without an occasion", earned[:88]),
            ("an accrual with an identity", earned[:88] + b"\2" + bytes(5))]


def bad_entries(good):
    def patch(raw, at, new):
        return raw[:at] + new + raw[at + len(new):]

    start, opening, outcome_, sale, sighting, link, rich = (
        good[i][1] for i in (0, 1, 2, 3, 7, 8, 9))
    # Offsets in the occasion of `rich`: facts 217, identity 241, code 248, place 249, lines 257.
    assert rich[216] == 31 and rich[248] == 2 and rich[257:259] == b"\2\0" and rich[268] == 7
    bad = [("nothing", b""),
           ("half a head", sale[:12]),
           ("a head alone", sale[:24]),
           ("version 2", patch(sale, 0, b"\2")),
           ("version 4", patch(sale, 0, b"\4")),
           ("no occasion", sale[:216]),
           ("somebody who joins, announced and not there", patch(sale, 216, b"\x80")),
           ("facts that are announced and not there", patch(sale, 216, b"\1")),
           ("facts of counter 0", patch(rich, 217, bytes(3))),
           ("facts of another counter than the snapshot before", patch(rich, 217, b"\0\0\x40")),
           ("code 0, announced", patch(rich, 248, b"\0")),
           ("merchant 0, branch 0, announced", patch(rich, 249, bytes(8))),
           ("no lines, announced", patch(rich, 257, b"\0")),
           ("more lines than are there", patch(rich, 257, b"\3")),
           ("34 lines", patch(good[10][1], 257, b"\x22")),
           ("two lines of one product", patch(rich, 268, b"\0")),
           ("a line of 2^36 rials", patch(rich, 263, b"\x10")),
           ("a line of 4,000,000.001 pieces", patch(rich, 264, struct.pack("<I", 4000000001))),
           ("a release of itself", release(9, 9)),
           ("a release of entry 0", release(9, 0)),
           ("a release to no card number", release(9, 1, CARD + 1)),
           ("a spare byte of a release", patch(release(9, 1), 28, b"\1")),
           ("a release that is too long", release(9, 1) + b"\0"),
           ("a voucher's series 0", bon(9, 0, b"17", series=0)),
           ("a voucher of no rials", bon(9, 0, b"17", amount=0)),
           ("a voucher that ends before it begins", bon(9, 0, b"17", last=46346)),
           ("a voucher neither taken nor given back", bon(9, 2, b"17")),
           ("a voucher without a receipt", bon(9, 0, b"")),
           ("a receipt with a blank", bon(9, 0, b"1 7")),
           ("a receipt with a gap", bon(9, 0, b"1\0007")),
           ("a voucher of version 2", patch(bon(9, 0, b"17"), 24, b"\2")),
           ("a voucher's spare byte", patch(bon(9, 0, b"17"), 25, b"\1")),
           ("kind 0", patch(sale, 1, b"\0")),
           ("kind 6", patch(sale, 1, b"\6")),
           ("kind 7", patch(sale, 1, b"\7")),
           ("kind 10", patch(outcome_, 1, b"\x0a")),
           ("kind 200", patch(sale, 1, b"\xc8")),
           ("clock quality 3", patch(sale, 2, b"\3")),
           ("a flag bit in the second byte", patch(sale, 3, b"\1")),
           ("sequence 0", patch(sale, 4, bytes(4))),
           ("sequence 2^24", patch(sale, 4, b"\0\0\0\1")),
           ("a time before 1970", patch(sale, 8, b"\xff" * 8)),
           ("a time after 9999", patch(sale, 8, struct.pack("<q", 253402300800))),
           ("terminal 0", patch(sale, 16, bytes(4))),
           ("terminal 2^20", patch(sale, 16, b"\0\0\x10\0")),
           ("a wrong Luhn digit", patch(sale, 24, struct.pack("<Q", CARD + 1))),
           ("family 3", patch(sale, 32, b"\3")),
           ("a UID of 5 bytes", patch(sale, 33, b"\5")),
           ("a byte behind the UID", patch(sale, 43, b"\1")),
           ("programme 2^31", patch(sale, 44, b"\0\0\0\x80")),
           ("a snapshot before of layout 3", patch(sale, 48, b"\x34")),
           ("erased bytes as the snapshot after", patch(sale, 88, bytes(40))),
           ("a before image that is said to be absent", patch(sale, 212, b"\0")),
           ("no before image, said to be there", patch(opening, 212, b"\1")),
           ("has-before 2", patch(sale, 212, b"\2")),
           ("a negative amount", patch(sale, 128, b"\xff" * 8)),
           ("an amount of 2^36", patch(sale, 128, struct.pack("<q", 2**36))),
           ("redeemed 2^20", patch(sale, 144, struct.pack("<q", 2**20))),
           ("award 2^28", patch(sale, 176, struct.pack("<q", 2**28))),
           ("gift of 2^36", patch(sale, 192, struct.pack("<q", 2**36))),
           ("a negative voucher", patch(sale, 200, b"\xff" * 8)),
           ("refers counter 2^20", patch(sale, 208, b"\0\0\x10\0")),
           ("a spare byte of an intent", patch(sale, 215, b"\1")),
           ("an outcome of itself", patch(outcome_, 24, b"\3")),
           ("an outcome of entry 0", patch(outcome_, 24, b"\0")),
           ("counter 0", patch(outcome_, 28, bytes(4))),
           ("verdict 0", patch(outcome_, 40, b"\0")),
           ("verdict 4", patch(outcome_, 40, b"\4")),
           ("evidence 6", patch(outcome_, 41, b"\6")),
           ("not done, of a card that is taken to carry it", patch(outcome_, 40, b"\2\5")),
           ("a spare byte of an outcome", patch(outcome_, 47, b"\1")),
           ("a sighting shown in no known way", patch(sighting, 44, b"\3")),
           ("a spare byte of a sighting", patch(sighting, 45, b"\1")),
           ("a version without an end", patch(start, 24, b"x" * 16)),
           ("an empty version", patch(start, 24, bytes(16))),
           ("bytes behind the version's end", patch(start, 39, b"x")),
           ("a blank in the version", patch(start, 25, b" ")),
           ("a link of no kind of medium", patch(link, 44, b"\0")),
           ("a link of a typed card number", patch(link, 44, b"\7")),
           ("a link of a stripe, which has the card's number", patch(link, 44, b"\3")),
           ("media key version 16", patch(link, 45, b"\x10")),
           ("a spare byte of a link", patch(link, 47, b"\1")),
           ("a link with a wrong Luhn digit", patch(link, 24, struct.pack("<Q", CARD + 1)))]
    bad += bad_club_entries(good[13][1], good[15][1], good[16][1], patch)
    operator = good[-8][1]
    bad += [("operator 0", patch(operator, 24, bytes(4))),
            ("operator 65536", patch(operator, 24, b"\0\0\1\0")),
            ("nothing that an operator did", patch(operator, 28, b"\0")),
            ("what no operator can do", patch(operator, 28, b"\6")),
            ("no role", patch(operator, 29, b"\0")),
            ("role 5", patch(operator, 29, b"\5")),
            ("an operator card with a wrong Luhn digit", patch(operator, 32, struct.pack("<Q", CARD + 1))),
            ("a spare byte of an operator's entry", patch(operator, 31, b"\1")),
            ("another", patch(operator, 47, b"\1"))]
    bad += bad_members(good, patch)
    bad += bad_refused(refused(9), patch) + bad_reports(patch) + bad_places(good[17][1], good[18][1], patch)
    for name, raw in good:
        bad.append((name + ", one byte short", raw[:-1]))
        bad.append((name + ", one byte long", raw + b"\0"))
    for name, raw in bad:
        try:
            ref.entry_decode(raw)
        except ref.Foreign:
            continue
        raise AssertionError(name)
    return bad


# --- plans: the worked examples, with the expected figures typed in -----------------------------

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../programmes/base.json"),
          encoding="utf-8") as file:
    PROGRAMME = json.load(file)


def wish(kind, amount, pay_credit=0, redeem=0, refers=0):
    return dict(kind=kind, amount=amount, pay_credit=pay_credit, redeem=redeem, refers_counter=refers)


def case(name, history, wanted, expect):
    """`expect`: a refusal's word, or the parts that are not 0."""
    result = {"refusal": expect}
    sequence = 500
    if isinstance(expect, dict):
        parts, image, _ = ref.plan(PROGRAMME, history, wanted, 1415000, 17, sequence)
        assert {k: v for k, v in parts.items() if v} == expect, (name, parts)
        result = {"refusal": "none", "next": image.hex(), "parts": [parts[p] for p in ref.PARTS]}
    else:
        try:
            ref.plan(PROGRAMME, history, wanted, 1415000, 17, sequence)
            raise AssertionError(name)
        except ref.Refusal as refusal:
            assert str(refusal) == expect, (name, str(refusal))
    return dict(name=name, history=[ref.image_encode(s).hex() for s in history], wish=wanted,
                minute=1415000, terminal=17, sequence=sequence, result=result)


def plans():
    toman = 10
    card = snapshot(points=200, credit=1000000)
    cases = []
    for basket, points in ((100000, 10), (200000, 20), (99999, 0), (199999, 10), (1050000, 100)):
        cases.append(case("W01: a basket of %d toman earns %d points" % (basket, points), [card],
                          wish("sale", basket * toman),
                          {k: v for k, v in dict(amount=basket * toman, due=basket * toman,
                                                 award=points).items() if v}))
    cases += [
        case("points do not earn, credit does", [card],
             wish("sale", 1100000, pay_credit=500000, redeem=100),
             dict(amount=1100000, redeemed=100, redeemed_value=100000, payment=500000, award=10,
                  due=500000)),
        case("points that pay lower what earns below the block", [card],
             wish("sale", 1099999, redeem=100),
             dict(amount=1099999, redeemed=100, redeemed_value=100000, due=999999)),
        case("one point more than the card has", [card], wish("sale", 1000000, redeem=201),
             "points_short"),
        case("one rial more than the purse has", [card], wish("sale", 9000000, pay_credit=1000001),
             "credit_short"),
        case("points and credit one rial above the basket", [card],
             wish("sale", 109999, pay_credit=10000, redeem=100), "pays_too_much"),
        case("a basket one rial above the limit", [card], wish("sale", 10000000001),
             "amount_range"),
        case("a load of the least", [card], wish("load", 100000),
             dict(amount=100000, load=100000, due=100000)),
        case("a load one rial below the least", [card], wish("load", 99999), "amount_range"),
        case("a load to exactly the ceiling", [snapshot(credit=1000000000)],
             wish("load", 1000000000),
             dict(amount=1000000000, load=1000000000, due=1000000000)),
        case("a load one rial above the ceiling", [snapshot(credit=1000000001)],
             wish("load", 1000000000), "credit_ceiling"),
        case("an activation with no credit", [], wish("activate", 0), {}),
        case("an activation with the most", [], wish("activate", 1000000000),
             dict(amount=1000000000, load=1000000000, due=1000000000)),
        case("an activation one rial above the most", [], wish("activate", 1000000001),
             "amount_range"),
        case("a blocked card", [snapshot(status=2)], wish("load", 100000), "card_blocked"),
        case("a closed card", [snapshot(status=3)], wish("load", 100000), "card_closed"),
        case("a card whose counter is used up", [snapshot(counter=2**20 - 1)],
             wish("load", 100000), "counter_used_up"),
    ]
    return {"programme": PROGRAMME, "cases": cases + refunds()}


def refunds():
    before = snapshot(counter=6, points=100, credit=1000000, kind=4)
    # 300,000 toman: 50 points (5,000 toman), 100,000 toman of credit, 195,000 toman in money;
    # 295,000 toman earn 20 points.
    sale = snapshot(counter=7, points=70, credit=0, amount=3000000, redeemed=50,
                    reference=1 + 1000 % 63, flags=1)
    half = snapshot(counter=8, points=85, credit=500000, kind=3, reference=1, amount=1500000,
                    redeemed=25)
    spent = dict(sale, points=0, counter=8, amount=1, redeemed=0, reference=0, flags=0)
    load = snapshot(counter=7, points=100, credit=1500000, kind=4, amount=500000)
    none = snapshot(counter=6, points=0, credit=1000000, kind=4)
    cash = snapshot(counter=7, points=10, credit=1000000, amount=1000000)
    paid = snapshot(counter=7, points=10, credit=0, amount=1000000, flags=1)
    cheap = dict(cash)
    return [
        case("all of a sale back", [sale, before], wish("refund", 0, refers=7),
             dict(amount=3000000, redeemed=50, redeemed_value=50000, payment=1000000, award=20,
                  due=1950000)),
        case("half of it: 147,500 toman remain and keep 10 points", [sale, before],
             wish("refund", 1500000, refers=7),
             dict(amount=1500000, redeemed=25, redeemed_value=25000, payment=500000, award=10,
                  due=975000)),
        case("the other half: exactly the rest", [half, sale, before],
             wish("refund", 0, refers=7),
             dict(amount=1500000, redeemed=25, redeemed_value=25000, payment=500000, award=10,
                  due=975000)),
        case("one rial more than is left", [half, sale, before],
             wish("refund", 1500001, refers=7), "already_refunded"),
        case("a refund of a load", [load, before], wish("refund", 0, refers=7), "not_a_sale"),
        case("a refund of a transaction that is no longer on the card", [sale],
             wish("refund", 0, refers=7), "not_in_history"),
        case("a refund of a transaction that never was", [sale, before],
             wish("refund", 0, refers=8), "not_in_history"),
        case("the points are spent, but the redeemed ones that come back cover the award",
             [spent, sale, before], wish("refund", 0, refers=7),
             dict(amount=3000000, redeemed=50, redeemed_value=50000, payment=1000000, award=20,
                  due=1950000)),
        case("6 of 10 awarded points are spent: their value is withheld from the money",
             [dict(cash, counter=8, points=4, kind=4), cash, none], wish("refund", 0, refers=7),
             dict(amount=1000000, award=4, due=994000)),
        case("with no money to hand back it is withheld from the credit",
             [dict(paid, counter=8, points=4, kind=4), paid, none], wish("refund", 0, refers=7),
             dict(amount=1000000, payment=994000, award=4)),
        case("more points are spent than the refund could pay for",
             [dict(cheap, counter=8, points=0, kind=4), cheap, none],
             wish("refund", 1, refers=7), "points_spent"),
        case("an unload of a load", [load, before], wish("unload", 0, refers=7),
             dict(amount=500000, load=500000, due=500000)),
        case("an unload when a rial of it is spent",
             [dict(load, counter=8, kind=2, credit=499999, amount=1000001), load, before],
             wish("unload", 0, refers=7), "credit_spent"),
    ]


def write(directory):
    blank = snapshot(counter=1, points=0, credit=0, gift=0, stamps=0, amount=0)
    for name, content in (("snapshot", snapshots()), ("action", actions()), ("entry", entries()), ("plan", plans()),
                          ("facts", vafa_facts.facts_vectors(blank, ref.image_encode))):
        with open(os.path.join(directory, name + ".json"), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
    print("vectors: written to " + directory)
    return 0
