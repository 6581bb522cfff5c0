#!/usr/bin/env python3
"""A second, naive implementation of Vafa's bytes and sums, written from docs/journal.md and
docs/programme.md alone. It shares no code with the firmware; slow and plain is its point.

    vafa_reference.py check FILE.json     recompute every balance from raw journals and card dumps
    vafa_reference.py vectors DIRECTORY   write tests/vectors/{snapshot,action,entry,plan,facts}.json

check: FILE.json holds

    {"programme": {...} or [{...}, ...],              optional: documents as in docs/programme.md; a
                                                      transaction is planned again where its
                                                      programme version is among them
     "terminals": [{"terminal": 17,
                    "entries": ["hex", ...],          raw journal entries, from sequence 1 on
                    "hash": "hex"}],                  optional: chain value after the last entry
     "cards":     [{"number": 6360000000000000,       a number or a string of digits
                    "images": ["hex", ...]}],         snapshot images, newest first; not a full
                                                      history: whatever the card still holds
     "club":      [{"card": ..., "points": ..., "credit": ..., "gift": ..., "voucher": ...,
                    "counter": ...}],                 optional: the club's balances after all synced
     "actions":   [...], "accounts": [...],           optional: orders and books, as `vafa-club dump` has them
     "lost": [...], "replacements": [...],
     "releases": [...], "duplicates": [...],          optional: cards in others' places, likewise
     "transfers": [...], "transfers_in": [...]}       optional: likewise, with both of the above

Every violation is a line that begins with "violation:". The last line is
"reference: N cards, M transactions, K violations"; exit status 1 when K > 0, 2 when FILE is not as
above. A transaction counts when its outcome is "done", or when it has no outcome yet (or "left") and
its snapshot was seen on the card: in a dump, in a sighting, or as the snapshot before another intent.

Random plans in every build: vafa_millions.py.
"""
import hashlib
import json
import os
import struct
import sys

import vafa_actions
import vafa_facts
import vafa_lost
import vafa_programme
import vafa_transfers
from vafa_programme import PARTS, Refusal, deltas

KINDS = ["", "activate", "sale", "refund", "load", "unload", "action", "block", "unblock",
         "transfer", "expire", "adjust", "duplicate"]
PURSES = ["points", "credit", "gift", "voucher"]
IMAGE = [("layout", 4), ("status", 2), ("counter", 20), ("action", 12), ("tier", 4), ("group", 8),
         ("points", 28), ("credit", 36), ("gift", 30), ("voucher", 30), ("stamps", 4), ("kind", 4),
         ("reference", 6), ("idle", 1), ("offer", 5), ("flags", 2), ("amount", 36),
         ("redeemed", 20), ("minute", 24), ("terminal", 20), ("sequence", 24)]
MONEY_MAX = 2**36 - 1
POINTS_MAX = 2**28 - 1
VERDICTS = {1: "done", 2: "not done", 3: "left"}


class Foreign(Exception):
    """Bytes that docs/journal.md does not allow."""


# --- bytes ------------------------------------------------------------------------------------

def need(condition, why):
    if not condition:
        raise Foreign(why)


def luhn_ok(number):
    digits = str(number)
    if len(digits) != 16 or digits[0] == "0":
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        d = int(digit) * (2 if place % 2 else 1)
        total += d // 10 + d % 10
    return total % 10 == 0


def image_decode(raw):
    need(len(raw) == 40, "image is not 40 bytes")
    text = "".join(format(byte, "08b") for byte in raw)
    card, at = {}, 0
    for name, width in IMAGE:
        card[name] = int(text[at:at + width], 2)
        at += width
    assert at == 320
    need(card["layout"] in (1, 2), "layout %d" % card["layout"])
    need(card["status"] in (1, 2, 3), "status 0")
    need(card["counter"] >= 1, "counter 0")
    need(1 <= card["kind"] <= 12, "kind %d" % card["kind"])
    need(card["offer"] <= 26, "offer %d" % card["offer"])
    need(card["terminal"] >= 1 and card["sequence"] >= 1, "terminal or sequence 0")
    if KINDS[card["kind"]] in ("refund", "unload"):
        need(1 <= card["reference"] < card["counter"], "reference out of range")
    return card


def image_encode(card):
    text = ""
    for name, width in IMAGE:
        assert 0 <= card[name] < 2**width, (name, card[name])
        text += format(card[name], "0%db" % width)
    return bytes(int(text[i:i + 8], 2) for i in range(0, 320, 8))


def medium_decode(raw):
    number, family, uid_bytes = struct.unpack_from("<QBB", raw, 24)
    need(luhn_ok(number), "card number")
    need(family in (1, 2), "family")
    need(uid_bytes in (4, 7, 10), "UID length")
    need(not any(raw[34 + uid_bytes:44]), "bytes behind the UID")
    return {"card": number, "family": family, "uid": raw[34:34 + uid_bytes]}


