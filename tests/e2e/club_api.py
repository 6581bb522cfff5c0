#!/usr/bin/env python3
"""club_api - the club's API over TLS against its own page, docs/club-api.yaml: the page is judged by jsonschema, a second
program; paths, methods, roles, parameters and fields are those that the server lists; every operation is used by
each role, every answer fits its schema, every member of every schema is seen; and what is wrong is refused and changes nothing."""
import base64
import gzip
import http.client
import json
import re
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import yaml

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("support", "reference")]
import vafa_reference as reference
import vafa_programme
from club_world import BUILD, ROOT, World, luhn
from tap import check, exit_code  # noqa: E402

PAGE = yaml.safe_load((ROOT / "docs/club-api.yaml").read_text())
METHODS = ("get", "put", "post", "delete")


# --- the page --------------------------------------------------------------------------------


def resolve(node):
    while isinstance(node, dict) and set(node) == {"$ref"}:
        at = PAGE
        for part in node["$ref"][2:].split("/"):
            at = at[part]
        node = at
    return node


def operations():
    for path, item in PAGE["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                parameters = [resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                yield method.upper(), path, operation, parameters


def body_schema(operation):
    return resolve(operation["requestBody"]["content"]["application/json"]["schema"]) if "requestBody" in operation else None


def as_server_says(method, path, operation, parameters):
    fields = body_schema(operation) or {"properties": {}, "required": []}
    return (method, path, operation["x-role"], " ".join(p["name"] for p in parameters if p["in"] == "query"),
            tuple((name, name in fields["required"]) for name in fields["properties"]))


class Seen:
    """Which members of which schemas have had a value other than null."""

    def __init__(self):
        self.members = set()

    def walk(self, schema, value):
        schema = dict(schema)
        if "$ref" in schema:
            self.walk(resolve({"$ref": schema.pop("$ref")}), value)
        for part in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
            self.walk(part, value)
        if isinstance(value, list) and "items" in schema:
            for item in value:
                self.walk(schema["items"], item)
        if isinstance(value, dict):
            for name, part in schema.get("properties", {}).items():
                if value.get(name) is not None:
                    self.members.add((id(self.home(schema)), name))
                    self.walk(part, value[name])

    def home(self, schema):
        """The page's own object: walk() copies."""
        return schema["properties"]

    def all(self, schema, path, at, found):
        if "$ref" in schema:
            target = resolve({"$ref": schema["$ref"]})
            if id(target) not in at:
                self.all(target, path, at | {id(target)}, found)
        for part in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
            self.all(part, path, at, found)
        if "items" in schema:
            self.all(schema["items"], path + "[]", at, found)
        for name, part in schema.get("properties", {}).items():
            found[(id(schema["properties"]), name)] = f"{path}.{name}"
            self.all(part, f"{path}.{name}", at, found)


SEEN = Seen()
USED = set()


def fits(schema, value):
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": PAGE["components"], **schema}
    return [f"{list(e.absolute_path)}: {e.message[:200]}" for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]


def match(method, path):
    for m, pattern, operation, _ in operations():
        if m == method and re.fullmatch(re.sub(r"\{[a-z]+\}", "[^/]+", pattern), "/v1/club" + path):
            return pattern, operation
    raise KeyError((method, path))


class Caller:
    """Asks with a key, and holds every answer against the page."""

    def __init__(self, world, key):
        self.world, self.key = world, key

    def __call__(self, method, path, body=None, **parameters):
        status, answer = self.world.api(self.key, method, path, body, **parameters)
        try:
            pattern, operation = match(method, path)
            responses = operation["responses"]
            response = resolve(responses.get(str(status), responses["default"]))
            if str(status) in responses:
                USED.add((method, pattern))
        except KeyError:
            response = PAGE["components"]["responses"]["refused"]
        schema = response["content"]["application/json"]["schema"]
        errors = fits(schema, answer)
        if errors:
            check(f"{method} {path}: the answer fits the page", False, (errors, answer))
        SEEN.walk(schema, answer)
        return status, answer

    def good(self, method, path, body=None, **parameters):
        status, answer = self(method, path, body, **parameters)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def all(self, path, limit, **parameters):
        """All items of a list, page by page."""
        items, cursor = [], {}
        while True:
            page = self.good("GET", path, limit=limit, **cursor, **parameters)
            items += page["items"]
            if len(page["items"]) > limit:
                raise RuntimeError(f"{path}: {len(page['items'])} items")
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}


# --- the story -------------------------------------------------------------------------------


def fill(world):
    """Two merchants, three branches; a card that is in a fourth terminal's journal with another history: clones."""
    world.club("programme", "programmes/base.json")
    for merchant, branch in (("Refah", "Tajrish"), ("Refah", "Vanak"), ("Kourosh", "Karaj"), ("Kourosh", "Rey")):
        world.enrol(merchant, branch)
    for terminal, transactions, first in ((1, 60, 100), (2, 45, 200), (3, 35, 300), (4, 24, 100)):
        for body in world.batches(terminal, transactions, 20, first):
            status, answer = world.sync(terminal, body)
            if status != 200:
                raise RuntimeError(f"terminal {terminal}: {status} {answer}")


def check_page(world, reader):
    index = reader.good("GET", "")
    server = {(r["method"], r["path"], r["role"], r["parameters"], tuple((f["name"], f["needed"]) for f in r["fields"])) for r in index["paths"]}
    page = {as_server_says(*operation) for operation in operations()}
    check("the page has exactly the server's paths, methods, roles, parameters and fields",
          server == page and len(page) == len(index["paths"]),
           (server ^ page))
    bad = [name for name, schema in PAGE["components"]["schemas"].items()
           if list(jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA).iter_errors(schema))]
    check("every schema of the page is one", not bad and PAGE["openapi"].startswith("3.1"), bad)


