#!/usr/bin/env python3
"""Prints tests/vectors/wire.json: bodies of docs/sync.md as Python's json, base64 and gzip see them.

    tests/e2e/sync_vectors.py > tests/vectors/wire.json

A case has the call that decodes it, the body, the status that must come out, and for "ok" the body as
it must be encoded again (unknown fields gone)."""
import base64
import copy
import gzip
import json
import random

rng = random.Random(20260101)
b64 = lambda b: base64.b64encode(b).decode()
cases, packed = [], []


def case(name, call, body, status, again=None, pad=0):
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    row = {"name": name, "call": call, "text": text, "status": status}
    if pad:
        row["pad"] = pad  # so many blanks go before the text
    if status == "ok":
        row["again"] = again if again is not None else body
    cases.append(row)


def put(body, path, value):
    """A copy with one value changed; `...` deletes it."""
    body = copy.deepcopy(body)
    at = body
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


def refuse(call, body, path, *values):
    for value in values:
        word = "none" if value is ... else json.dumps(value)[:24]
        case(f"{call}: {'.'.join(map(str, path))} = {word}", call, put(body, path, value), "foreign")


sync = {"v": 1, "terminal": 17, "after": 240, "base": bytes(range(32)).hex(),
        "entries": [b64(rng.randbytes(n)) for n in (1, 2, 3, 48, 217, 592)],
        "have": {"programme": 3},
        "health": {"unsent": 12, "pending": 1, "oldest": 1790000000, "clock": 2, "firmware": "0.1.0"}}
case("sync", "sync", sync, "ok")
last = {k: v for k, v in sync.items() if k != "entries"} | {"entries": sync["entries"]}
case("sync: entries last, as we write it", "sync", last, "ok")
case("sync: with blanks", "sync", json.dumps(sync, indent=1), "ok", sync)
case("sync: nothing to send", "sync", put(put(put(sync, ["entries"], []), ["after"], 0), ["base"], "0" * 64), "ok")
case("sync: unknown fields are ignored", "sync", {**last, "x": {"entries": ["!"]}, "have": {"programme": 3, "y": []}},
     "ok", last)
case("sync: base in capitals", "sync", put(sync, ["base"], sync["base"].upper()), "ok", sync)
case("sync: escapes in base64", "sync", json.dumps(put(last, ["entries"], ["+/+/"])).replace("/", "\\/"), "ok",
     put(last, ["entries"], ["+/+/"]))
case("sync: largest numbers", "sync", {**last, "terminal": 2**20 - 1, "after": 2**24 - 7,
     "have": {"programme": 2**31 - 1}}, "ok")
case("sync: a programme was refused", "sync", {**last, "have": {"programme": 3, "refused": 4}}, "ok")
case("sync: and why", "sync", {**last, "have": {"programme": 3, "refused": 4, "refused_say": "do.lottery \u0645"}}, "ok")
case("sync: why is too long", "sync", {**last, "have": {"programme": 3, "refused": 4, "refused_say": "x" * 256}}, "foreign")
case("sync: 1000 entries", "sync", {**last, "entries": [b64(rng.randbytes(2)) for _ in range(1000)]}, "ok")
case("sync: 1001 entries", "sync", {**last, "entries": ["AA=="] * 1001}, "foreign")
case("sync: beyond the last sequence number", "sync", {**last, "after": 2**24 - 3}, "foreign")
for body in (sync, last):
    for key in sync:
        refuse("sync", body, [key], ..., None, True, {}, "x", -1, 1.5)