def intent_decode(raw):
    need(217 <= len(raw) <= 588, "length of an intent")
    entry = medium_decode(raw)
    (entry["programme"],) = struct.unpack_from("<I", raw, 44)
    need(entry["programme"] < 2**31, "programme")
    need(raw[212] in (0, 1) and not any(raw[213:216]), "bytes at the end")
    entry["before"] = image_decode(raw[48:88]) if raw[212] else None
    need(raw[212] or not any(raw[48:88]), "a before image that is not there")
    entry["after"] = image_decode(raw[88:128])
    entry["parts"] = dict(zip(PARTS, struct.unpack_from("<10q", raw, 128)))
    for name, value in entry["parts"].items():
        most = {"redeemed": 2**20 - 1, "award": POINTS_MAX}.get(name, MONEY_MAX)
        need(0 <= value <= most, name)
    (entry["refers"],) = struct.unpack_from("<I", raw, 208)
    need(entry["refers"] < 2**20, "refers counter")
    occasion = entry["occasion"] = occasion_decode(raw[216:])
    kind = KINDS[entry["after"]["kind"]]
    need(("actions" in occasion) == (kind == "action"), "actions, or none")
    need(all(a["card"] == entry["card"] for a in occasion.get("actions", [])), "another card's actions")
    need(("peer" in occasion) == (kind in ("transfer", "duplicate")), "a peer, or none")
    need("newcomer" not in occasion or kind == "activate", "somebody joins")
    need("peer" not in occasion or occasion["peer"]["card"] != entry["card"], "a peer of itself")
    need("account" not in occasion or kind == "duplicate", "an account")
    need(kind != "duplicate" or occasion["peer"]["direction"] != 2 or occasion["peer"]["card"], "in nobody's place")
    facts = entry["occasion"].get("facts")
    takes_over = kind == "duplicate" and occasion["peer"]["direction"] == 2
    start = entry["before"]["counter"] if entry["before"] else 1 if takes_over else 0
    need(not facts or facts["counter"] == start, "facts of another counter")
    return entry


def occasion_decode(raw):
    has, rest, occasion = raw[0], raw[1:], {}
    with_newcomer = has & 128 and not has & 64
    need(sum(1 for bit in (has & (4 + 16), has & 32, has & 64, with_newcomer) if bit) <= 1,
         "parts that do not go together")

    def take(form):
        nonlocal rest
        size = struct.calcsize(form)
        need(len(rest) >= size, "an occasion is cut")
        part, rest = struct.unpack(form, rest[:size]), rest[size:]
        return part

    if has & 1:
        occasion["facts"] = vafa_facts.decode(take("24s")[0])
        need(occasion["facts"]["counter"] >= 1, "facts of no counter")
    if has & 2:
        occasion.update(zip(("kind", "birthday", "wedding", "expires"), take("<BHHH")))
    if has & 4:
        (occasion["code"],) = take("B")
        need(occasion["code"], "code 0")
    if has & 8:
        occasion["merchant"], occasion["branch"] = take("<II")
        need(occasion["merchant"] or occasion["branch"], "no place")
    if has & 16:
        (count,) = take("B")
        need(1 <= count <= 33, "lines")
        lines = [take("<BIBI") for _ in range(count)]
        occasion["lines"] = [{"product": p, "amount": low + (high << 32), "milli": milli}
                             for p, low, high, milli in lines]
        numbers = [line["product"] for line in occasion["lines"]]
        need(numbers == sorted(set(numbers)), "order of lines")
        for line in occasion["lines"]:
            need(line["amount"] <= MONEY_MAX and line["milli"] <= 4 * 10**9, "a line")
    if has & 32:
        (count,) = take("B")
        need(1 <= count <= 4, "actions")
        occasion["actions"] = [action_decode(take("64s")[0]) for _ in range(count)]
        first = occasion["actions"][0]
        for at, action in enumerate(occasion["actions"]):
            need(action["number"] == first["number"] + at, "numbers of actions")
            need(action["card"] == first["card"], "cards of actions")
    if has & 64:
        peer = dict(zip(("direction", "card", "terminal", "sequence"), take("<BQII")))
        need(peer["direction"] in (1, 2), "direction")
        need(peer["card"] == 0 or luhn_ok(peer["card"]), "card number of the peer")
        need(peer["terminal"] < 2**20 and peer["sequence"] < 2**24, "the peer's intent")
        need((peer["terminal"] == 0) == (peer["sequence"] == 0), "half of the peer's intent")
        need(peer["card"] or not peer["terminal"], "an intent of no card")
        occasion["peer"] = peer
    if has & 128:
        if "peer" in occasion:
            (occasion["account"],) = take("<Q")
            need(luhn_ok(occasion["account"]), "an account")
        else:
            occasion["newcomer"] = take("BBB")
            need(occasion["newcomer"][0] <= 5 and occasion["newcomer"][1] <= 7, "who joins")
    need(not rest, "an occasion is too long")
    return occasion


ACTIONS = {1: "void", 2: "credit", 3: "gift", 4: "voucher", 5: "points", 6: "take_credit", 7: "take_points",
           8: "tier", 9: "group", 10: "block", 11: "unblock", 12: "offer", 13: "stamps", 14: "particulars",
           15: "layout"}
ACTION_AMOUNT = {2: MONEY_MAX, 3: 2**30 - 1, 4: 2**30 - 1, 5: POINTS_MAX, 6: MONEY_MAX, 7: 2**20 - 1, 14: 2**52 - 1}
ACTION_VALUE = {8: (0, 15), 9: (0, 255), 12: (1, 26), 13: (0, 15), 15: (2, 2)}


