#!/usr/bin/env python3
"""vafa_export - a second program that reads an export (docs/export.md) and computes every balance again from it.

usage: vafa_export.py FOLDER    checks files against schema.json, then rebuilds all cards from the raw entries in rec.jsonl
       and compares them with card.jsonl and txn.jsonl, books with jrn.jsonl; exit 1 and a line for each violation"""
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import vafa_reference as reference

BOOKS = ("points", "credit", "gift", "voucher")


def read(folder):
    """{table: [row]} of an export that is whole; raises ValueError."""
    schema = json.loads((folder / "schema.json").read_text())
    if schema["vafa_export"] != 1:
        raise ValueError("another format")
    tables = {}
    for table in schema["tables"]:
        raw = (folder / table["file"]).read_bytes()
        rows = [json.loads(line) for line in raw.splitlines()]
        if hashlib.sha256(raw).hexdigest() != table["sha256"] or len(rows) != table["rows"]:
            raise ValueError(f"{table['file']} is not the file of schema.json")
        if any(list(row) != table["columns"] for row in rows):
            raise ValueError(f"{table['file']}: a row has other columns")
        tables[table["file"].removesuffix(".jsonl")] = rows
    return tables


def balances(tables):
    """{card: (points, credit, gift, voucher)}, and the number of transactions, from the raw entries alone."""
    cards, seen = defaultdict(lambda: [0, 0, 0, 0]), set()
    journals = defaultdict(dict)
    for row in tables["rec"]:
        journals[row["term_id"]][row["term_seq"]] = reference.entry_decode(bytes.fromhex(row["raw"]))
    for entries in journals.values():
        done = {e["intent"] for e in entries.values() if e["what"] == "outcome" and e["verdict"] == "done"}
        for sequence in sorted(done):
            intent = entries[sequence]
            key = (intent["card"], intent["after"]["counter"])
            if key in seen:
                raise ValueError(f"card {key[0]}, counter {key[1]} is there twice: a clone; see tcase.jsonl")
            seen.add(key)
            for i, name in enumerate(BOOKS):
                cards[intent["card"]][i] += intent["after"][name] - (intent["before"][name] if intent["before"] else 0)
    return {f"{card:016}": tuple(value) for card, value in cards.items()}, len(seen)


def check(folder):
    violations = []
    tables = read(folder)
    computed, transactions = balances(tables)
    club = {row["card_no"]: tuple(row[f"b{i}"] for i in range(4)) for row in tables["card"] if row["cnt"]}
    for card in sorted(set(computed) | set(club)):
        if computed.get(card) != club.get(card):
            violations.append(f"card {card}: {computed.get(card)} by its entries, {club.get(card)} in card.jsonl")
    if transactions != len(tables["txn"]):
        violations.append(f"{transactions} transactions by the entries, {len(tables['txn'])} in txn.jsonl")
    for book in range(5):
        total = sum(row["amount"] for row in tables["jrn"] if row["purse"] == book)
        total += sum(row[f"d{book}"] for row in tables["txn"]) if book < 4 else 0
        if total:
            violations.append(f"book {book} sums to {total}")
    return violations, len(computed), transactions


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        violations, cards, transactions = check(Path(arguments[0]))
    except (OSError, ValueError, KeyError, reference.Foreign) as why:
        print(f"export: {why}", file=sys.stderr)
        return 1
    for violation in violations:
        print(f"export: {violation}")
    print(f"export: {cards} cards, {transactions} transactions, {len(violations)} violations")
    return len(violations) > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