refuse("sync", sync, ["v"], 0, 2, "1", 1.0)
refuse("sync", sync, ["terminal"], 0, 2**20, 2**63 - 1, 17.0, "17")
refuse("sync", sync, ["after"], 2**24)
refuse("sync", sync, ["base"], "0" * 63, "0" * 65, "g" * 64, "")
refuse("sync", sync, ["have", "programme"], ..., -1, 2**31, "3")
linked = {**last, "have": {"programme": 3, "links": {"no": 12, "mark": "0011223344556677"}}}
case("sync: how far the links have come", "sync", linked, "ok")
case("sync: no links yet", "sync", put(put(linked, ["have", "links", "no"], 0), ["have", "links", "mark"], "0" * 16), "ok")
numbered = {**last, "have": {"programme": 3, "numbers": {"left": 812, "last": 936400000199999}}}
case("sync: card numbers that are left", "sync", numbered, "ok")
case("sync: no card numbers at all", "sync", put(put(numbered, ["have", "numbers", "left"], 0), ["have", "numbers", "last"], 0), "ok")
refuse("sync", numbered, ["have", "numbers"], None, 1, [], {})
refuse("sync", numbered, ["have", "numbers", "left"], ..., -1, 10**15, "1", 1.5)
refuse("sync", numbered, ["have", "numbers", "last"], ..., -1, 10**15, None)
refuse("sync", linked, ["have", "links"], None, 1, [], {})
refuse("sync", linked, ["have", "links", "no"], ..., -1, 2**31, "1", 1.5)
refuse("sync", linked, ["have", "links", "mark"], ..., "", "0" * 15, "0" * 17, "g" * 16, 7)
taken = put(last, ["have", "bons"], {"no": 12, "last": [7, 4000, 1, 3, 120]})
case("sync: how far the vouchers have come", "sync", taken, "ok")
case("sync: the largest voucher", "sync",
     put(taken, ["have", "bons"], {"no": 2**31 - 1, "last": [2**31 - 1, 2**31 - 1, 0, 2**20 - 1, 2**24 - 1]}), "ok")
case("sync: no vouchers yet", "sync", put(last, ["have", "bons"], {"no": 0}), "ok")
refuse("sync", taken, ["have", "bons"], None, 1, [], {})
refuse("sync", taken, ["have", "bons", "no"], ..., -1, 2**31, "1", 1.5)
refuse("sync", taken, ["have", "bons", "last"], ..., None, 7, [], [7, 4000, 1, 3], [7, 4000, 1, 3, 120, 1],
       [0, 4000, 1, 3, 120], [2**31, 4000, 1, 3, 120], [7, 0, 1, 3, 120], [7, 4000, 2, 3, 120], [7, 4000, True, 3, 120],
       [7, 4000, 1, 0, 120], [7, 4000, 1, 2**20, 120], [7, 4000, 1, 3, 0], [7, 4000, 1, 3, 2**24], [7, "4000", 1, 3, 1])
acting = put(last, ["have", "actions"], {"no": 12, "mark": "0011223344556677", "start": 3})
case("sync: how far the actions have come", "sync", acting, "ok")
case("sync: no actions yet", "sync", put(last, ["have", "actions"], {"no": 0, "mark": "0" * 16, "start": 0}), "ok")
for layout in (2, 15):
    case(f"sync: it reads layout {layout}", "sync", put(acting, ["have", "actions", "layout"], layout), "ok")