def text_ok(text):
    import unicodedata
    return all(unicodedata.category(c) != "Cc" and c not in "\u202a\u202b\u202c\u202d\u202e"
               "\u2066\u2067\u2068\u2069\ufeff" for c in text)


def action_decode(raw):
    need(len(raw) == 64, "length of an action")
    version, kind, origin, spare, number, value, card, amount, until, ident = struct.unpack_from(
        "<BBBBHHQqqQ", raw)
    need(version == 1 and kind in ACTIONS and 1 <= origin <= 10 and spare == 0, "what the action is")
    need(1 <= number <= 4095, "number of an action")
    need(luhn_ok(card), "card number of an action")
    most = ACTION_AMOUNT.get(kind, 0)
    need((0 if kind == 14 else min(1, most)) <= amount <= most, "amount of an action")
    need(kind != 14 or until == 0, "particulars that end")
    low, high = ACTION_VALUE.get(kind, (0, 0))
    need(low <= value <= high, "value of an action")
    need(0 <= until <= 253402300799 and ident < 2**63, "until or id of an action")
    text = raw[40:].rstrip(b"\0")
    need(b"\0" not in text, "a NUL in an action's text")
    try:
        text = text.decode()
    except UnicodeDecodeError:
        raise Foreign("an action's text")
    need(text_ok(text), "an action's text")
    return dict(kind=kind, origin=origin, number=number, value=value, card=card, amount=amount,
                until=until, id=ident, text=text)


def action_encode(action):
    return struct.pack("<BBBBHHQqqQ24s", 1, action["kind"], action["origin"], 0, action["number"],
                       action["value"], action["card"], action["amount"], action["until"], action["id"],
                       action["text"].encode())


def occasion_encode(occasion):
    has, raw = 0, b""
    if "facts" in occasion:
        has, raw = has | 1, raw + vafa_facts.encode(occasion["facts"])
    if "kind" in occasion:
        has |= 2
        raw += struct.pack("<BHHH", occasion["kind"], occasion["birthday"], occasion["wedding"],
                           occasion.get("expires", 0))
    if occasion.get("code"):
        has, raw = has | 4, raw + bytes([occasion["code"]])
    if occasion.get("merchant") or occasion.get("branch"):
        has |= 8
        raw += struct.pack("<II", occasion.get("merchant", 0), occasion.get("branch", 0))
    if occasion.get("lines"):
        has, raw = has | 16, raw + bytes([len(occasion["lines"])])
        for line in occasion["lines"]:
            raw += struct.pack("<BIBI", line["product"], line["amount"] & 0xffffffff,
                               line["amount"] >> 32, line["milli"])
    if occasion.get("actions"):
        has, raw = has | 32, raw + bytes([len(occasion["actions"])])
        raw += b"".join(action_encode(action) for action in occasion["actions"])
    if occasion.get("peer"):
        peer = occasion["peer"]
        has |= 64
        raw += struct.pack("<BQII", peer["direction"], peer["card"], peer["terminal"], peer["sequence"])
    if occasion.get("newcomer") is not None:
        has, raw = has | 128, raw + bytes(occasion["newcomer"])
    if occasion.get("account"):
        has, raw = has | 128, raw + struct.pack("<Q", occasion["account"])
    return bytes([has]) + raw


def outcome_decode(raw, sequence):
    need(len(raw) == 48 and not any(raw[42:48]), "length or spare bytes of an outcome")
    intent, counter, card, verdict, evidence = struct.unpack_from("<IIQBB", raw, 24)
    need(1 <= intent < sequence, "intent sequence")
    need(1 <= counter < 2**20, "counter")
    need(luhn_ok(card), "card number")
    need(1 <= verdict <= 3 and 1 <= evidence <= 5 and (evidence != 5 or verdict == 1), "verdict or evidence")
    return {"intent": intent, "counter": counter, "card": card, "verdict": VERDICTS[verdict]}


def bon_decode(raw):
    need(len(raw) == 64 and raw[24] == 1 and not any(raw[25:28]) and raw[48] <= 1, "a bon's length, version or spare bytes")
    series, serial, amount, first, last, merchant = struct.unpack_from("<IIIHHI", raw, 28)
    need(1 <= series < 2**31 and 1 <= serial < 2**31 and merchant < 2**31, "a bon's numbers")
    need(1 <= amount < 2**30 and 1 <= first <= last, "a bon's amount or days")
    receipt = raw[49:].rstrip(b"\0")
    need(receipt and all(0x21 <= c <= 0x7e for c in receipt), "receipt")
    return {"series": series, "serial": serial, "amount": amount, "first": first, "last": last,
            "merchant": merchant, "back": raw[48], "receipt": receipt.decode()}


def member_decode(raw):
    need(len(raw) in (80, 336), "length of a member")
    account, card, flags, key_version = struct.unpack_from("<QQBB", raw, 24)
    need(luhn_ok(account) and (card == 0 or luhn_ok(card)), "account or card number")
    need(flags < 8 and (flags & 4 != 0) == (len(raw) == 336), "flags of a member")
    need(key_version < (16 if flags & 3 else 1), "key version")
    need(flags & 1 or not any(raw[48:64]), "a national code's hash")
    need(flags & 2 or not any(raw[64:80]), "a phone's hash")
    need(not any(raw[42:48]) and not any(raw[329:336]), "spare bytes of a member")
    return {"account": account, "card": card, "national_code": raw[48:64] if flags & 1 else None,
            "phone": raw[64:80] if flags & 2 else None, "key_version": key_version,
            "key_id": raw[80:88] if flags & 4 else None, "box": raw[88:329] if flags & 4 else None}


