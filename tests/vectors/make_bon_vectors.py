#!/usr/bin/env python3
"""make_bon_vectors - writes tests/vectors/bon.json from docs/vouchers.md, with Python's own struct and
base64: bons with their image and text, and texts that are none. Run it by hand after a change of the page."""
import base64
import json
import struct
from pathlib import Path

MAX = 0x7FFFFFFF


def image(series, serial, amount, first, last, merchant, version=1, spare=b"\0\0\0"):
    return struct.pack("<B3sIIIHHI", version, spare, series, serial, amount, first, last, merchant)


def text(raw, seal):
    return "VAFA" + base64.b32encode(raw + seal).decode().rstrip("=")


def good():
    cases = [(1, 1, 1, 1, 1, 0), (7, 4000, 5_000_000, 46347, 46376, 0), (7, 4001, 5_000_000, 46347, 46376, 12),
             (MAX, MAX, 2**30 - 1, 65535, 65535, MAX)]
    for n, case in enumerate(cases):
        seal = bytes((n * 37 + i * 11) % 256 for i in range(64))
        raw = image(*case)
        yield dict(zip(("series", "serial", "amount", "first", "last", "merchant"), case),
                   image=raw.hex(), seal=seal.hex(), text=text(raw, seal))


def bad():
    seal, fine = b"\xAA" * 64, (7, 4000, 5_000_000, 46347, 46376, 0)
    for name, change in {"series 0": {0: 0}, "serial 0": {1: 0}, "series too high": {0: MAX + 1}, "amount 0": {2: 0},
                         "amount too high": {2: 2**30}, "first day 0": {3: 0}, "ends before it begins": {4: 46346},
                         "merchant too high": {5: MAX + 1}}.items():
        fields = [change.get(i, value) for i, value in enumerate(fine)]
        yield {"why": name, "text": text(image(*fields), seal)}
    yield {"why": "spare byte", "text": text(image(*fine, spare=b"\0\1\0"), seal)}
    yield {"why": "version 2", "text": text(image(*fine, version=2), seal), "unsupported": True}
    whole = text(image(*fine), seal)
    yield {"why": "cut by one", "text": whole[:-1]}
    yield {"why": "one more", "text": whole + "A"}
    yield {"why": "not base32", "text": whole[:50] + "1" + whole[51:]}
    yield {"why": "bits beyond the seal", "text": whole[:-1] + chr(ord(whole[-1]) + 1)}
    yield {"why": "another prefix", "text": "VAFB" + whole[4:]}


path = Path(__file__).with_name("bon.json")
path.write_text(json.dumps({"good": list(good()), "bad": list(bad())}, indent=1) + "\n")