refuse("sync", acting, ["have", "actions", "layout"], 0, 16, "2", None)
refuse("sync", acting, ["have", "actions"], None, 1, [], {})
refuse("sync", acting, ["have", "actions", "no"], ..., -1, 2**31, "1", 1.5)
refuse("sync", acting, ["have", "actions", "start"], ..., -1, 2**31, "1", None)
refuse("sync", acting, ["have", "actions", "mark"], ..., "", "0" * 15, "0" * 17, "g" * 16, 7)
reported = put(last, ["have", "lost"], {"known": 57, "settled": 41, "again": 1795355470})
case("sync: how far the lost cards have come", "sync", reported, "ok")
case("sync: no lost card yet", "sync", put(last, ["have", "lost"], {"known": 0, "settled": 0, "again": 0}), "ok")
refuse("sync", reported, ["have", "lost"], None, 1, [], {}, {"known": 57}, {"settled": 0})
refuse("sync", reported, ["have", "lost", "known"], -1, 40, 2**24, "57", 1.5)
refuse("sync", reported, ["have", "lost", "settled"], -1, 58, None, "1")
refuse("sync", reported, ["have", "lost", "again"], ..., -1, None, "1", 1.5)
listed = put(last, ["have", "hotlist"], {"version": 7, "mark": 2**53 - 1})
loading = put(listed, ["have", "hotlist", "next"], {"version": 9, "mark": 5, "after": 936400000100000})
case("sync: has a hotlist", "sync", listed, "ok")
case("sync: has no hotlist yet", "sync", put(last, ["have", "hotlist"], {"version": 0, "mark": 0}), "ok")
case("sync: is loading a hotlist", "sync", loading, "ok")
case("sync: begins to load a hotlist", "sync", put(loading, ["have", "hotlist", "next", "after"], 0), "ok")
refuse("sync", listed, ["have", "hotlist"], None, [], {}, {"version": 1}, {"mark": 1}, 7)
refuse("sync", listed, ["have", "hotlist", "version"], -1, 2**32, "7")
refuse("sync", listed, ["have", "hotlist", "mark"], -1, 2**53, 1.0)
refuse("sync", loading, ["have", "hotlist", "next"], None, [], {}, {"version": 0, "mark": 1, "after": 0})
refuse("sync", loading, ["have", "hotlist", "next", "after"], ..., 1, 99999999999999, 10**15, -1)
timed = put(last, ["health", "now"], 1795355470)
case("sync: the terminal's own time", "sync", timed, "ok")
case("sync: a time of 0 is none", "sync", put(timed, ["health", "now"], 0), "ok", last)
refuse("sync", timed, ["health", "now"], None, -1, 2**63, "1", 1.5, True)
device = {"board": "qemu-virt-arm64", "version": 7, "slot": "A", "good": True, "other": 6, "failed": 0, "self_test": "ok",
          "free": 12345678, "update": "none", "have": 1048576, "consent": False}
told = put(last, ["device"], device)
largest = {"board": "b" * 32, "version": 2**31 - 1, "slot": "B", "good": False, "other": 2**31 - 1, "failed": 2**31 - 1,
           "self_test": "\u0645" * 127 + "x", "free": 2**63 - 1, "update": "\u0001" * 255, "have": 2**27, "consent": True}
case("sync: what the device says of itself", "sync", told, "ok")
case("sync: the largest device", "sync", put(last, ["device"], largest), "ok")
case("sync: the smallest device", "sync", put(last, ["device"], {**device, "board": "b", "version": 1, "other": 0, "self_test": "x",
     "free": 0, "update": "x", "have": 0}), "ok")
case("sync: a device with unknown fields", "sync", put(told, ["device", "x"], 1), "ok", told)
refuse("sync", told, ["device"], None, 1, [], {}, "x")
for key in device:
    refuse("sync", told, ["device", key], ..., None, -1, [], "")
refuse("sync", told, ["device", "board"], "b" * 33)
for key in ("version", "other", "failed"):
    refuse("sync", told, ["device", key], 2**31, 1.5, "7")
refuse("sync", told, ["device", "version"], 0)
refuse("sync", told, ["device", "slot"], "a", "C", "AB", 1)
refuse("sync", told, ["device", "good"], 1, "true")
refuse("sync", told, ["device", "self_test"], "x" * 256)
refuse("sync", told, ["device", "update"], "x" * 256)
refuse("sync", told, ["device", "free"], 2**63, 1.5)
refuse("sync", told, ["device", "have"], 2**27 + 1, 1.5)
refuse("sync", told, ["device", "consent"], 0, "no")
for key in sync["health"]:
    refuse("sync", sync, ["health", key], ..., None, -1 if key != "firmware" else 5)
refuse("sync", sync, ["health", "clock"], 3)
refuse("sync", sync, ["health", "firmware"], "x" * 33)
for entry in ("", "A", "AA", "AAA", "AA=A", "A===", "====", "AAAA=", "AB==", "AAB=", "AA==AAAA", "AA A", "AA\nA", "AA-_",
              "é===", "AAAA\\", b64(bytes(593)), 7, None, ["AAAA"], {"a": "AAAA"}):
    refuse("sync", last, ["entries", 1], entry)