def accrual_decode(raw):
    need(len(raw) > 88 and not any(raw[34:36]), "length or spare bytes of an accrual")
    number, medium, programme = struct.unpack_from("<QB3xI", raw, 24)
    amount, rebate, cashback, award, due, minute, refers = struct.unpack_from("<5qII", raw, 40)
    need(raw[33] == (refers != 0) and refers < struct.unpack_from("<I", raw, 4)[0], "what an accrual takes back")
    need(luhn_ok(number) and 1 <= medium <= 7 and 1 <= programme < 2**31 and minute < 2**24, "an accrual's number")
    need(all(0 <= x < 2**36 for x in (amount, rebate, cashback, due)) and 0 <= award < 2**28, "an accrual's part")
    need(amount > 0 and due == amount - rebate, "an accrual's sum")
    occasion = occasion_decode(raw[88:])
    need(not set(occasion) & {"facts", "kind", "actions", "peer", "newcomer"}, "an accrual's occasion")
    return {"number": number, "medium": medium, "programme": programme, "amount": amount, "rebate": rebate,
            "cashback": cashback, "award": award, "due": due, "minute": minute, "refers": refers, "occasion": occasion}


def entry_decode(raw):
    need(len(raw) >= 24, "shorter than a head")
    version, kind, flags, sequence, time_s, terminal, operator = struct.unpack_from("<BBHIqII", raw)
    need(version == 3, "version")
    need(flags <= 2, "flags")
    need(1 <= sequence < 2**24, "sequence")
    need(0 <= time_s <= 253402300799, "time")
    need(1 <= terminal < 2**20, "terminal")
    if kind == 1:
        entry = intent_decode(raw)
    elif kind == 2:
        entry = outcome_decode(raw, sequence)
    elif kind == 3:
        need(len(raw) == 88 and not any(raw[45:48]), "length or spare bytes of a sighting")
        need(raw[44] <= 2, "how the card showed it")
        entry = medium_decode(raw)
        entry["shown"] = raw[44]
        entry["snapshot"] = image_decode(raw[48:88])
    elif kind == 4:
        need(len(raw) == 40, "length of a start")
        text = raw[24:40].rstrip(b"\0")
        need(1 <= len(text) <= 15 and all(0x21 <= c <= 0x7e for c in text), "firmware version")
        entry = {"firmware": text.decode()}
    elif kind == 5:
        need(len(raw) == 64 and not any(raw[46:48]), "length or spare bytes of a link")
        entry = medium_decode(raw)
        need(raw[44] in (1, 2, 4, 5, 6), "kind of the medium")
        need(raw[45] < 16, "key version")
        entry.update(medium=raw[44], key_version=raw[45], tag=raw[48:64])
    elif kind == 8:
        entry = bon_decode(raw)
    elif kind == 6:
        entry = member_decode(raw)
    elif kind == 7:
        need(len(raw) == 48 and not any(raw[34:]), "length or spare bytes of a report")
        card, event, how = struct.unpack_from("<QBB", raw, 24)
        need(luhn_ok(card) and event in (1, 2) and how in (1, 2, 3), "what was reported")
        entry = {"card": card, "event": event, "how": how}
    elif kind == 9:
        entry = accrual_decode(raw)
    elif kind == 10:
        need(len(raw) == 40 and not any(raw[28:32]), "length or spare bytes of a release")
        out, card = struct.unpack_from("<I4xQ", raw, 24)
        need(1 <= out < sequence, "a release's transfer")
        need(card == 0 or luhn_ok(card), "card number of a release")
        entry = {"out": out, "card": card}
    elif kind == 11:
        need(len(raw) == 48 and not any(raw[30:32]) and not any(raw[44:48]), "length or spare bytes of an operator's entry")
        number, event, role, card, unlocks = struct.unpack_from("<IBBxxQI", raw, 24)
        need(1 <= number < 2**16, "operator's number")
        need(1 <= event <= 5, "what an operator did")
        need(1 <= role <= 4, "role")
        need(card == 0 or luhn_ok(card), "operator card")
        entry = {"number": number, "event": event, "role": role, "card": card, "unlocks": unlocks}
    elif kind == 12:
        need(len(raw) == 168 and not any(raw[35:40]), "length or spare bytes of a refused action")
        card, number, why = struct.unpack_from("<QHB", raw, 24)
        need(luhn_ok(card) and 1 <= number <= 4095 and why in (1, 2, 3), "what was refused")
        entry = {"card": card, "number": number, "why": why, "image": raw[40:104].hex(), "seal": raw[104:].hex()}
    else:
        raise Foreign("kind %d" % kind)
    entry.update(what={1: "intent", 2: "outcome", 3: "sighting", 4: "start", 5: "link", 6: "member", 7: "report", 8: "bon", 9: "accrual",
                       10: "release", 11: "operator", 12: "refused"}[kind],
                 sequence=sequence, time=time_s, terminal_no=terminal, operator=operator)
    return entry