def cards_and_books(world, reader):
    dump = {luhn(c["card"] // 10): c for c in json.loads(world.club("dump").stdout)["club"]}
    cards = {c["card"]: c for c in reader.all("/cards", 7)}
    check(f"{len(cards)} cards in pages of 7: the balances of the dump",
          set(cards) == set(dump) and all(cards[n][k] == dump[n][k] for n in cards for k in ("points", "credit", "gift", "voucher")))
    some = sorted(cards)[0]
    for number in sorted(cards)[:3]:
        card, history = reader.good("GET", f"/cards/{number}"), reader.all(f"/cards/{number}/history", 3)
        sums, right = {k: 0 for k in ("points", "credit", "gift", "voucher")}, True
        for row in reversed(history):
            for name in sums:
                sums[name] += row[name]
            right = right and row["after"] == sums
        check(f"history of {number}: running balances end at the card's",
              right and all(card[k] == sums[k] for k in sums) and len(history) == card["transactions"], (card, history[:2]))
    history = reader.all(f"/cards/{some}/history", 200)
    days = reader.all(f"/cards/{some}/history", 2, **{"from": "2026-01-01", "to": "2026-12-31"})
    check("history by days",
          days == [h for h in history if datetime.fromtimestamp(h["at"] + 12600, timezone.utc).year == 2026], days[:1])
    check("by the Jalali calendar, too",
          reader.all(f"/cards/{some}/history", 50, **{"from": "1300-01-01", "to": "1350-12-29"}) == [])
    card = world.club_json("card", some)
    card.pop("history")
    check("vafa-club card says what the API says", {"v": 1, **card} == reader.good("GET", f"/cards/{some}"))
    merchants, branches = reader.all("/merchants", 1), reader.all("/branches", 3)
    names = ("taken", "owed", "redemption", "cashback", "bon", "club_owes")
    check("branches add up to their merchants",
          len(merchants) == 2 and len(branches) == 4 and
          all(sum(b[n] for b in branches if b["merchant"] == m["merchant"]) == m[n] for m in merchants for n in names), (merchants, branches))
    report, shown = reader.good("GET", "/report"), world.club_json("report")
    ledger = {(r["book"], r["account"]): r["amount"] for r in report["ledger"]}
    owed = sum(ledger.get(("credit", a), 0) for a in ("taken", "opening", "owed", "cashback")) + sum(ledger.get(("settlement", a), 0) for a in ("redemption", "bon"))
    check("merchants add up to the ledger", sum(m["club_owes"] for m in merchants) == owed != 0 and report["balanced"], (owed, merchants))
    check("the report of the command is the same", report["ledger"] == shown["ledger"] and shown["branches"] == branches)
    for m in merchants:
        check(f"merchant {m['merchant']} by itself", reader.good("GET", f"/merchants/{m['merchant']}") == {"v": 1, **m})
    check("a branch by itself", reader.good("GET", f"/branches/{branches[0]['branch']}") == {"v": 1, **branches[0]})
    check("the programme",
          reader.good("GET", "/programme")["programme"] == json.loads((ROOT / "programmes/base.json").read_text()))


def hotlist(world, reader, clerk, card):
    before = {r["card"] for r in reader.all("/hotlist", 200)}
    path = f"/hotlist/{card}"
    check("a card that is not listed is 404", reader("GET", path)[0] == 404)
    first, again = clerk.good("PUT", path, {"reason": "stolen"}), clerk.good("PUT", path, {"reason": "stolen"})
    check("listing twice changes once", (first["changed"], again["changed"]) == (True, False))
    check("it is listed", reader.good("GET", path)["reason"] == "stolen" == reader.good("GET", f"/cards/{card}")["listed"])
    check("vafa-club hotlist says so, too", f"{card} stolen" in world.club("hotlist", "list").stdout)
    check("the list in pages of one", {r["card"] for r in reader.all("/hotlist", 1)} == before | {card})
    check("taking it off twice changes once", [clerk.good("DELETE", path)["changed"] for _ in range(2)] == [True, False])


def replacement(terminal, card, new, rials):
    """The journal of a terminal that reports `card` as lost and makes `new` in its place, with `rials` of credit."""
    head = lambda kind, sequence: struct.pack("<BBHIqII", 3, kind, 2, sequence, int(time.time()), terminal, 0)
    medium = struct.pack("<QBB10s", int(new), 1, 4, bytes(4))
    after = {name: 0 for name, _ in reference.IMAGE}
    after.update(layout=1, status=1, counter=1, credit=rials, kind=12, flags=2, amount=rials, terminal=terminal, sequence=2)
    parts = dict.fromkeys(reference.PARTS, 0)
    parts.update(amount=rials, load=rials)
    occasion = reference.occasion_encode({"peer": {"direction": 2, "card": int(card), "terminal": 0, "sequence": 0}})
    return [head(7, 1) + struct.pack("<QBB14s", int(card), 1, 1, bytes(14)),
            head(1, 2) + medium + struct.pack("<I", 1) + bytes(40) + reference.image_encode(after) +
            struct.pack("<10qIB3s", *(parts[name] for name in reference.PARTS), 0, 0, bytes(3)) + occasion,
            head(2, 3) + struct.pack("<IIQBB6s", 2, 1, int(new), 1, 1, bytes(6))]


def lost_cards(world, reader, clerk, manager):
    some = sorted(c["card"] for c in reader.all("/cards", 200) if c["credit"] > 200000 and not reader.good("GET", f"/cards/{c['card']}")["listed"])
    found, lost = some[:2]
    told = clerk.good("PUT", f"/lost/{found}")
    check("a card is lost",
          told["state"] == "lost" and told["terminal"] is None and reader.good("GET", f"/hotlist/{found}")["reason"] == "lost", told)
    check("and reported twice is reported once", clerk.good("PUT", f"/lost/{found}") == told)
    told = clerk.good("DELETE", f"/lost/{found}")
    check("and found again", told["state"] == "found" and told["found_at"] and clerk("GET", f"/hotlist/{found}")[0] == 404, told)
    check("a card that nobody lost cannot be found", clerk("DELETE", f"/lost/{lost}")[0] == 409)
    check("and is in no list", reader("GET", f"/lost/{lost}")[0] == 404)
    terminal = world.enrol("Refah", "Qom")
    entries = replacement(terminal, lost, luhn(936499900000000), 150000)
    body = {"v": 1, "terminal": terminal, "after": 0, "base": "0" * 64, "entries": [base64.b64encode(e).decode() for e in entries],
            "have": {"programme": 1, "lost": {"known": 0, "settled": 0, "again": 0}},
            "health": {"unsent": 3, "pending": 0, "oldest": 0, "clock": 2, "firmware": "t"}}
    answer = world.sync(terminal, json.dumps(body))[1]
    has = reader.good("GET", f"/cards/{lost}")
    check("the club tells the terminal what it knows",
          answer["lost"]["known"] == 1 and answer["lost"]["settled"] == 0 and answer["lost"]["list"][0]["credit"] == has["credit"] and
          answer["lost"]["list"][0]["card"] == int(lost) // 10, answer)
    told = reader.good("GET", f"/lost/{lost}")
    check("a replacement is at risk by what it began with",
          told["state"] == "replaced" and (told["terminal"], told["sequence"]) == (terminal, 1) and told["risk_rials"] == told["part_rials"] == 150000, told)
    check("nor one that another has replaced be found or lost",
          clerk("DELETE", f"/lost/{lost}")[0] == 409 and clerk("PUT", f"/lost/{lost}")[0] == 409)
    books = sqlite3.connect(world.data / "club.db")
    books.execute("UPDATE term SET clear_at = ?", (int(time.time()) + 60,))  # as if all terminals had synced twice
    books.commit()
    books.close()
    body.update(after=3, base=reference.chain(entries).hex(), entries=[])
    body["have"]["lost"] = {**{key: answer["lost"][key] for key in ("known", "again")}, "settled": 0}
    body["health"]["unsent"] = 0
    answer = world.sync(terminal, json.dumps(body))[1]
    check("and once more when the books have settled",
          answer["lost"]["settled"] == 1 and answer["lost"]["list"][0]["settled"] and answer["lost"]["list"][0]["replaced"] == 936499900000000, answer)
    told = reader.good("GET", f"/lost/{lost}")
    check("then the rest is released",
          told["rounds"] == 1 and told["given_rials"] == has["credit"] + has["gift"] + has["voucher"] == told["rials"] and
          told["waiting_rials"] == told["rials"] - 150000 and told["risk_rials"] == 0 and told["settled_at"], told)
    check("both are in the list, page by page",
          {r["card"] for r in reader.all("/lost", 1)} == {found, lost} and reader.good("GET", "/report")["balanced"])
    check("the card says which one has its place",
          reader.good("GET", f"/cards/{lost}")["replaced_by"] == luhn(936499900000000))
    shown = world.club_json("lost", "show", lost)
    check("vafa-club lost show tells the story",
          shown["replacements"][0]["credit"] == 150000 and sum(r["amount"] for r in shown["releases"] if r["kind"] == "credit") == has["credit"] - 150000, shown)
    confirmed = manager.good("PUT", f"/lost/{lost}/confirmed")
    check("a manager stands for the new card",
          confirmed["state"] == "replaced" and manager.good("PUT", f"/lost/{lost}/confirmed") == confirmed and manager("DELETE", f"/lost/{lost}/replacement")[0] == 409 and
          clerk("PUT", f"/lost/{lost}/confirmed")[0] == 403, confirmed)
    check("where there is none, nobody does",
          [manager(*what)[0] for what in (("PUT", f"/lost/{found}/confirmed"), ("DELETE", f"/lost/{found}/replacement"))] == [409, 409])
    terminal, false = world.enrol("Refah", "Yazd"), luhn(936499900000001)
    entries = replacement(terminal, found, false, 1000)
    body.update(terminal=terminal, after=0, base="0" * 64, entries=[base64.b64encode(e).decode() for e in entries])
    body["have"]["lost"], body["health"]["unsent"] = {"known": 0, "settled": 0, "again": 0}, 3
    world.sync(terminal, json.dumps(body))
    denied = manager.good("DELETE", f"/lost/{found}/replacement")
    check("a false one is refused, once",
          (denied["state"], denied["loss_rials"], denied["replaced_by"]) == ("lost", 1000, None) and manager.good("DELETE", f"/lost/{found}/replacement") == denied and
          reader.good("GET", f"/hotlist/{false}")["reason"] == "blocked", denied)
    check("and the card is found again", clerk.good("DELETE", f"/lost/{found}")["state"] == "found")


def cases(world, reader, clerk):
    listed = reader.all("/cases", 3)
    check(f"{len(listed)} cases in pages of 3, as vafa-club cases lists them",
          len(listed) > 3 and listed == world.club_json("cases")["cases"], listed[:1])
    case = next(c for c in listed if c["why"] == "clone")
    check("each by itself says the same",
          all({k: v for k, v in reader.good("GET", f"/cases/{c['case']}").items() if k in c} == c for c in listed))
    evidence = reader.good("GET", f"/cases/{case['case']}")
    check("a clone shows both histories",
          evidence["shows"]["after"]["counter"] == case["counter"] and evidence["posted"]["terminal"] == 1 and
          evidence["shows"]["after"] != evidence["held"], evidence)
    path, done = f"/cases/{case['case']}/closed", {"by": "Sara", "why": "Card taken in; member has a new one (وفا)."}
    first = clerk.good("PUT", path, done)
    check("dealt with, and again without a change", first["closed_by"] == "Sara" and clerk.good("PUT", path, done) == first)
    check("another name for the same is refused", clerk("PUT", path, {"by": "Reza", "why": "Other."})[0] == 409)
    check("open ones and all",
          len(reader.all("/cases", 50)) == len(listed) - 1 and len(reader.all("/cases", 2, all="true")) == len(listed))
    other = listed[0]["case"] if listed[0] != case else listed[1]["case"]
    closed = world.club("case", "close", other, "--by", "Reza", "--why", "Looked at.")
    check("vafa-club case close does the same",
          "dealt with" in closed.stdout and other not in world.club("cases").stdout and other in world.club("cases", "--all").stdout and
          "Looked at." in world.club("case", "show", other).stdout)
    bad = [world.club(*words, check=False).returncode for words in
           (("case", "close", "9-9-none", "--by", "a", "--why", "b"), ("case", "close", other, "--by", "x", "--why", "y"),
            ("case", "show", "rubbish"), ("case", "close", other, "--by", "", "--why", "b"))]
    check("wrong ones are refused at the command, too", bad == [1, 1, 1, 2], bad)
    image, seal = bytes(range(64)), bytes(range(64, 128))  # that a terminal had refused: nothing that the club knows
    raw = struct.pack("<BBHIqII", 3, 12, 0, 900009, 1790000000, 1, 0) + struct.pack("<QHB5x", int(case["card"]), 5, 1) + image + seal
    subprocess.run(["sqlite3", world.data / "club.db", "INSERT INTO tcase (term_id, term_seq, why, card_no, card_ctr, at, say, raw) VALUES"
                    f" (1, 900009, 'forged', {case['card']}, 0, 1790000000, 'Held.', x'{raw.hex()}')"], check=True)
    shown = reader.good("GET", "/cases/1-900009-forged")["shows"]
    check("a refused action is shown whole",
          (shown["kind"], shown["image"], shown["seal"]) == ("refused", image.hex(), seal.hex()), shown)
    check("and dealt with",
          clerk.good("PUT", "/cases/1-900009-forged/closed", {"by": "Sara", "why": "Seen."})["shows"] == shown)


def actions(world, reader, manager, card):
    path, order = "/actions/bank/shaparak-20261122-77", {"card": card, "kind": "credit", "amount": 250000, "text": "از بانک", "giver": "Shaparak", "until": "1499-01-01"}
    first = manager.good("PUT", path, order)
    check("a load by the bank waits for its card",
          (first["card"], first["amount"], first["state"], first["id"]) == (card, 250000, "waiting", "shaparak-20261122-77"), first)
    check("sent again, it is the same order", manager.good("PUT", path, order) == first == reader.good("GET", path))
    refused = manager("PUT", path, {**order, "amount": 250001})
    check("the reference stands for nothing else", refused[0] == 409 and reader.good("GET", path) == first, refused)
    for kind, number in (("points", {"amount": 5}), ("tier", {"value": 1}), ("block", {}), ("unblock", {}), ("take_points", {"amount": 3}),
                         ("particulars", {"card_kind": 2, "birthday": "1361-12-01", "wedding": "none", "last_day": "2079-01-01"})):
        manager.good("PUT", f"/actions/correction/{kind}-1", {"card": card, "kind": kind, **number})
    said = reader.good("GET", "/actions/correction/particulars-1")
    check("new particulars, of which all are said",
          (said["amount"], said["particulars"]) == (0, {"card_kind": 2, "birthday": "1983-02-20", "wedding": "none", "last_day": "2079-01-01"}), said)
    check("which cannot be taken back", manager("DELETE", "/actions/correction/particulars-1")[0] == 409)
    listed = reader.all("/actions", 2, card=card)
    check("its actions in pages of two",
          len(listed) == 7 and {k: first[k] for k in listed[0]} in listed and listed == reader.all("/actions", 200, card=card), listed)
    shown = json.loads(world.club("action", "list", "--card", card, "--json").stdout)
    check("vafa-club action list says the same", shown == listed, shown)
    gone = manager.good("DELETE", path)
    check("taken back, and again",
          gone["state"] in ("ended", "returned") and manager.good("DELETE", path)["state"] == gone["state"], gone)
    check("it waits no more",
          first["id"] not in [a["id"] for a in reader.all("/actions", 3, open="true") if a["state"] == "waiting"])
    charge = {"group": 0, "kind": "gift", "amount": 50000, "text": "Nowruz", "giver": "Refah"}
    made = manager.good("PUT", "/charges/nowruz-1406", charge)
    cards = [c for c in reader.all("/cards", 50) if reader.good("GET", f"/cards/{c['card']}")["listed"] is None]
    check(f"a charge for the {len(cards)} cards of a group", made["done"] and made["waiting"] == len(cards) > 10, made)
    check("sent again, nobody gets it twice",
          manager.good("PUT", "/charges/nowruz-1406", charge) == made == reader.good("GET", "/charges/nowruz-1406"))
    manager.good("PUT", "/charges/two", {**charge, "kind": "points"})
    check("charges in pages of one", [c["id"] for c in reader.all("/charges", 1)] == ["nowruz-1406", "two"])
    check("vafa-club charge list says the same",
          [json.loads(world.club("charge", "list", "--json").stdout)[0]] == [{k: v for k, v in made.items() if k != "v"}])
    for body, status in (({**order, "kind": "gold"}, 400), ({**order, "value": 3}, 400), ({"card": card, "kind": "tier"}, 400), ({"card": card, "kind": "block", "amount": 5}, 400),
                         ({**order, "amount": 0}, 400), ({**order, "amount": "250000"}, 400), ({**order, "amount": 1.5}, 400), ({**order, "text": "x" * 25}, 400),
                         ({**order, "until": "2026-13-01"}, 400), ({**order, "until": "2020-01-01"}, 409), ({**order, "card": luhn(936400099999999)}, 409),
                         ({"card": card, "kind": "stamps", "value": 16}, 400), ({"card": card, "kind": "particulars", "card_kind": 1, "birthday": "none"}, 400), ({**order, "card_kind": 1}, 400), ({"card": card, "kind": "credit", "amount": 10**12}, 400), ({"kind": "block"}, 400)):
        seen = manager("PUT", "/actions/web/x1", body)
        check(f"order {str(body)[:60]} is {status}", seen[0] == status, seen)
    check("none of them was made",
          reader("GET", "/actions/web/x1")[0] == 404 == manager("PUT", "/actions/gift/x1", order)[0] == manager("DELETE", "/actions/web/x1")[0])
    for body, status in (({**charge, "group": 256}, 400), ({**charge, "kind": "block"}, 400), ({**charge, "kind": "x"}, 400), ({**charge, "amount": 50001}, 409)):
        seen = manager("PUT", "/charges/nowruz-1406", body)
        check(f"charge {str(body)[:40]} is {status}", seen[0] == status, seen)
    convert(world, manager, reader, cards)
    check("no such charge", reader("GET", "/charges/none")[0] == 404)
    check("wrong filters are refused",
          reader("GET", "/actions", card="1")[0] == 400 == reader("GET", "/actions", open="x")[0])
    check("the books balance with what waits", world.club("report", check=False).returncode == 0)


def convert(world, manager, reader, cards):
    layout = {"kind": "layout", "amount": 2}
    held = manager("PUT", "/charges/layout-2", layout)
    check("no card goes over while a terminal has not said that it reads it",
          held[0] == 409 and "does not read cards of layout 2" in str(held), held)
    subprocess.run(["sqlite3", world.data / "club.db", "UPDATE term SET layout = 2"], check=True)
    for body in ({**layout, "group": 0}, {**layout, "amount": 1}, {**layout, "amount": 3}, {"kind": "gift", "amount": 5}):
        seen = manager("PUT", "/charges/layout-2", body)
        check(f"charge {body} is 400", seen[0] == 400, seen)
    made = manager.good("PUT", "/charges/layout-2", layout)
    check("every card goes over", made["done"] and made["group"] is None and made["waiting"] == len(cards), made)
    one = manager.good("PUT", "/actions/correction/layout-2", {"card": cards[0]["card"], "kind": "layout", "value": 2})
    check("or one card", (one["kind"], one["value"], one["state"]) == ("layout", 2, "waiting"), one)
    check("at its next tap, not before", reader.good("GET", f"/cards/{cards[0]['card']}")["layout"] == 1)


def measures(world, reader, manager, card):
    first = manager.good("PUT", "/measures/profile", {"points": 20})
    check("a measure",
          (first["name"], first["points"]) == ("profile", 20) == tuple(manager.good("PUT", "/measures/profile", {"points": 20})[k] for k in ("name", "points")))
    manager.good("PUT", "/measures/%D8%AF%D9%88%D8%B3%D8%AA", {"points": 5})
    check("in pages of one, as vafa-club lists them",
          [m["name"] for m in reader.all("/measures", 1)] == ["profile", "دوست"] and
          reader.all("/measures", 9) == json.loads(world.club("measure", "list", "--json").stdout))
    given = manager.good("PUT", "/measures/profile/given/web-1", {"card": card, "giver": "Shop"})
    check("its points wait for a card, once",
          (given["amount"], given["kind"], given["origin"], given["text"], given["state"]) == (20, "points", "prize", "profile", "waiting") and
          manager.good("PUT", "/measures/profile/given/web-1", {"card": card, "giver": "Shop"}) == given, given)
    manager.good("PUT", "/measures/profile", {"points": 30})
    check("given again after it gives more: what was given",
          manager.good("PUT", "/measures/profile/given/web-1", {"card": card}) == given)
    check("an id stands for what it stood for",
          manager("PUT", "/measures/%D8%AF%D9%88%D8%B3%D8%AA/given/web-1", {"card": card})[0] == 409)
    check("off the list, and again",
          [manager.good("DELETE", "/measures/profile")["points"] for _ in range(2)] == [None, None] and len(reader.all("/measures", 9)) == 1)
    check("and when it is no measure any more",
          manager.good("PUT", "/measures/profile/given/web-1", {"card": card}) == given and
          "It was here" in world.club("measure", "give", "profile", card, "--id", "web-1").stdout)
    for path, body, status in (("/measures/profile/given/web-2", {"card": card}, 404), ("/measures/" + "x" * 25, {"points": 1}, 400), ("/measures/x", {"points": 0}, 400),
                               ("/measures/x%0Ay", {"points": 1}, 400), ("/measures/%D8%AF%D9%88%D8%B3%D8%AA/given/w", {"card": "1"}, 400)):
        check(f"PUT {path[:40]} {body} is {status}", manager("PUT", path, body)[0] == status, manager("PUT", path, body))


def bons(world, reader, manager):
    series = {"organisation": "Bank of Alborz", "amount": 500000, "count": 450, "from": "2026-01-01", "to": "1405-12-29", "merchant": 2}
    refused = manager("PUT", "/bons/2", series)
    check("series count from 1", refused[0] == 409 and "number 1" in refused[1]["say"], refused)
    first = manager.good("PUT", "/bons/1", series)
    check("a series, and again without a second one",
          (first["series"], first["made"], first["from"], first["to"], first["merchant"]) == (1, 450, "2026-01-01", "2027-03-20", 2) and
          manager.good("PUT", "/bons/1", series) == first == reader.good("GET", "/bons/1"), first)
    check("its number is no other series", manager("PUT", "/bons/1", {**series, "amount": 1})[0] == 409)
    manager.good("PUT", "/bons/2", {k: v for k, v in series.items() if k != "merchant"})
    check("in pages of one, as vafa-club lists them",
          reader.all("/bons", 1) == json.loads(world.club("bon", "list", "--json").stdout))
    texts = manager.all("/bons/1/vouchers", 200)
    printed = world.club("bon", "make", "--series", 1).stdout.split()
    check("450 vouchers in pages of 200, the same that the command prints",
          [t["serial"] for t in texts] == list(range(1, 451)) and [t["text"] for t in texts] == printed[2::3])
    subprocess.run(["sqlite3", world.data / "club.db", "INSERT INTO bon_use (series, serial, term_id, term_seq, merch, amount, at, receipt, twice, back_seq) VALUES"
                    " (1, 7, 1, 900001, 1, 500000, 1790000000, 'S-1', 0, 0), (1, 7, 2, 900001, 1, 500000, 1790000001, 'S-2', 1, 0), (1, 9, 1, 900002, 1, 500000, 1790000002, 'S-3', 0, 900003)"], check=True)
    used = reader.all("/bons/1/used", 2)
    listed = json.loads(world.club("bon", "used", 1, "--json").stdout)
    check("who took them, in pages of two",
          [(u["serial"], u["receipt"], u["state"]) for u in used] == [(7, "S-1", "used"), (7, "S-2", "twice"), (9, "S-3", "given_back")] and used == [{k: u[k] for k in used[0]} for u in listed], used)
    subprocess.run(["sqlite3", world.data / "club.db", "DELETE FROM bon_use"], check=True)
    for number, body, status in (("3", {**series, "merchant": 99}, 409), ("3", {**series, "to": "2025-01-01"}, 400), ("3", {**series, "to": "1499-01-01"}, 400), ("3", {**series, "count": 0}, 400),
                                 ("3", {**series, "amount": 1 << 30}, 400), ("0", series, 404), ("99999999999", series, 404), ("x", series, 404)):
        check(f"series {number} {str(body)[:60]} is {status}", manager("PUT", "/bons/" + number, body)[0] == status, manager("PUT", "/bons/" + number, body))
    check("no such series, and none was made",
          reader("GET", "/bons/9")[0] == 404 == manager("GET", "/bons/9/vouchers")[0] and reader.good("GET", "/bons/9/used")["items"] == [] and len(reader.all("/bons", 9)) == 2)


def imports(world, reader, manager, card):
    cards = [luhn(936400000700000 + n) for n in range(1000)]
    lines = [{"card": card, "credit": 120000, "points": 3}] + [{"card": c, "gift": 10 + n, "voucher": 1} for n, c in enumerate(cards[:999])]
    gifts = sum(10 + n for n in range(999))
    books = world.club("dump").stdout
    trial = manager.good("POST", "/imports/trial", {"unit": "toman", "lines": lines})
    check("a trial of 1,000 lines says what would happen, in rials, and changes nothing",
          trial == {"v": 1, "cards": 1000, "members": 0, "unknown": 999, "points": 3, "credit": 1200000, "gift": 10 * gifts, "voucher": 9990} and world.club("dump").stdout == books, trial)
    order = {"name": "old.json", "unit": "rial", "text": "از باشگاه", "lines": lines}
    first = manager.good("POST", "/imports", order)
    check("imported, and again without a second one",
          (first["import"], first["cards"], first["made"], first["credit"], first["gift"], first["by"], first["undone_at"]) == (1, 1000, 1000, 120000, gifts, "test manager", None) and
          manager.good("POST", "/imports", order) == first == reader.good("GET", "/imports/1"), first)
    other = manager("POST", "/imports", {**order, "unit": "toman"})
    check("the same lines in the other unit are not taken for it", other[0] == 409 and "import 1 already" in other[1]["say"], other)
    waits = [a for a in reader.all("/actions", 200, card=card) if a["origin"] == "import"]
    check("its balances wait for their cards",
          sorted((a["kind"], a["amount"], a["text"]) for a in waits) == [("credit", 120000, "از باشگاه"), ("points", 3, "از باشگاه")], waits)
    second = manager.good("POST", "/imports", {"name": "two", "unit": "rial", "lines": [{"card": card, "points": 4}]})
    check("in pages of one, as vafa-club lists them",
          [i["import"] for i in reader.all("/imports", 1)] == [1, 2] and reader.all("/imports", 9) == json.loads(world.club("import", "list", "--json").stdout)["imports"], second)
    gone = manager.good("DELETE", "/imports/1")
    zeros = {"points": 0, "credit": 0, "gift": 0, "voucher": 0}
    check("undone",
          (gone["withdrawn"], gone["collected"], gone["undone_by"]) == ({"points": 3, "credit": 120000, "gift": gifts, "voucher": 999}, zeros, "test manager") and gone["undone_at"], gone)
    check("and again", manager.good("DELETE", "/imports/1")["withdrawn"] == gone["withdrawn"])
    person = {"card": cards[5], "name": "مریم", "national_code": "0084575948", "consent": "membership", "points": 1}
    third = manager.good("POST", "/imports", {"name": "people", "unit": "rial", "lines": [person]})
    found = json.loads(world.club("member", "find", "0084575948", "--json").stdout)
    check("a line may bring a member",
          third["made"] == 1 and len(found) == 1 and found[0]["cards"] == [cards[5]] and found[0]["name"] == "مریم", found)
    before = (world.club("import", "list").stdout, world.club("dump").stdout)
    for body, status, say in (({**order, "lines": [{**person, "card": cards[6]}]}, 400, "national code is the member's"), ({**order, "lines": [{"card": cards[6], "name": "Sara", "points": 1}]}, 400, "consent"),
                              ({**order, "unit": "dollar"}, 400, "rial or toman"), ({**order, "lines": lines + [{"card": cards[999], "gift": 1}]}, 400, "1 to 1000"), ({**order, "lines": []}, 400, "1 to 1000"),
                              ({**order, "lines": [{"card": card, "credit": 5}, {"card": card, "credit": 6}, {"card": "1", "credit": 5}]}, 400, "2 lines are not right"),
                              ({**order, "lines": [{"card": card, "credit": -5}]}, 400, "line 1"), ({**order, "lines": [{"card": card, "colour": 5}]}, 400, "line 1"), ({**order, "lines": [7]}, 400, "line 1"),
                              ({**order, "text": "x" * 25}, 400, "text"), ({**order, "name": ""}, 400, "name")):
        seen = manager("POST", "/imports", body)
        check(f"import {str(body)[:50]} is {status}: {say}", seen[0] == status and say in seen[1]["say"], seen)
    check("none of that changed anything",
          reader("GET", "/imports/9")[0] == 404 == manager("DELETE", "/imports/9")[0] and (world.club("import", "list").stdout, world.club("dump").stdout) == before)


def operators(world, reader, manager, card):
    subprocess.run([BUILD / "vafa-keys", "new", world.dir / "keys"], check=True, capture_output=True)
    verifier = subprocess.run([BUILD / "vafa-keys", "pin", world.dir / "keys"], input="493817\n", capture_output=True, text=True, check=True).stdout.strip()
    path, sara = "/operators/7", {"name": "Sara", "role": "cashier", "card": card, "merchant": 1}
    first = manager.good("PUT", path, sara)
    check("an operator; the two terminals of her merchant hear of it",
          (first["name"], first["pin"], first["hear"]) == ("Sara", False, 2), first)
    again = manager.good("PUT", path, sara)
    check("again, nothing changes", {**again, "hear": 2} == first and again["hear"] == 0, again)
    for body, status in (({**sara, "role": "king"}, 400), ({**sara, "name": "Reza"}, 409), ({**sara, "merchant": 99}, 400), ({**sara, "name": "x" * 200}, 400), ({**sara, "card": "1"}, 400)):
        check(f"operator {str(body)[:50]} is {status}", manager("PUT", path, body)[0] == status, manager("PUT", path, body))
    check("a card is one operator's",
          manager("PUT", "/operators/8", sara)[0] == 409 and manager("PUT", "/operators/0", sara)[0] == 404 == manager("PUT", "/operators/65536", sara)[0])
    check("blocked, and not",
          [manager.good("PUT", path + "/blocked", {"blocked": b})["blocked"] for b in (True, True, False)] == [True, True, False])
    check("a PIN itself is not taken", manager("PUT", path + "/pin", {"verifier": "1234"})[0] == 400)
    with_pin = manager.good("PUT", path + "/pin", {"verifier": verifier})
    check("what vafa-keys pin makes of it is, and is not shown",
          with_pin["pin"] and reader.good("GET", path)["pin"] and verifier not in json.dumps(reader.good("GET", "/operators")))
    check("no such operator",
          manager("PUT", "/operators/9/blocked", {"blocked": True})[0] == 404 == reader("GET", "/operators/9")[0])
    manager.good("PUT", "/operators/3", {"name": "رضا", "role": "manager", "card": luhn(936400000000901)})
    check("operators in pages of one",
          [(o["number"], o["name"]) for o in reader.all("/operators", 1)] == [(3, "رضا"), (7, "Sara")])
    gone = [manager.good("DELETE", "/operators/3") for _ in range(2)]
    check("an operator is removed, and his number is nobody else's",
          [o["removed"] for o in gone] == [True, True] and manager("PUT", "/operators/3", {"name": "رضا", "role": "manager", "card": luhn(936400000000901)})[0] == 409 and
          manager("PUT", "/operators/3/blocked", {"blocked": False})[0] == 404 == manager("DELETE", "/operators/9")[0], gone)
    for of, number, body in (("terminal", 1, {"span": "total", "what": "load", "unit": "rials", "max": 5000000}), ("merchant", 1, {"span": "day", "what": "issue", "unit": "count", "max": 40}),
                             ("operator", 7, {"span": "day", "what": "refund", "unit": "rials", "max": 0})):
        manager.good("PUT", f"/allowances/{of}/{number}", body)
        manager.good("PUT", f"/allowances/{of}/{number}", body)
    listed = reader.all("/allowances", 2)
    check("allowances in pages of two, as vafa-club lists them",
          [(a["of"], a["id"], a["what"], a["max"]) for a in listed] == [("terminal", 1, "load", 5000000), ("terminal", 1, "issue", 0), ("terminal", 2, "issue", 0),
                                                                        ("merchant", 1, "issue", 40), ("operator", 7, "refund", 0)] and
          listed == json.loads(world.club("allowance", "list", "--json").stdout), listed)
    good = {"span": "total", "what": "load", "unit": "rials", "max": 1}
    for of, number, body, status in (("terminal", 99, good, 404), ("till", 1, good, 404), ("terminal", 1, {**good, "what": "fly"}, 400), ("terminal", 1, {**good, "unit": "toman"}, 400),
                                     ("terminal", 1, {**good, "span": "week"}, 400), ("terminal", 1, {**good, "max": -1}, 400), ("merchant", 0, good, 404), ("operator", 99, good, 404)):
        check(f"allowance of {of} {number} {str(body)[:40]} is {status}",
              manager("PUT", f"/allowances/{of}/{number}", body)[0] == status)
    manager.good("PUT", "/allowances/terminal/1", {"span": "total", "what": "load", "unit": "rials"})
    check("without a max there is no limit any more", len(reader.all("/allowances", 50)) == 4)


def members(world, reader, clerk):
    codes = ("0012345679", "0499370899", "0790419904")  # check digits by hand
    sara = {"name": "سارا Sara", "national_code": codes[0], "phone": "09121234567", "birthday": "1369-01-01", "group": "0", "consent": "membership"}
    first = clerk.good("POST", "/members", sara)
    check("a member joins by the web; 1 Farvardin 1369 is 21 March 1990",
          (first["name"], first["national_code"], first["birthday"], first["terminal"]) == ("سارا Sara", codes[0], "1990-03-21", 0), first)
    check("sent again, it is the same member", clerk.good("POST", "/members", sara) == first)
    check("the national code is nobody else's", clerk("POST", "/members", {**sara, "name": "Other"})[0] == 409)
    second = clerk.good("POST", "/members", {"name": "Reza", "national_code": codes[1], "invited_by": first["account"], "consent": "all"})
    check("members in pages of one",
          [m["account"] for m in clerk.all("/members", 1)] == sorted([first["account"], second["account"]]))
    check("found by name and by code",
          [m["name"] for m in clerk.all("/members", 10, text="rez")] == ["Reza"] == [m["name"] for m in clerk.all("/members", 10, text=codes[1])])
    path = f"/members/{first['account']}"
    check("one by its account", clerk.good("GET", path) == first)
    check("a phone changed",
          clerk.good("PUT", path + "/said/phone", {"text": "09129999999"})["phone"] == "09129999999" == clerk.good("GET", path)["phone"])
    moved = clerk.good("PUT", path + "/group", {"group": 1})
    check("moved to another group",
          moved["group"] == "1" and [m["account"] for m in clerk.all("/members", 10, group=1)] == [first["account"]], moved)
    for body, status in (({**sara, "national_code": "0012345678"}, 400), ({**sara, "national_code": codes[2], "phone": "12"}, 400), ({**sara, "national_code": codes[2], "birthday": "1369-13-01"}, 400),
                         ({**sara, "national_code": codes[2], "name": "x" * 97}, 400), ({"name": "x"}, 400), ({**sara, "national_code": codes[2], "group": "many"}, 400)):
        seen = clerk("POST", "/members", body)
        check(f"member {str(body)[-50:]} is {status}, and the answer has no digit of it",
              seen[0] == status and codes[2] not in json.dumps(seen[1]), seen)
    check("nobody is kept who has not agreed to it",
          clerk("POST", "/members", {**sara, "national_code": codes[2], "consent": "messages"})[0] == 409)
    check("wrong changes are refused",
          [clerk("PUT", path + "/said/" + f, {"text": t})[0] for f, t in (("height", "3"), ("phone", "x"), ("national_code", codes[1]))] == [404, 400, 409])
    check("no such member",
          clerk("GET", "/members/" + luhn(936400000000999))[0] == 404 == clerk("PUT", f"/members/{luhn(936400000000999)}/group", {"group": 1})[0])
    check("no such group", [clerk("GET", "/members", group=g)[0] for g in (256, "x")] == [400, 400])
    shown = json.loads(world.club("member", "show", first["account"], "--json").stdout)
    check("vafa-club member show says the same", {"v": 1, **shown} == clerk.good("GET", path), shown)
    seen = world.club("member", "access").stdout if world.club("member", "access", check=False).returncode == 0 else world.club("--help").stdout
    check("who looked is noted by the key's number", f"key {clerk.key.split('_')[1]}" in seen, seen[-400:])


def places(world, reader, clerk, manager):
    check("terminals in pages of two", [t["terminal"] for t in reader.all("/terminals", 2)] == [1, 2, 3, 4])
    code = clerk.good("POST", "/codes", {"merchant": "Refah", "branch": "Tajrish", "hours": 2})
    check("a code for two hours", abs(code["expires_at"] - manager.good("GET", "")["time"] - 7200) < 10)
    check("terminal 4 is good", reader.good("GET", "/terminals/4")["certificate"] == "good")
    check("and revoked, twice", [manager.good("DELETE", "/terminals/4")["certificate"] for _ in range(2)] == ["revoked"] * 2)
    check("it may not sync", world.sync(4, world.batches(4, 24, 20, 100)[0])[0] == 403)


def told(terminal, programme, **says):
    """What a terminal without entries says of itself and its device."""
    device = {"board": "lab", "version": 7, "slot": "A", "good": True, "other": 6, "failed": 0, "self_test": "ok", "free": 10**9, "update": "none", "have": 0, "consent": True}
    health = {"unsent": 0, "pending": 0, "oldest": 0, "clock": 2, "firmware": "model", "now": int(time.time())}
    return json.dumps({"v": 1, "terminal": terminal, "after": 0, "base": "00" * 32, "entries": [], "have": programme,
                       "health": {k: says.get(k, v) for k, v in health.items()}, "device": {k: says.get(k, v) for k, v in device.items()}})


def add_bundle(world, version):
    signature = b"\x30\x82" + f"[update]\ncompatible=vafa-lab\nversion={version}\n\n".encode()
    path = world.dir / "bundle"
    path.write_bytes(b"hsqs" + bytes([version]) * 5000 + signature + len(signature).to_bytes(8, "big"))
    world.club("update", "add", path, "--board", "lab", "--version", version)


def renew(world, terminal):
    """Its certificate is 40 days old by the books; another one is given and shown, then the first one again. The statuses."""
    with sqlite3.connect(world.data / "club.db", timeout=20) as db:
        db.execute("UPDATE cert SET issued_at = issued_at - 40 * 86400 WHERE term_id = ?", (terminal,))
    db.close()
    key, csr, crt = (str(world.dir / f"next.{kind}") for kind in ("key", "csr", "crt"))
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-subj", "/CN=1",
                    "-out", csr], check=True, capture_output=True)

    def ask(pair, csr):
        return world.ask("POST", "/v1/renew", json.dumps({"v": 1, "terminal": terminal, "csr": csr}), certificate=pair)
    given, _, answer = ask(world.terminals[terminal], Path(csr).read_text())
    Path(crt).write_text(json.loads(answer).get("certificate", ""))
    return [given, ask((crt, key), "none")[0], ask(world.terminals[terminal], "none")[0]]


def fleet(world, reader, clerk, manager):
    one, other = world.enrol("Refah", "Lab"), world.enrol("Refah", "Lab")
    now = int(time.time())
    world.sync(one, told(one, {"programme": 1}))
    world.sync(other, told(other, {"programme": 0, "refused": 9, "refused_say": "A rule that it does not know."}, unsent=3, oldest=now - 3 * 86400, failed=8, now=now + 600))
    rows = reader.all("/fleet", 2)
    shown = world.club_json("fleet")["terminals"]
    check("the fleet in pages of two, by number, as vafa-club says it", rows == sorted(shown, key=lambda r: r["terminal"]) and shown[0]["terminal"] == other, rows)
    rows = reader.all("/fleet", 2, troubled="true")
    check("only those in trouble", rows == sorted((r for r in shown if r["troubles"]), key=lambda r: r["terminal"]) and
          reader.all("/fleet", 2, troubled="false") == reader.all("/fleet", 200) and reader("GET", "/fleet", troubled="1")[0] == 400, rows)
    rows = shown
    check("its troubles, the worst first",
          [t["trouble"] for t in rows[0]["troubles"]] == ["unsent", "fell_back", "clock", "programme"], rows[:1])
    silent = world.enrol("Refah", "Lab")
    statuses = renew(world, silent)
    newest, first = reader.good("GET", f"/fleet/{silent}")["certificates"]
    check("its certificates: one that was replaced, and shown all the same", statuses == [200, 400, 403] and newest["replaced_at"] is None and
          first["replaced_at"] == newest["seen_at"] and first["late_at"] >= first["replaced_at"], (statuses, newest, first))
    check("one that was approved and never synced can be forgotten",
          reader.good("GET", f"/fleet/{silent}")["seen_at"] is None and "never synced" in world.club("terminal", "forget", silent).stdout and
          reader.good("GET", f"/fleet/{silent}")["state"] == "dead")
    check("a clock, a programme", rows[0]["clock_error"] - 600 in range(-5, 6) and rows[0]["refused"] == 9, rows[0])
    check("with those that are gone",
          {r["state"] for r in reader.all("/fleet", 50, all="true")} == {"good", "revoked", "dead"} and reader("GET", "/fleet", all="x")[0] == 400)
    check("one with its history",
          {k: v for k, v in reader.good("GET", f"/fleet/{other}").items() if k in rows[0]} == rows[0] and
          [(e["what"], e["version"]) for e in reader.good("GET", f"/fleet/{other}")["past"]] == [("good", 7), ("runs", 7), ("fell_back", 8)])
    check("no such terminal", reader("GET", "/fleet/999")[0] == 404 == reader("GET", "/fleet/99999999")[0])
    check("days of silence",
          reader.good("GET", "/settings/fleet")["dead_days"] == 30 and manager.good("PUT", "/settings/fleet", {"dead_days": 7})["dead_days"] == 7 ==
          reader.good("GET", "/settings/fleet")["dead_days"])
    add_bundle(world, 8)
    add_bundle(world, 9)
    path, start = "/updates/lab/8", {"first": one, "from_hour": 1, "to_hour": 4, "good_for": 3600}
    check("bundles in pages of one",
          reader.good("GET", path)["rollout"] is None and [u["version"] for u in reader.all("/updates", 1)] == [9, 8])
    first = manager.good("PUT", path + "/rollout", start)
    check("one terminal is to have it; said again, nothing changes",
          (first["rollout"]["state"], first["rollout"]["stage"], first["rollout"]["first"], first["rollout"]["terminals"]) == ("running", "one", one, 2) and
          manager.good("PUT", path + "/rollout", start) == first == reader.good("GET", path), first)
    answer = world.sync(one, told(one, {"programme": 1}))[1]
    check("and is offered it",
          (answer["update"]["version"], answer["update"]["from_hour"], answer["update"]["sha256"]) == (8, 1, first["sha256"]) and
          reader.good("GET", f"/fleet/{one}")["offered"] == 8 and reader.good("GET", path)["rollout"]["waits_for"] == [one], answer)
    check("where it fell back it is not", "update" not in world.sync(other, told(other, {"programme": 1}, failed=8))[1])
    check("to the next stage, and again",
          [manager.good("PUT", path + "/stage", {"stage": "tenth"})["rollout"]["stage"] for _ in range(2)] == ["tenth"] * 2)
    stopped = {"state": "stopped", "why": "Holidays."}
    check("stopped, nobody is offered it",
          [manager.good("PUT", path + "/state", stopped)["rollout"]["why"] for _ in range(2)] == ["Holidays."] * 2 and
          "update" not in world.sync(one, told(one, {"programme": 1}))[1])
    for where, body, status in (("/stage", {"stage": "all"}, 409), ("/rollout", start, 409), ("/state", {"state": "stopped"}, 400), ("/state", {"state": "running", "why": "x"}, 400), ("/state", {"state": "x"}, 400)):
        check(f"PUT {where} {body} is {status}", manager("PUT", path + where, body)[0] == status, manager("PUT", path + where, body))
    check("and goes on",
          [manager.good("PUT", path + "/state", {"state": "running"})["rollout"]["state"] for _ in range(2)] == ["running"] * 2)
    for where, body, status in (("/updates/lab/9/rollout", {}, 409), ("/updates/lab/9/stage", {"stage": "all"}, 409), ("/updates/lab/7/rollout", {}, 404), ("/updates/x%2e/9/rollout", {}, 404),
                                ("/updates/lab/8/stage", {"stage": "one"}, 409), ("/updates/lab/8/stage", {"stage": "half"}, 400), ("/updates/lab/8/rollout", {"from_hour": 24}, 400),
                                ("/updates/lab/8/rollout", {"first": other}, 409), ("/terminals/4/log", {"by": "Sara"}, 404), ("/terminals/999/log", {"by": "Sara"}, 404)):
        check(f"PUT {where} {body} is {status}", manager("PUT", where, body)[0] == status, manager("PUT", where, body))
    asked = clerk.good("PUT", f"/terminals/{one}/log", {"by": "Sara"})
    check("a log is asked for once",
          (asked["state"], asked["by"]) == ("asked", "Sara") and clerk.good("PUT", f"/terminals/{one}/log", {"by": "Reza"}) == asked and
          world.sync(one, told(one, {"programme": 1}))[1]["logs"] == asked["log"] and clerk("GET", f"/logs/{asked['log']}")[0] == 404, asked)
    clerk.good("PUT", f"/terminals/{other}/log", {"by": "Reza"})
    log = gzip.compress(b"reader: ready\n")
    status = world.ask("POST", f"/v1/logs/{asked['log']}", log, {"Content-Encoding": "gzip"}, certificate=world.terminals[one])[0]
    here = clerk.good("GET", f"/logs/{asked['log']}")
    check("it comes",
          status == 200 and base64.b64decode(here["gzip"]) == log and here["state"] == "here" and reader.all("/logs", 1) == world.club_json("logs", "list"), here)
    check("and is thrown away",
          [clerk.good("DELETE", f"/logs/{asked['log']}")["state"] for _ in range(2)] == ["over"] * 2 and clerk("GET", f"/logs/{asked['log']}")[0] == 404 == clerk("DELETE", "/logs/9")[0])


class Journal:
    """Entries of one terminal, planned by the reference program."""

    def __init__(self, terminal):
        self.terminal, self.entries, self.cards = terminal, [], {}
        self.programme = json.loads((ROOT / "programmes/base.json").read_text())

    def append(self, kind, body):
        self.entries.append(struct.pack("<BBHIqII", 3, kind, 2, len(self.entries) + 1, 1790000000, self.terminal, 0) + body)
        return len(self.entries)

    def tap(self, card, kind, amount, peer=None):
        history, occasion = self.cards.setdefault(card, []), {"peer": dict(zip(("direction", "card", "terminal", "sequence"), peer))} if peer else {}
        wish = dict(vafa_programme.WISH, kind=kind, amount=amount)
        parts, image, _ = reference.plan(self.programme, history, wish, 1415000, self.terminal, len(self.entries) + 1, occasion)
        number = self.append(1, struct.pack("<QBB10sI", int(card), 1, 4, int(card).to_bytes(8, "big")[4:], self.programme["version"]) +
                             (reference.image_encode(history[0]) if history else bytes(40)) + image +
                             struct.pack("<10q", *[parts[name] for name in vafa_programme.PARTS]) + struct.pack("<IB3x", 0, 1 if history else 0) +
                             reference.occasion_encode(occasion))
        history.insert(0, reference.image_decode(image))
        self.append(2, struct.pack("<IIQBB6x", number, history[0]["counter"], int(card), 1, 1))
        return number

    def body(self):
        return json.dumps({"v": 1, "terminal": self.terminal, "after": 0, "base": "00" * 32, "have": {"programme": 1, "mandate": 0},
                           "health": {"unsent": 0, "pending": 0, "oldest": 0, "clock": 2, "firmware": "model"},
                           "entries": [base64.b64encode(raw).decode() for raw in self.entries]})


def transfers(world, reader, manager):
    terminal = world.enrol("Refah", "Vanak")
    journal, (ali, leila) = Journal(terminal), (luhn(936400000777001), luhn(936400000777002))
    for card in (ali, leila):
        journal.tap(card, "activate", 500000)
    taken, open_, more = [journal.tap(ali, "transfer", amount, (1, 0, 0, 0)) for amount in (70000, 30000, 5000)]
    into = journal.tap(leila, "transfer", 70000, (2, int(ali), terminal, taken))
    seen = world.sync(terminal, journal.body())
    check("a terminal brings three transfers, one of them taken",
          seen[0] == 200 and seen[1]["acknowledged"] == len(journal.entries), seen)
    listed = reader.all("/transfers", 1)
    check("two wait, in pages of one",
          [(t["terminal"], t["sequence"], t["card"], t["rest"], t["state"]) for t in listed] ==
          [(terminal, open_, ali, 30000, "waits"), (terminal, more, ali, 5000, "waits")], listed)
    check("vafa-club transfer list says the same",
          listed == json.loads(world.club("transfer", "list", "--json").stdout) == [{**t, "card": t["card"]} for t in listed])
    transit = lambda: sum(r["amount"] for r in reader.good("GET", "/report")["ledger"] if r["account"] == "transit")
    check("which is what is in transit", transit() == 35000, transit())
    path = f"/transfers/{terminal}"
    one = reader.good("GET", f"{path}/{taken}")
    check("one that a card has",
          (one["state"], one["rest"], one["taken"]) == ("taken", 0, [{"sequence": into, "at": 1790000000, "card": leila, "amount": 70000}]), one)
    check("its terminal could still give it", manager("PUT", f"{path}/{open_}/release", {"to": leila})[0] == 409)
    manager.good("DELETE", f"/terminals/{terminal}")
    refused = manager("PUT", f"{path}/{open_}/release", {"to": leila})
    check("revoked, and the others were not heard since",
          refused[0] == 409 and "heard" in refused[1]["say"] and transit() == 35000, refused)
    gone = manager.good("PUT", f"{path}/{open_}/release", {"to": leila, "anyway": True})
    check("released anyway",
          (gone["state"], gone["to"], gone["rest"], gone["is_terminal_gone"]) == ("ordered", leila, 0, True), gone)
    check("the same again changes nothing",
          manager.good("PUT", f"{path}/{open_}/release", {"to": leila}) == gone == reader.good("GET", f"{path}/{open_}"))
    home = manager.good("PUT", f"{path}/{more}/release", {"anyway": True})
    check("or back to its card; nothing is in transit",
          home["to"] == ali and transit() == 0 and reader.all("/transfers", 5) == [], home)
    waits = {a["id"]: (a["card"], a["amount"], a["state"]) for a in reader.all("/actions", 50) if a["origin"] == "transfer"}
    check("by an action each",
          waits == {f"{terminal}-{open_}": (leila, 30000, "waiting"), f"{terminal}-{more}": (ali, 5000, "waiting")}, waits)
    for where, body, status in ((f"{path}/{open_}", {"to": ali, "anyway": True}, 409), (f"{path}/{taken}", {"anyway": True}, 409), (f"{path}/{into}", {}, 404), ("/transfers/99/1", {}, 404),
                                (f"{path}/16777216", {}, 404), (f"{path}/{open_}", {"to": "1"}, 400), (f"{path}/{open_}", {"to": int(leila)}, 400), (f"{path}/{open_}", {"anyway": 1}, 400)):
        seen = manager("PUT", where + "/release", body)
        check(f"release {where} {str(body)[:30]} is {status}", seen[0] == status, seen)
    for origin in ("transfer", "replacement"):
        seen = (manager("PUT", f"/actions/{origin}/9-9", {"card": ali, "kind": "credit", "amount": 5})[0],
                world.club("action", ali, "credit", 5, "--origin", origin, "--id", "9-9", check=False).returncode)
        check(f"an action of a {origin} is not made by hand", seen == (409, 1), seen)
    check("the commands refuse the same",
          world.club("transfer", "release", terminal, taken, "--anyway", check=False).returncode == 1 and
          world.club("transfer", "show", 99, 1, check=False).returncode == 1 and world.club("transfer", "show", "x", 1, check=False).returncode == 2)
    shown = json.loads(world.club("transfer", "show", terminal, open_, "--json").stdout)
    check("vafa-club transfer show says the same", {"v": 1, **shown} == gone, shown)
    check("and the books balance", world.club("report", check=False).returncode == 0)


def duplicates(world, reader, manager):
    """A card that went whole to another one, which nobody has seen."""
    terminal = world.enrol("Refah", "Vanak")
    journal, (ali, leila, dara) = Journal(terminal), (luhn(936400000778001), luhn(936400000778002), luhn(936400000778003))
    for card in (ali, leila, dara):
        journal.tap(card, "activate", 500000)
    half, other = [journal.tap(card, "duplicate", 0, (1, 0, 0, 0)) for card in (ali, dara)]
    seen = world.sync(terminal, journal.body())
    listed = reader.all("/duplicates", 1)
    check("two cards that went to others, alone, are listed, in pages of one",
          seen[0] == 200 and [(d["card"], d["sequence"]) for d in listed] == [(ali, half), (dara, other)] and listed[:1] == [{"terminal": terminal, "sequence": half, "at": 1790000000, "card": ali, "points": 0, "credit": 500000, "gift": 0, "voucher": 0, "to": None, "state": "waits"}] and
          listed == json.loads(world.club("duplicate", "list", "--json").stdout), listed)
    path = f"/duplicates/{terminal}/{half}/release"
    check("its terminal could still finish it", manager("PUT", path, {"to": leila, "anyway": True})[0] == 409)
    manager.good("DELETE", f"/terminals/{terminal}")
    refused = manager("PUT", path, {"to": leila})
    check("revoked, and the others were not heard since", refused[0] == 409 and "heard" in refused[1]["say"], refused)
    done = manager.good("PUT", path, {"to": leila, "anyway": True})
    check("released, and the same again changes nothing", (done["to"], done["state"]) == (leila, "released") and manager.good("PUT", path, {"to": leila}) == done, done)
    check("by one action", [(a["card"], a["amount"]) for a in reader.all("/actions", 50) if a["id"].startswith("duplicate/")] == [(leila, 500000)])
    for where, body, status in ((path, {"to": dara, "anyway": True}, 409), (path, {"to": ali}, 409), (path, {}, 400), (path, {"to": "1"}, 400), (path, {"to": leila, "anyway": 1}, 400),
                                (f"/duplicates/{terminal}/1/release", {"to": leila}, 404), ("/duplicates/99/1/release", {"to": leila}, 404)):
        seen = manager("PUT", where, body)
        check(f"release {where} {str(body)[:30]} is {status}", seen[0] == status, seen)
    check("the commands say the same",
          json.loads(world.club("duplicate", "release", terminal, half, "--to", leila, "--json").stdout) == [{k: v for k, v in done.items() if k != "v"}] and
          world.club("duplicate", "release", terminal, half, "--to", dara, check=False).returncode == 1 and world.club("duplicate", "release", "x", 1, "--to", leila, check=False).returncode == 2 and
          world.club("duplicate", "release", terminal, half, check=False).returncode == 2)
    check("and the books balance, duplicates too", world.club("report", check=False).returncode == 0)


def settlement(world, reader, manager):
    dates = {h["at"] for c in reader.all("/cards", 50) for h in reader.all(f"/cards/{c['card']}/history", 200)}
    days = [str(datetime.fromtimestamp(t + 12600, timezone.utc).date()) for t in (min(dates), max(dates))]
    look = reader.good("GET", "/settlement", **{"from": days[0], "to": days[1]})
    owed = {m["merchant"]: m["club_owes"] for m in reader.all("/merchants", 50)}
    check("all days together: what merchants have over all time",
          {m["merchant"]: m["net"] for m in look["merchants"] if m["merchant"] != 0} == owed, look)
    shown = world.club_json("settlement", "--from", days[0], "--to", days[1])
    check("vafa-club settlement says the same", {"v": 1, **shown} == look)
    first = manager.good("PUT", "/settlements/1", {"to": days[1], "by": "Sara", "anyway": True})
    check("closed, and again without a change",
          first["lines"] == look["lines"] and manager.good("PUT", "/settlements/1", {"to": days[1], "by": "Sara"}) == first == reader.good("GET", "/settlements/1"), first)
    after = str(datetime.fromisoformat(days[1]).date() + timedelta(1))
    manager.good("PUT", "/settlements/2", {"to": after, "by": "Reza", "anyway": True})
    check("the closed ones in pages of one", [s["settlement"] for s in reader.all("/settlements", 1)] == [1, 2])
    check("days must be given, in order",
          reader("GET", "/settlement")[0] == 400 == reader("GET", "/settlement", **{"from": after, "to": days[0]})[0])


def wrong(world, reader, clerk, manager, keys, card):
    books = world.club("dump").stdout
    state = lambda: (reader.all("/hotlist", 200), reader.all("/cases", 200, all="true"), reader.all("/terminals", 200))
    before = state()

    def refused(caller, status, word, name, method, path, body=None, **parameters):
        got, answer = caller(method, path, body, **parameters)
        check(name, (got, answer.get("error")) == (status, word), (got, answer))

    for path in ("/card", "/cards/", "/cards//history", f"/cards/{card}/histories", "/../sync", "/hotlist/1/2", "/%00", "/cards/%2e%2e"):
        got = reader("GET", path)
        check(f"GET {path} is not served", got[0] == 404, got)
    for path in ("/v1/clubs", "/v1/club2/cards", "/v2/club", "/v1/CLUB"):
        check(f"nor is {path}", world.ask("GET", path)[0] == 404)
    for method, pattern, operation, _ in operations():
        path = pattern[len("/v1/club"):]
        for name, value in (("card", card), ("case", "1-1-clone"), ("merchant", "1"), ("branch", "1"), ("terminal", "1"), ("settlement", "1"), ("origin", "bank"), ("id", "x"), ("charge", "y"), ("operator", "7"), ("of", "terminal"), ("measure", "x"), ("series", "1"), ("import", "1"), ("number", "1"), ("field", "name"), ("board", "lab"), ("version", "8"), ("log", "1")):
            path = path.replace("{%s}" % name, value)
        order = ["reader", "clerk", "manager"]
        for role in order[:order.index(operation["x-role"])]:
            refused(keys[role], 403, "role", f"{method} {pattern} is not for a {role}", method, path, "{}")
        if body_schema(operation):
            refused(manager, 400, "body", f"{method} {pattern} without a body", method, path, "")
            refused(manager, 400, "body", f"{method} {pattern} with half a body", method, path, '{"reason":')
            refused(manager, 400, "body", f"{method} {pattern} with a list", method, path, [])
            refused(manager, 400, "body", f"{method} {pattern} with an unknown field", method, path, {"amount_toman": 5000})
            refused(manager, 400, "body", f"{method} {pattern} with a field twice", method, path, '{"a":1,"a":2}')
        elif method != "GET":
            refused(manager, 400, "body", f"{method} {pattern} takes no body", method, path, "{}")
        refused(manager, 400, "parameter", f"{method} {pattern} with an unknown parameter", method, path, None, colour="blue")
    item = f"/hotlist/{card}"
    for body, name in (({"reason": 7}, "a number as text"), ({"reason": None}, "null"), ({"reason": "x" * 17}, "17 letters"),
                       ({"reason": ""}, "an empty text"), ('{"reason":"lo\\u0000st"}', "a NUL"), (b'{"reason":"\xff"}', "not UTF-8"),
                       ({"reason": "lost", "until": 3}, "a field too many"), ("[" * 5000, "5,000 brackets"),
                       ('{"reason":"lost"}x', "something behind it"), ({"reason": {"a": 1}}, "an object")):
        refused(clerk, 400, "body", f"{name} is refused", "PUT", item, body)
    refused(clerk, 400, "value", "an unknown reason is refused", "PUT", item, {"reason": "eaten"})
    refused(clerk, 400, "value", "and SQL is only a wrong reason", "PUT", item, {"reason": "';DROP TABLE x"})
    refused(clerk, 404, "missing", "a card number that does not check", "PUT", f"/hotlist/{int(card) + 1}", {"reason": "lost"})
    for number in ("1 OR 1=1", "0", "99999999999999999999", "x" * 64, "-1"):
        status, answer = reader("GET", "/cards/" + number.replace(" ", "%20"))
        check(f"card {number[:20]} is missing", (status, answer["error"]) == (404, "missing"), answer)
        status, answer = reader("GET", "/merchants/" + number.replace(" ", "%20"))
        check(f"merchant {number[:20]} is missing", (status, answer["error"]) == (404, "missing"), answer)
    for name, value in (("limit", "0"), ("limit", "201"), ("limit", "-1"), ("limit", "ten"), ("limit", "1e2"), ("limit", ""), ("limit", "9" * 30),
                        ("cursor", "x"), ("cursor", "1.2"), ("cursor", "1;--"), ("cursor", "9" * 40)):
        refused(reader, 400, "value", f"{name}={value[:10]} is refused", "GET", "/cards", None, **{name: value})
    refused(reader, 400, "value", "a cursor of another list is refused", "GET", "/cases", None, cursor="1.2")
    refused(reader, 400, "value", "all=maybe is refused", "GET", "/cases", None, all="maybe")
    for day in ("2026-02-30", "1405-12-31", "22-11-2026", "2026-1-1", "x", "0000-00-00"):
        refused(reader, 400, "value", f"the day {day} is refused", "GET", f"/cards/{card}/history", None, **{"from": day})
    status, answer = world.api(keys["reader"].key, "GET", "/cards?limit=1&limit=2")
    check("a parameter twice", (status, answer["error"]) == (400, "parameter"), answer)
    for hours in (0, -1, 721, 1.5, "24", True):
        refused(clerk, 400, "body", f"hours {hours!r} are refused", "POST", "/codes", {"merchant": "a", "branch": "b", "hours": hours})
    refused(clerk, 400, "body", "a merchant that is missing", "POST", "/codes", {"branch": "b"})
    refused(clerk, 413, "too_large", "a body of 17,000 bytes", "PUT", item, '{"reason":"' + "x" * 17000 + '"}')
    status, headers, _ = world.ask("POST", "/v1/club/cards", "{}", {"Authorization": "Bearer " + reader.key})
    check("POST on cards is 405, with what it takes",
          (status, headers["Allow"], headers["Cache-Control"]) == (405, "GET", "no-store"))
    status, headers, _ = world.ask("PUT", "/v1/club" + item, b"x", {"Authorization": "Bearer " + clerk.key, "Content-Encoding": "gzip"})
    check("a packed body is refused", status == 415, status)
    check("nothing of all this changed anything", (world.club("dump").stdout, state()) == (books, before))


def keys_alone(world, reader):
    log = (world.dir / "log").read_text()
    database = b"".join(p.read_bytes() for p in world.data.glob("club.db*"))
    check("no key is in the database or the log, only its hash",
          reader.key.encode() not in database and reader.key not in log and reader.key[-40:].encode() not in database)
    short = world.key("reader", "--days", 1)
    revoked = world.key("manager")
    number = int(revoked.split("_")[1])
    world.club("key", "revoke", number)
    subprocess.run(["sqlite3", world.data / "club.db", f"UPDATE api_key SET expires_at = 1 WHERE number = {number - 1}"], check=True)
    lines = world.club("key", "list").stdout
    check("key list",
          f"{number}  manager  revoked" in lines and f"{number - 1}  reader   expired" in lines and revoked not in lines, lines)
    codes = [world.club(*words, check=False).returncode for words in
             (("key", "new", "x", "--role", "king"), ("key", "new", ""), ("key", "new", "x", "--days", "0"), ("key", "revoke", "99"), ("key", "revoke", "x"))]
    check("wrong keys cannot be made or revoked", codes == [2, 2, 2, 1, 2], codes)
    for key, name in ((None, "no key"), ("rubbish", "rubbish"), (reader.key[:-1] + ("0" if reader.key[-1] != "0" else "1"), "a key with a wrong letter"),
                      (reader.key.replace("vafa_1_", "vafa_2_"), "another key's number"), (short, "an expired key"), (revoked, "a revoked key"),
                      ("vafa_1_", "a key without a secret"), ("vafa_99999999999999999999_x", "a huge number"), ("vafa_1' OR 1=1_" + "x" * 20, "SQL")):
        status, answer = world.api(key, "GET", "/cards")
        check(f"{name} is refused", (status, answer["error"]) == (401, "key"), (status, answer))
    status, headers, _ = world.ask("GET", "/v1/club/cards", None, {"Authorization": "Basic eDp4"})
    check("a password is refused", (status, headers["WWW-Authenticate"]) == (401, "Bearer"), status)
    many = [world.api("vafa_1_wrong", "GET", "/cards")[0] for _ in range(12)]
    status, headers, _ = world.ask("GET", "/v1/club/cards", None, {"Authorization": "Bearer vafa_1_wrong"})
    check("wrong keys are rationed", many[-1] == 429 == status and headers["Retry-After"] == "60", many)
    check("and keep no right one out", reader("GET", "/cards")[0] == 200)
    check("nor a terminal", world.sync(1, world.batches(1, 60, 20, 100)[0])[0] == 200)


def ended_while_asked(world, reader):
    """SIGTERM with requests under way: each is answered whole or not at all, and the club ends."""
    seen, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                seen.append(world.api(reader.key, "GET", "/cards", limit=200)[0])
            except (OSError, http.client.HTTPException):
                seen.append("line")
            except ValueError:
                seen.append("half an answer")

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    while len(seen) < 60:
        time.sleep(0.01)
    process = world.process
    start = time.monotonic()
    world.stop()
    took = time.monotonic() - start
    stop.set()
    for asker in askers:
        asker.join()
    check("it ends while eight programs ask it",
          process.returncode == 0 and took < 5 and set(seen) <= {200, "line"} and seen.count(200) >= 50, (process.returncode, took, set(seen)))


def unseen():
    found = {}
    for method, path, operation, _ in operations():
        for status, response in operation["responses"].items():
            SEEN.all(resolve(response)["content"]["application/json"]["schema"], f"{method} {path}", frozenset(), found)
    check(f"all {len(USED)} operations were used with success", USED == {(m, p) for m, p, _, _ in operations()},
           {(m, p) for m, p, _, _ in operations()} - USED)
    missing = sorted({where for member, where in found.items() if member not in SEEN.members})
    check(f"all {len(found)} members of the answers were seen with a value", not missing, missing)


def main():
    world = World()
    try:
        world.start()
        fill(world)
        keys = {role: Caller(world, world.key(role)) for role in ("reader", "clerk", "manager")}
        reader, clerk, manager = keys.values()
        check_page(world, reader)
        cards_and_books(world, reader)
        card = reader.good("GET", "/cards", limit=1)["items"][0]["card"]
        free = next(c["card"] for c in reader.all("/cards", 50) if reader.good("GET", f"/cards/{c['card']}")["listed"] is None)
        hotlist(world, reader, clerk, free)
        cases(world, reader, clerk)
        settlement(world, reader, manager)
        actions(world, reader, manager, free)
        measures(world, reader, manager, free)
        bons(world, reader, manager)
        members(world, reader, clerk)
        imports(world, reader, manager, free)
        operators(world, reader, manager, card)
        places(world, reader, clerk, manager)
        fleet(world, reader, clerk, manager)
        transfers(world, reader, manager)
        duplicates(world, reader, manager)
        lost_cards(world, reader, clerk, manager)
        wrong(world, reader, clerk, manager, keys, card)
        unseen()
        keys_alone(world, reader)
        ended_while_asked(world, reader)
        log = (world.dir / "log").read_text()
        check("the log says which key wrote what", "finishing" in log and "key 2 (test clerk): PUT /v1/club/hotlist/" in log, log[-300:])
    finally:
        world.close()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