text = json.dumps(last, separators=(",", ":"))
for name, broken in {
        "empty": "", "blank": " ", "no object": "[]", "a number": "1", "null": "null", "cut": text[:-1],
        "followed": text + "x", "followed by an object": text + "{}", "two commas": text.replace('","', '",,"', 1),
        "trailing comma": text[:-2] + ",]}", "single quotes": text.replace('"', "'"),
        "twice terminal": text.replace('"terminal"', '"terminal":17,"terminal"'),
        "twice entries": text.replace('"v":1', '"entries":[],"v":1'),
        "twice entries, in disguise": text.replace('"v":1', '"\\u0065ntries":[],"v":1'),
        "entries inside another object": text.replace('"health":{', '"h":{"health":{'),
        "a NUL in a text": text.replace('"0.1.0"', '"0\\u00001"'), "a raw NUL": text.replace('"0.1.0"', '"0\u00001"'),
        "half a surrogate": text.replace('"0.1.0"', '"\\ud800"'), "deep": "[" * 3000,
        "deep objects": '{"v":1,"x":' + '{"x":' * 3000, "a huge number": text.replace('"terminal":17', '"terminal":' + "9" * 400),
        "leading zero": text.replace('"terminal":17', '"terminal":017'), "exponent": text.replace('"terminal":17', '"terminal":1e1'),
        "NaN": text.replace('"terminal":17', '"terminal":NaN'), "a comment": text.replace('"v"', '/**/"v"'),
        "a comma first": text.replace("{", "{,", 1), "only entries": '{,"entries":["AAAA"]}', "BOM": "\ufeff" + text}.items():
    case("sync: " + name, "sync", broken, "foreign")
case("sync: too large", "sync", text, "full", pad=1 << 20)
case("sync: as large as allowed", "sync", text, "ok", last, (1 << 20) - len(text))

pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
enrol = {"v": 1, "code": "ABCD-EFGH-JKLM", "csr": pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "board": "sim"}
case("enrol", "enrol", enrol, "ok")
case("enrol: no board's name", "enrol", {**enrol, "board": ""}, "ok")
for key in enrol:
    refuse("enrol", enrol, [key], ..., None, 2, [], "x" * 8193)
refuse("enrol", enrol, ["code"], "", "x" * 33)
refuse("enrol", enrol, ["csr"], "")
refuse("enrol", enrol, ["board"], "x" * 33)

approved = {"v": 1, "state": "approved", "terminal": 17, "merchant": "رفاه", "branch": "تجریش", "certificate": pem, "ca": pem * 2,
            "programme_key": pem,
            "cards": {"first": 603799000000001, "last": 603799000009999}}
renew = {"v": 1, "terminal": 17, "csr": enrol["csr"]}
case("renew", "renew", renew, "ok")
case("renew: largest numbers", "renew", {**renew, "terminal": 2**20 - 1, "csr": "x" * 8192}, "ok")
case("renew: unknown fields are ignored", "renew", {**renew, "code": "x"}, "ok", renew)
for key in renew:
    refuse("renew", renew, [key], ..., None, 2 ** 20, [], "x" * 8193)
refuse("renew", renew, ["terminal"], 0, "17", 17.0)
refuse("renew", renew, ["csr"], "")
renewed = {"v": 1, "certificate": pem, "ca": pem}
case("renew_answer", "renew_answer", renewed, "ok")
for key in renewed:
    refuse("renew_answer", renewed, [key], ..., None, 2, [], "", "x" * 8193)

case("enrol_answer: approved", "enrol_answer", approved, "ok")
case("enrol_answer: pending", "enrol_answer", {"v": 1, "state": "pending"}, "ok")
case("enrol_answer: one card", "enrol_answer", {**approved, "cards": {"first": 1, "last": 1}}, "ok")
keyed = {**approved, "member_key": pem}
case("enrol_answer: a key for particulars", "enrol_answer", keyed, "ok")
refuse("enrol_answer", keyed, ["member_key"], None, "", -1, [], "x" * 8193)
for key in approved:
    refuse("enrol_answer", approved, [key], ..., None, -1, [], "x" * 8193)