def chain(raws):
    value = bytes(32)
    for raw in raws:
        value = hashlib.sha256(value + raw).digest()
    return value


# --- plan -------------------------------------------------------------------------------------

def occasion_of(found, card):
    """An occasion as vafa_programme takes it: facts only when they are the card's, or another's that it replaces."""
    facts, peer = found.get("facts"), found.get("peer", {}).get("direction", 0)
    start = card["counter"] if card else 1 if peer == 2 else 0
    return {"facts": facts if facts and facts["counter"] == start else None,
            "identity": found if "kind" in found else None, "code": found.get("code", 0),
            "newcomer": found.get("newcomer"), "peer": peer, "merchant": found.get("merchant", 0),
            "branch": found.get("branch", 0),
            "lines": [(line["product"], line["amount"], line["milli"])
                      for line in found.get("lines", [])]}


def plan(programme, history, wish, minute, terminal, sequence, found=None, sale_parts=None):
    """Returns (parts, next image, facts after it) or raises Refusal."""
    occasion = occasion_of(found or {}, history[0] if history else None)
    blank = {name: 0 for name, _ in IMAGE}
    parts, after, facts = vafa_programme.plan(programme, history, wish, occasion, sale_parts,
                                              minute, terminal, sequence, blank)
    return parts, image_encode(after), facts


# --- check ------------------------------------------------------------------------------------

class Book:
    """All that the journals, the dumps and the club say, and what is wrong with it."""

    def __init__(self):
        self.violations = 0
        self.intents = {}     # (terminal, sequence) -> intent
        self.verdicts = {}    # (terminal, sequence) -> verdict
        self.of_card = {}     # card -> [intent]
        self.seen = {}        # card -> {counter: {image: [who saw it]}}
        self.transactions = 0
        self.posted = []      # intents of all transactions, with their kind
        self.accruals = {}    # (terminal, sequence) -> a sale without the card
        self.gone_back = set()  # of these
        self.releases = {}    # (terminal, number of the transfer out) -> cards, in order

    def bad(self, text, *args):
        self.violations += 1
        print("violation: " + text % args)

    def see(self, card, snapshot, who):
        images = self.seen.setdefault(card, {}).setdefault(snapshot["counter"], {})
        images.setdefault(image_encode(snapshot), []).append(who)


def holds(before, after, parts):
    """Why before + parts is not after; None: it is."""
    kind = KINDS[after["kind"]]
    delta = deltas(kind, parts, after["flags"])
    if delta is None:
        return "unknown kind %s" % kind
    moves_in, moves_out = kind == "duplicate" and after["flags"] == 2, kind == "duplicate" and after["flags"] == 1
    if (before is None) != (kind == "activate" or moves_in):
        return "a snapshot before, or none"
    start = before or dict({name: 0 for name, _ in IMAGE}, layout=1, status=1)
    if after["counter"] != start["counter"] + 1:
        return "counter %d after %d" % (after["counter"], start["counter"])
    for name, change in zip(PURSES, delta):
        if start[name] + change != after[name]:
            return "%s %d %+d is not %d" % (name, start[name], change, after[name])
    may_change = {"activate": ("group",), "sale": ("tier", "group", "stamps"), "refund": ("stamps",),
                  "action": ("action", "tier", "group", "stamps"),
                  "duplicate": ("tier", "group", "stamps") if moves_in else ()}.get(kind, ())
    for name in ("action", "tier", "group", "stamps"):
        if start[name] != after[name] and name not in may_change:
            return "%s changed" % name
    if after["layout"] != start["layout"] and (kind != "action" or after["layout"] < start["layout"]):
        return "layout %d after %d" % (after["layout"], start["layout"])
    if kind == "refund" and after["stamps"] > start["stamps"]:
        return "a refund gives stamps"
    if kind == "sale" and after["flags"] != (parts["payment"] > 0) + 2 * (parts["load"] > 0):
        return "the flags are not the parts'"
    if kind == "transfer" and (after["flags"] != (1 if parts["payment"] else 2) or not parts["amount"] or
                               parts["amount"] != parts["payment"] + parts["load"] or
                               parts["amount"] not in (parts["payment"], parts["load"]) or
                               sum(parts.values()) != 2 * parts["amount"]):
        return "a transfer that is not one way"
    if kind == "duplicate" and (not moves_in and not moves_out or parts["load" if moves_out else "payment"] or
                                parts["amount"] != parts["payment"] + parts["load"] or parts["rebate"] or
                                parts["redeemed"] or parts["redeemed_value"] or parts["due"] or
                                moves_out and any(after[name] for name in PURSES)):
        return "a duplicate that is not one way, or leaves something"
    if kind == "action" and not 1 <= after["action"] - start["action"] <= 4:
        return "action %d after %d" % (after["action"], start["action"])
    if kind != "sale" and (after["idle"] or after["offer"] and kind != "action" or
                           after["flags"] and kind not in ("transfer", "duplicate")):
        return "idle goods, an offer or flags"
    want = {"block": [(1, 2)], "unblock": [(2, 1)],
            "action": [(1, 1), (1, 2), (2, 1), (2, 2)]}.get(kind, [(1, 3)] if moves_out else [(1, 1)])
    if (start["status"], after["status"]) not in want:
        return "status %d to %d" % (start["status"], after["status"])
    if (after["amount"], after["redeemed"]) != (parts["amount"] - parts["rebate"],
                                                parts["redeemed"]):
        return "the snapshot's amount or redeemed points are not the parts'"
    total = parts["rebate"] + parts["redeemed_value"] + parts["payment"] + parts["due"]
    moved = parts["award"] or parts["redeemed"]
    others = parts["gift"] + parts["voucher"]
    if kind == "sale" and total + others != parts["amount"]:
        return "parts of a sale do not add up"
    if kind == "refund" and (parts["payment"] + parts["due"] + others >
                             parts["amount"] + 1 + (parts["gift"] > 0) + (parts["voucher"] > 0) or
                             parts["rebate"]):
        return "a refund gives back more than its amount"
    if kind == "activate" and (
            moved or not parts["load"] + others == parts["due"] == parts["amount"] == total):
        return "load, due and amount differ"
    if kind in ("load", "unload"):
        put = [parts[name] for name in ("load", "gift", "voucher") if parts[name]]
        bonus = parts["load"] > parts["amount"] and not others
        if moved or len(put) > 1 or not parts["due"] == parts["amount"] == total or (
                sum(put) != parts["amount"] and not bonus):
            return "load, due and amount differ, or two purses are loaded"
    if kind == "action" and (total != parts["payment"] or parts["load"] + others != parts["amount"]):
        return "parts of an action do not add up"
    if kind == "expire" and (sum(parts.values()) != parts["award"] or not parts["award"]):
        return "an expiry moves more than points"
    if kind in ("block", "unblock") and any(parts.values()):
        return "%s with parts" % kind
    return None