refuse("enrol_answer", approved, ["state"], "", "Approved", "x")
refuse("enrol_answer", approved, ["terminal"], 0, 2**20)
refuse("enrol_answer", approved, ["merchant"], "x" * 97)
refuse("enrol_answer", approved, ["cards"], {}, {"first": 2, "last": 1}, {"first": 0, "last": 1}, {"first": 1, "last": 10**15},
       {"first": 1}, {"last": 1}, {"first": "1", "last": 2})

plain = {"v": 1, "acknowledged": 242, "time": 1790000123}
news = {**plain, "programme": {"version": 4, "text": '{"version": 4, "club": "وفا"}'}}
case("sync_answer", "sync_answer", plain, "ok")
case("sync_answer: with a programme", "sync_answer", news, "ok")
link = lambda version, card: b64(bytes([version]) + rng.randbytes(16) + card.to_bytes(8, "little"))
links = {**plain, "links": {"from": 12, "list": [link(0, 6362140000000011), link(15, 6362140000000011)]}}
case("sync_answer: with links", "sync_answer", links, "ok")
case("sync_answer: links from the beginning, none", "sync_answer", put(put(links, ["links", "from"], 0), ["links", "list"], []), "ok")
case("sync_answer: 100 links", "sync_answer", put(links, ["links", "list"], [link(3, 6362140000000011)] * 100), "ok")
numbers = {**plain, "numbers": {"first": 936410000000000, "last": 936410000099999}}
case("sync_answer: more card numbers", "sync_answer", numbers, "ok")
case("sync_answer: one card number more", "sync_answer", put(numbers, ["numbers", "last"], 936410000000000), "ok")
refuse("sync_answer", numbers, ["numbers"], None, 1, [], {})
refuse("sync_answer", numbers, ["numbers", "first"], ..., 0, -1, 936410000100000, "1")
refuse("sync_answer", numbers, ["numbers", "last"], ..., 0, 10**15, None)
refuse("sync_answer", links, ["links"], None, 1, [], {}, "x")
refuse("sync_answer", links, ["links", "from"], ..., -1, 2**31, 2**31 - 5, "1")
refuse("sync_answer", links, ["links", "list"], ..., None, {}, [link(3, 6362140000000011)] * 101)
refuse("sync_answer", links, ["links", "list", 1], "", 7, b64(bytes(24)), b64(bytes(26)), link(16, 6362140000000011),
       link(1, 6362140000000012), link(1, 0), link(1, 2**64 - 1))
item = lambda what, card, number, rest=b"": bytes([what]) + card.to_bytes(8, "little") + number.to_bytes(2, "little") + rest
act, past = item(1, 6362140000000011, 7, rng.randbytes(128)), item(2, 6362140000000011, 4095)
bons = {**plain, "bons": {"from": 12, "list": [[7, 4000, 1, 3, 120], [7, 4000, 0, 3, 121]]}}
case("sync_answer: with vouchers", "sync_answer", bons, "ok")
case("sync_answer: vouchers from the beginning, none", "sync_answer",
     put(put(bons, ["bons", "from"], 0), ["bons", "list"], []), "ok")
case("sync_answer: 200 vouchers", "sync_answer", put(bons, ["bons", "list"], [[7, 1, 1, 3, 120]] * 200), "ok")
refuse("sync_answer", bons, ["bons"], None, 1, [], {}, "x")
refuse("sync_answer", bons, ["bons", "from"], ..., -1, 2**31, 2**31 - 5, "1")
refuse("sync_answer", bons, ["bons", "list"], ..., None, {}, [[7, 1, 1, 3, 120]] * 201)
refuse("sync_answer", bons, ["bons", "list", 1], "", 7, [], [7, 4000, 1, 3], [7, 4000, -1, 3, 120], [7, 4000, 1, 3, None])
actions = {**plain, "actions": {"from": 12, "to": 40, "mark": "0011223344556677", "start": 3, "items": b64(act + past + act)}}
case("sync_answer: with actions", "sync_answer", actions, "ok")
case("sync_answer: actions from the beginning, none", "sync_answer",
     put(put(actions, ["actions", "items"], ""), ["actions", "from"], 0), "ok")