def read_terminal(book, row):
    terminal = row["terminal"]
    raws = [bytes.fromhex(text) for text in row["entries"]]
    if "hash" in row and chain(raws).hex() != row["hash"].lower():
        book.bad("terminal %d: chain ends in %s, not %s", terminal, chain(raws).hex(), row["hash"])
    for index, raw in enumerate(raws):
        try:
            entry = entry_decode(raw)
        except Foreign as why:
            book.bad("terminal %d, entry %d: %s", terminal, index + 1, why)
            continue
        if entry["sequence"] != index + 1:
            book.bad("terminal %d: entry %d carries sequence %d", terminal, index + 1,
                     entry["sequence"])
        if entry["terminal_no"] != terminal:
            book.bad("terminal %d: entry %d is terminal %d's", terminal, index + 1,
                     entry["terminal_no"])
        key = (terminal, entry["sequence"])
        who = "terminal %d, entry %d" % key
        if entry["what"] == "intent":
            read_intent(book, entry, key, who)
        elif entry["what"] == "outcome":
            intent = book.intents.get((terminal, entry["intent"]))
            if intent is None:
                book.bad("%s: an outcome of entry %d, which is no intent", who, entry["intent"])
            elif (intent["card"], intent["after"]["counter"]) != (entry["card"], entry["counter"]):
                book.bad("%s: names another card or counter than its intent", who)
            elif (terminal, entry["intent"]) in book.verdicts:
                book.bad("%s: a second outcome of entry %d", who, entry["intent"])
            else:
                book.verdicts[(terminal, entry["intent"])] = entry["verdict"]
        elif entry["what"] == "accrual":
            read_accrual(book, entry, key, who)
        elif entry["what"] == "release":
            out = book.intents.get((terminal, entry["out"]))
            if out is None or KINDS[out["after"]["kind"]] != "transfer" or out["occasion"]["peer"]["direction"] != 1:
                book.bad("%s: hands over entry %d, which is no transfer out", who, entry["out"])
            book.releases.setdefault((terminal, entry["out"]), []).append(entry["card"])
        elif entry["what"] == "sighting":
            book.see(entry["card"], entry["snapshot"], who)


def read_accrual(book, entry, key, who):
    """A sale without the card, or one of this terminal that goes back: once, and just as it was."""
    if not entry["refers"]:
        book.accruals[key] = entry
        return
    sale = book.accruals.get((key[0], entry["refers"]))
    same = ("number", "programme", "amount", "rebate", "cashback", "award", "due")
    if sale is None:
        book.bad("%s: takes back entry %d, which is no sale without a card", who, entry["refers"])
    elif any(sale[name] != entry[name] for name in same):
        book.bad("%s: takes back something else than entry %d gave", who, entry["refers"])
    elif (key[0], entry["refers"]) in book.gone_back:
        book.bad("%s: takes back entry %d a second time", who, entry["refers"])
    book.gone_back.add((key[0], entry["refers"]))