case("sync_answer: 1000 items", "sync_answer", put(actions, ["actions", "items"], b64((act + past) * 500)), "ok")
case("sync_answer: 1000 actions", "sync_answer", put(actions, ["actions", "items"], b64(act * 1000)), "ok")
case("sync_answer: 1001 items", "sync_answer", put(actions, ["actions", "items"], b64(past * 1001)), "foreign")
refuse("sync_answer", actions, ["actions"], None, 1, [], {}, "x")
for key in actions["actions"]:
    refuse("sync_answer", actions, ["actions", key], ..., None, -1 if key not in ("mark", "items") else 1)
refuse("sync_answer", actions, ["actions", "to"], 11, 2**31)
refuse("sync_answer", actions, ["actions", "mark"], "0" * 15, "g" * 16)
for name, wrong in {"cut": act[:-1], "a head is cut": act + past[:10], "what 0": item(0, 6362140000000011, 1), "what 3": item(3, 6362140000000011, 1),
                    "number 0": item(2, 6362140000000011, 0), "number 4096": item(2, 6362140000000011, 4096),
                    "card": item(2, 6362140000000012, 1), "one byte more": act + b"\x01"}.items():
    case("sync_answer: items, " + name, "sync_answer", put(actions, ["actions", "items"], b64(wrong)), "foreign")
vouch = {"card": 936400000100000, "replaced": 936400000200000, "settled": True, "status": 1, "tier": 3, "group": 7,
         "points": 120, "credit": 850000, "gift": 10, "voucher": 20, "as_of": 1795355470, "account": 936400000100001,
         "kind": 2, "birthday": 30000, "wedding": 40000, "expires": 50000}
unknown = {**dict.fromkeys(vouch, 0), "card": 999999999999999, "settled": False}
largest = {**vouch, "status": 3, "tier": 15, "group": 255, "points": 2**28 - 1, "credit": 2**36 - 1, "gift": 2**30 - 1,
           "voucher": 2**30 - 1, "as_of": 2**63 - 1, "kind": 15, "birthday": 65535, "wedding": 65535, "expires": 65535}
vouches = {**plain, "lost": {"known": 60, "settled": 57, "again": 7, "list": [vouch, unknown, largest]}}
case("sync_answer: lost cards", "sync_answer", vouches, "ok")
case("sync_answer: lost cards, none", "sync_answer", {**plain, "lost": {"known": 3, "settled": 3, "again": 2**63 - 1, "list": []}}, "ok")
case("sync_answer: 50 lost cards", "sync_answer", put(vouches, ["lost", "list"], [unknown] * 50), "ok")
case("sync_answer: 51 lost cards", "sync_answer", put(vouches, ["lost", "list"], [unknown] * 51), "foreign")
refuse("sync_answer", vouches, ["lost"], None, 1, [], {}, "x")
refuse("sync_answer", vouches, ["lost", "known"], ..., -1, 56, 2**24, "60")
refuse("sync_answer", vouches, ["lost", "settled"], ..., -1, 61, None)
refuse("sync_answer", vouches, ["lost", "again"], ..., -1, None, "1")
refuse("sync_answer", vouches, ["lost", "list"], ..., None, {}, 7)
refuse("sync_answer", vouches, ["lost", "list", 1], 7, [], {}, None)
for key, most in largest.items():
    wrong = [1, "true", 0] if key == "settled" else [1, 10**14 - 1, 10**15] if key in ("card", "replaced", "account") else (
        [most + 1] if key != "as_of" else [])
    refuse("sync_answer", vouches, ["lost", "list", 2, key], ..., None, -1, "x", *wrong)
refuse("sync_answer", vouches, ["lost", "list", 2, "card"], 0)
offer = {"version": 8, "board": "qemu-virt-arm64", "bytes": 26800000, "sha256": bytes(range(32)).hex(), "from_hour": 2, "to_hour": 5}
wanted = {**plain, "update": offer, "logs": 3}
case("sync_answer: an update is wanted, and a log", "sync_answer", wanted, "ok")
case("sync_answer: the largest update", "sync_answer", {**plain, "update": {"version": 2**31 - 1, "board": "b" * 32, "bytes": 2**27,
     "sha256": "f" * 64, "from_hour": 23, "to_hour": 23}, "logs": 2**31 - 1}, "ok")
case("sync_answer: the smallest update", "sync_answer", {**plain, "update": {"version": 1, "board": "b", "bytes": 1,
     "sha256": "0" * 64, "from_hour": 0, "to_hour": 0}, "logs": 1}, "ok")
case("sync_answer: a sum in capitals", "sync_answer", put(wanted, ["update", "sha256"], offer["sha256"].upper()), "ok", wanted)
refuse("sync_answer", wanted, ["update"], None, 1, [], {}, "x")
for key in offer:
    refuse("sync_answer", wanted, ["update", key], ..., None, -1, "", [], 1.5)
for key in ("version", "bytes"):
    refuse("sync_answer", wanted, ["update", key], 0, "8")
refuse("sync_answer", wanted, ["update", "version"], 2**31)
refuse("sync_answer", wanted, ["update", "board"], "b" * 33)
refuse("sync_answer", wanted, ["update", "bytes"], 2**27 + 1)
refuse("sync_answer", wanted, ["update", "sha256"], "0" * 63, "0" * 65, "g" * 64, "../" * 21 + "x")
for key in ("from_hour", "to_hour"):
    refuse("sync_answer", wanted, ["update", key], 24, "2")
refuse("sync_answer", wanted, ["logs"], None, 0, -1, 2**31, "3", 1.5, [])
case("sync_answer: unknown fields", "sync_answer", {**plain, "acts": [1]}, "ok", plain)
for key in plain:
    refuse("sync_answer", plain, [key], ..., None, -1, 0.5, "1", [])
refuse("sync_answer", plain, ["acknowledged"], 2**24)
refuse("sync_answer", plain, ["time"], 0)
refuse("sync_answer", news, ["programme"], None, [], {}, 4, {"version": 4}, {"text": "x"})
refuse("sync_answer", news, ["programme", "version"], 0, -1, 2**31, "4")
refuse("sync_answer", news, ["programme", "text"], "", 4)


def pack(cards, after=0):
    """Gap of payloads times 16 plus the reason, base 128, low digits first (docs/sync.md)."""
    out = bytearray()
    for payload, reason in cards:
        value, after = (payload - after) * 16 + reason, payload
        while value > 127:
            out.append(value % 128 + 128)
            value //= 128
        out.append(value)
    return bytes(out)


some = [(936400000100000, 1), (936400000100001, 0), (936400000100009, 15), (999999999999999, 2)]
delta = {**plain, "hotlist": {"from": 3, "from_mark": 11, "to": 9, "to_mark": 12, "newest": False, "changes": b64(pack(some))}}
piece = {**plain, "hotlist": {"version": 9, "mark": 12, "after": 936400000099999, "last": True,
                              "cards": b64(pack([some[0], some[2]], 936400000099999))}}
case("sync_answer: a hotlist delta", "sync_answer", delta, "ok")
case("sync_answer: the hotlist is the newest", "sync_answer", {**plain, "hotlist": {
    "from": 9, "from_mark": 12, "to": 9, "to_mark": 12, "newest": True, "changes": ""}}, "ok")