def earn_again(book, programmes):
    """What the programme gives to a card of which nothing is known: just issued, nothing on it."""
    for (terminal, sequence), entry in book.accruals.items():
        programme = programmes.get(entry["programme"])
        if programme is None:
            continue
        nothing = dict({name: 0 for name, _ in IMAGE}, layout=1, status=1, counter=1, kind=1, terminal=terminal, sequence=1)
        wish = dict(vafa_programme.WISH, kind="sale", amount=entry["amount"])
        try:
            parts, _, _ = plan(programme, [nothing], wish, entry["minute"], terminal, 1, entry["occasion"])
        except Refusal as refusal:
            book.bad("terminal %d, entry %d: programme %d refuses this sale without a card: %s", terminal, sequence,
                     entry["programme"], refusal)
            continue
        want = {"rebate": parts["rebate"], "cashback": parts["load"], "award": parts["award"], "due": parts["due"]}
        if any(entry[name] != value for name, value in want.items()):
            book.bad("terminal %d, entry %d: a sale without a card earns %s, not %s", terminal, sequence, want,
                     {name: entry[name] for name in want})


def read_intent(book, entry, key, who):
    entry["key"] = key
    book.intents[key] = entry
    book.of_card.setdefault(entry["card"], []).append(entry)
    after, kind = entry["after"], KINDS[entry["after"]["kind"]]
    if (after["terminal"], after["sequence"]) != key:
        book.bad("%s: its snapshot names terminal %d, sequence %d", who, after["terminal"],
                 after["sequence"])
    why = holds(entry["before"], after, entry["parts"])
    if why:
        book.bad("%s: before + parts is not after: %s", who, why)
    refers = after["counter"] - after["reference"] if kind in ("refund", "unload") else 0
    if entry["refers"] != refers:
        book.bad("%s: refers to %d, its snapshot to %d", who, entry["refers"], refers)
    if entry["before"]:
        book.see(entry["card"], entry["before"], who + " (before)")


def read_card(book, row):
    number = int(row["number"])
    if not luhn_ok(number):
        book.bad("card %s: not a card number", number)
    newest = None
    older = None
    for text in row["images"]:
        try:
            snapshot = image_decode(bytes.fromhex(text))
        except Foreign as why:
            book.bad("card %d: image %s: %s", number, text, why)
            continue
        book.see(number, snapshot, "card dump")
        newest = newest or snapshot
        if older and older["counter"] != snapshot["counter"] + 1:
            book.bad("card %d: counter %d below %d in its ring", number, snapshot["counter"],
                     older["counter"])
        older = snapshot
    return number, newest


def transactions_of(book, card):
    """The card's transactions by counter: what is done, and what is undecided but was seen."""
    ours = {}
    for intent in book.of_card.get(card, []):
        verdict = book.verdicts.get(intent["key"])
        counter = intent["after"]["counter"]
        image = image_encode(intent["after"])
        was_seen = image in book.seen.get(card, {}).get(counter, {})
        if verdict == "not done" and was_seen:
            book.bad("card %d, counter %d: terminal %d says not done, but it was seen", card,
                     counter, intent["key"][0])
        if verdict == "done" or (verdict != "not done" and was_seen):
            if counter in ours:
                book.bad("card %d, counter %d: two transactions, of terminals %d and %d", card,
                         counter, ours[counter]["key"][0], intent["key"][0])
            ours[counter] = intent
    return ours


def plan_again(book, card, ours, counter, images, programmes):
    intent = ours[counter]
    programme = programmes.get(intent["programme"])
    after, parts = intent["after"], intent["parts"]
    kind = KINDS[after["kind"]]
    if kind == "action":
        act_again(book, card, intent, programme)
        return
    if programme is None or kind not in ("activate", "sale", "refund", "load", "unload", "expire", "transfer",
                                         "duplicate"):
        return
    history, counter = [], after["counter"] - 1
    while counter in images and len(history) < 64:
        history.append(images[counter])
        counter -= 1
    moves_in = kind == "duplicate" and after["flags"] == 2
    if (not history) != (kind == "activate" or moves_in):
        return  # The gap is a violation of its own.
    wish = dict(vafa_programme.WISH, kind=kind, amount=parts["amount"], refers_counter=intent["refers"])
    if kind == "sale":
        wish.update(pay_credit=parts["payment"], pay_gift=parts["gift"], pay_voucher=parts["voucher"],
                    redeem=parts["redeemed"])
    if kind in ("activate", "load"):
        wish.update(amount=parts["amount"] - parts["gift"] - parts["voucher"], gift=parts["gift"],
                    voucher=parts["voucher"])
    if moves_in:
        wish.update(gift=parts["gift"], voucher=parts["voucher"],
                    inherits=(after["tier"], after["group"], after["stamps"], parts["award"]))
    try:
        sale = ours.get(intent["refers"]) if kind == "refund" else None
        again, image, _ = plan(programme, history, wish, after["minute"], after["terminal"],
                            after["sequence"], intent["occasion"], sale and sale["parts"])
    except Refusal as refusal:
        book.bad("card %d, counter %d: programme %d refuses this %s: %s", card, after["counter"],
                 intent["programme"], kind, refusal)
        return
    if again != parts or image != image_encode(after):
        book.bad("card %d, counter %d: programme %d gives other parts: %s, not %s", card,
                 after["counter"], intent["programme"], again, parts)