case("sync_answer: a piece of a hotlist", "sync_answer", piece, "ok")
case("sync_answer: the smallest card", "sync_answer", put(delta, ["hotlist", "changes"], b64(pack([(10**14, 3)]))), "ok")
many = [(936400000100000 + 3 * n, 1 + n % 5) for n in range(10001)]
case("sync_answer: 10000 cards", "sync_answer", put(delta, ["hotlist", "changes"], b64(pack(many[:10000]))), "ok")
case("sync_answer: 10001 cards", "sync_answer", put(delta, ["hotlist", "changes"], b64(pack(many))), "foreign")
refuse("sync_answer", delta, ["hotlist"], None, [], 4, {}, {"version": 1})
refuse("sync_answer", piece, ["hotlist", "after"], ..., 5, 10**15)
refuse("sync_answer", piece, ["hotlist", "last"], ..., 1, "true", None)
refuse("sync_answer", piece, ["hotlist", "cards"], None, 5, b64(pack([(936400000100000, 0)], 936400000099999)))
refuse("sync_answer", piece, ["hotlist", "version"], ..., 0, -1, 2**32)
for key in delta["hotlist"]:
    refuse("sync_answer", delta, ["hotlist", key], ..., None, -1 if key not in ("newest", "changes") else 1)
refuse("sync_answer", delta, ["hotlist", "to"], 2, 3)
for name, wrong in {"gap 0": pack(some[:1]) + b"\x01", "not the shortest": pack(some[:1]) + b"\x91\x00", "cut": pack(some)[:-1],
                    "nine digits": b"\xff" * 8 + b"\x01", "beyond the last": pack(some) + b"\x11", "too small": pack([(10**14 - 1, 1)]),
                    "only zero": b"\x00"}.items():
    case("sync_answer: packed cards, " + name, "sync_answer", put(delta, ["hotlist", "changes"], b64(wrong)), "foreign")
case("sync_answer: too large", "sync_answer", plain, "full", pad=2162688)

for name, error in {"chain": {"v": 1, "error": "chain", "acknowledged": 240, "say": "Call for help."},
                    "code": {"v": 1, "error": "code", "say": "این کد استفاده شده است."},
                    "no words": {"v": 1, "error": "x", "say": ""}}.items():
    case("error: " + name, "error", error, "ok")
refuse("error", error, ["error"], ..., "", "x" * 33, 4)
refuse("error", error, ["say"], ..., None, "x" * 256)
refuse("error", {**error, "acknowledged": 1}, ["acknowledged"], -1, None, "1", 2**24)
for call in ("enrol", "enrol_answer", "renew", "renew_answer", "sync_answer", "error"):
    for name, broken in {"empty": "", "no object": "[]", "cut": '{"v":1', "no version": "{}", "HTML": "<html></html>"}.items():
        case(f"{call}: {name}", call, broken, "foreign")


def gz(name, data, max_bytes, status, text=None):
    packed.append({"name": name, "packed": b64(data), "max": max_bytes, "status": status,
                   **({"text": text} if status == "ok" else {})})


body = json.dumps(plain)
good = gzip.compress(body.encode(), mtime=0)
gz("gzip", good, 1000, "ok", body)
gz("gzip: just fits", good, len(body), "ok", body)
gz("gzip: one byte too much", good, len(body) - 1, "full")
gz("gzip: level 9 with a name", gzip.compress(body.encode() * 3, 9), 1000, "ok", body * 3)
gz("gzip: empty text", gzip.compress(b""), 10, "ok", "")
gz("gzip: no bytes", b"", 10, "foreign")
gz("gzip: not gzip", body.encode(), 1000, "foreign")
gz("gzip: followed", good + b"x", 1000, "foreign")
gz("gzip: two members", good + good, 1000, "foreign")
for n in range(1, len(good)):
    gz(f"gzip: cut to {n}", good[:n], 1000, "foreign")
for n in range(10, len(good)):
    gz(f"gzip: damaged at {n}", good[:n] + bytes([good[n] ^ 0x55]) + good[n + 1:], 1000, "foreign")
gz("gzip: a bomb of 16 MiB", gzip.compress(bytes(1 << 24), 9), 1 << 18, "full")

# One value a line, so that a change shows as a change of few lines.
line = lambda rows: ",\n".join(json.dumps(r, ensure_ascii=True, separators=(",", ":")) for r in rows)
print('{"cases":[\n' + line(cases) + '\n],\n"packed":[\n' + line(packed) + "\n]}")