def act_again(book, card, intent, programme):
    """The images stand in the intent: no history is needed, and the programme only for the facts."""
    before, after, wanted = intent["before"], intent["after"], intent["occasion"]["actions"]
    plain = {"utc_offset_minutes": 0, "tiers": None, "purses": {"points": {"expiry": None}}}
    try:
        parts, again, _, moved, _ = vafa_programme.plan_actions(
            programme or plain, before, occasion_of(intent["occasion"], before)["facts"], wanted, after["minute"],
            after["terminal"], after["sequence"])
    except Refusal as refusal:
        book.bad("card %d, counter %d: its actions cannot be applied: %s", card, after["counter"], refusal)
        return
    if len(moved) != len(wanted) or parts != intent["parts"] or again != after:
        book.bad("card %d, counter %d: its actions come to %s, not %s", card, after["counter"], parts, intent["parts"])


def facts_follow(book, card, earlier, intent, programmes):
    """What an intent noted of the card's memory is the fold of what the transaction before it noted."""
    ends = [programmes.get(one["programme"]) for one in (earlier, intent)]
    rules = [vafa_programme.facts_rules(programme) if programme else None for programme in ends]
    noted = [occasion_of(one["occasion"] or {}, one["before"])["facts"] for one in (earlier, intent)]
    is_born = KINDS[earlier["after"]["kind"]] == "activate"
    if None in rules or rules[0] != rules[1] or noted[1] is None or noted[0] is None and not is_born:
        return
    want = vafa_facts.fold(rules[0], noted[0], earlier["before"], earlier["after"])
    if want != noted[1]:
        book.bad("card %d, counter %d: noted facts %s, but they follow as %s", card, intent["after"]["counter"],
                 noted[1], want)


def check_card(book, card, newest, club, programmes):
    ours = transactions_of(book, card)
    last = max(ours, default=0)
    balance = [0, 0, 0, 0]
    images = {}
    for counter in range(1, last + 1):
        if counter not in ours:
            book.bad("card %d, counter %d: no journal has it", card, counter)
            continue
        intent = ours[counter]
        book.transactions += 1
        book.posted.append(dict(intent, what_kind=KINDS[intent["after"]["kind"]]))
        if counter - 1 in images and intent["before"] != images[counter - 1]:
            book.bad("card %d, counter %d: does not begin where counter %d ended", card, counter,
                     counter - 1)
        plan_again(book, card, ours, counter, images, programmes)
        if counter - 1 in ours:
            facts_follow(book, card, ours[counter - 1], intent, programmes)
        images[counter] = intent["after"]
        change = deltas(KINDS[intent["after"]["kind"]], intent["parts"], intent["after"]["flags"]) or [0, 0, 0, 0]
        balance = [a + b for a, b in zip(balance, change)]
    for counter, seen in sorted(book.seen.get(card, {}).items()):
        if counter in images:
            seen.setdefault(image_encode(images[counter]), ["its journal"])
        if len(seen) > 1:
            book.bad("card %d, counter %d: %d different snapshots: %s", card, counter, len(seen),
                     " / ".join(names[0] for names in seen.values()))
        if counter > last:
            book.bad("card %d, counter %d: seen by %s, but no journal has it", card, counter,
                     list(seen.values())[0][0])
    if newest:
        compare(book, "card %d: its ring" % card, newest, balance, last)
    if club:
        compare(book, "card %d: the club" % card, club, balance, last)
    return balance


def compare(book, who, has, balance, last):
    for name, value in zip(PURSES, balance):
        if has.get(name, 0) != value:
            book.bad("%s says %s %s, its transactions add up to %d", who, name, has.get(name), value)
    if "counter" in has and has["counter"] != last:
        book.bad("%s stands at counter %d, the journals at %d", who, has["counter"], last)


def run_check(path):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        book = Book()
        given = data.get("programme") or []
        programmes = {p["version"]: p for p in (given if isinstance(given, list) else [given])}
        numbers = [row["terminal"] for row in data["terminals"]]
        for row in data["terminals"]:
            read_terminal(book, row)
        dumps = dict(read_card(book, row) for row in data["cards"])
        club = {int(row["card"]): row for row in data.get("club") or []}
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("reference: %s is not a file to check: %r" % (path, error))
        return 2
    if len(set(numbers)) != len(numbers):
        book.bad("a terminal is listed twice")
    earn_again(book, programmes)
    cards = sorted(set(dumps) | set(book.of_card) | set(book.seen) | set(club))
    total, balances = [0, 0, 0, 0], {}
    for card in cards:
        balance = balances[card] = check_card(book, card, dumps.get(card), club.get(card), programmes)
        total = [a + b for a, b in zip(total, balance)]
        if any(b < 0 for b in balance):
            book.bad("card %d: a balance below zero: %s", card, balance)
    if "actions" in data:
        actions = [intent for intent in book.posted if intent["what_kind"] == "action"]
        vafa_actions.check(book, data, actions, dict(zip(PURSES, total)))
    if "lost" in data:
        vafa_lost.check(book, data, book.posted, balances)
    if "transfers" in data:
        moved = [intent for intent in book.posted if intent["what_kind"] == "transfer"]
        vafa_transfers.check(book, data, moved, book.releases)
    print("reference: totals of all cards: " + ", ".join(
        "%s %d" % pair for pair in zip(PURSES, total)))
    print("reference: %d cards, %d transactions, %d violations"
          % (len(cards), book.transactions, book.violations))
    return 1 if book.violations else 0


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "check":
        return run_check(arguments[1])
    if len(arguments) == 2 and arguments[0] == "vectors":
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import vafa_vectors
        return vafa_vectors.write(arguments[1])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
