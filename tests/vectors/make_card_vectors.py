#!/usr/bin/env python3
"""make_card_vectors - writes card.json, or with --check compares it (TAP lines).

Independent of the C code: all cryptography is done by the openssl program, all bit packing here,
from docs/card-layout.md. Published examples are checked first, so that a wrong reading of AN10922
or AN10787 cannot become a vector.
"""
import json, os, subprocess, sys, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "card.json")


def ecb(key, block):
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=block,
                          capture_output=True, check=True).stdout


def cmac(key, data):
    out = subprocess.run(["openssl", "mac", "-cipher", "AES-128-CBC", "-macopt", "hexkey:" + key.hex(),
                          "-binary", "-in", "-", "CMAC"], input=data, capture_output=True, check=True)
    return out.stdout


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def double(block):
    n = int.from_bytes(block, "big") << 1
    return ((n ^ 0x87) & (1 << 128) - 1 if n >> 128 else n).to_bytes(16, "big")


def diversify(master, m):
    """AN10922, 2.2: 01 || M, always two blocks; K1 when they are full, K2 when padded."""
    d = b"\x01" + m
    k1 = double(ecb(master, bytes(16)))
    last = k1 if len(d) == 32 else double(k1)
    d = d if len(d) == 32 else d + b"\x80" + bytes(31 - len(d))
    return ecb(master, xor(xor(ecb(master, d[:16]), d[16:]), last))


def bits(*fields):
    """Fields (width, value), most significant bit first."""
    n = width = 0
    for w, v in fields:
        assert 0 <= v < 1 << w, (w, v)
        n, width = n << w | v, width + w
    assert width % 8 == 0
    return n.to_bytes(width // 8, "big")


def access(groups):
    """MF1S503x, 8.7: groups are C1C2C3 of blocks 0, 1, 2 and the trailer."""
    c1, c2, c3 = (sum((g >> s & 1) << i for i, g in enumerate(groups)) for s in (2, 1, 0))
    return bytes([(c2 ^ 15) << 4 | c1 ^ 15, c1 << 4 | c3 ^ 15, c3 << 4 | c2])


def mad_crc(data):
    c = 0xC7
    for byte in data:
        c ^= byte
        for _ in range(8):
            c = (c << 1 ^ (0x1D if c & 0x80 else 0)) & 0xFF
    return c


def desfire_crc(data):
    """CRC-32 as DESFire has it: the usual one without the last inversion."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


# --- published examples ---------------------------------------------------------------------------
h = bytes.fromhex
M1 = h("00112233445566778899AABBCCDDEEFF")
PUBLISHED = [
    ("AN10922 2.2.1", diversify(M1, h("04782E21801D803042F54E585020416275")), "a8dd63a3b89d54b37ca802473fda9175"),
    ("AN10957, short input", diversify(h("F3F9377698707B688EAF84ABE39E3791"), h("04DEADBEEFFEED")),
     "0bb408baff98b6ee9f2e1585777f6a51"),
    ("SP 800-38B D.1, 40 bytes", cmac(h("2b7e151628aed2a6abf7158809cf4f3c"), h(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411")),
     "dfa66747de9ae63030ca32611497c827"),
    ("AN10787 CRC", bytes([mad_crc(h("010108010801080000000000000400031003100210021000000000000011 30"))]), "89"),
    ("CRC-32/JAMCRC, check value", desfire_crc(b"123456789")[::-1], "340bc6d9"),
    ("access, factory", access([0, 0, 0, 1]), "ff0780"),
    ("access, ring", access([0, 0, 0, 3]), "7f0788"),
    ("access, once", access([4, 4, 4, 3]), "787788"),
]

# --- one card: the keys, identity and snapshots of tests/support/card_world.c ---------------------
SECTOR_MASTER = bytes(range(0x10, 0x20))
SEAL_MASTER = bytes(range(0x20, 0x30))
UID = h("04A1B2C3")
MASK = 0x3FFE
AID = 0x3856
NUMBER, COUNTER = 6273531234567890, 12
NAME = "مریم امیری".encode()


def key_input(what):
    return bytes([len(UID)]) + UID.ljust(10, b"\0") + what + bytes([0]) + b"VAFA-1"


def sector_key(sector, letter):
    return diversify(SECTOR_MASTER, key_input(bytes([0, sector]) + letter))[:6]


SEAL_KEYS = {p: diversify(SEAL_MASTER, key_input(bytes([p, 0, 0]))) for p in (1, 2, 3, 4)}


def seal(purpose, place, content):
    head = b"VAFA" + bytes([1, purpose, place, len(UID)]) + UID.ljust(10, b"\0")
    return cmac(SEAL_KEYS[purpose], head + content)


def image(n, credit=None):
    return bits((4, 1), (2, 1), (20, n), (12, n * 7 % 4096), (4, n % 16), (8, n * 3 % 256), (28, 1000 + n * 11),
                (36, n * 1000003 if credit is None else credit), (30, n * 2000006), (30, n * 3000009), (4, n % 13), (4, 1 if n == 1 else 2),
                (6, 0), (6, n % 27), (2, n % 4), (36, n * 123457), (20, n % 50), (24, 1000000 + n * 17), (20, 1 + n % 5), (24, 100 + n * 2))


# last day, visits, interval, basket, spend, earned, carry, roll, marks of the year, for ever
FACTS = ((15, 983), (12, 7), (11, 40), (22, 500), (27, 2500), (23, 25), (28, 200), (8, 3), (13, 5), (13, 4096))


IDENTITY = bits((4, 1), (4, 0), (56, NUMBER), (8, 3), (40, 1099511627000), (16, 33000), (16, 41234), (16, 46000),
                (16, 49650)).ljust(40, b"\0")


def facts_copy(copy, n):
    content = bits((20, n), *FACTS)
    of = (1 + n % 5).to_bytes(4, "little") + (100 + n * 2).to_bytes(4, "little")  # terminal, sequence of snapshot n
    return content + seal(4, copy, content + of)[:8]


def slot(n):
    return image(n) + seal(1, (n - 1) % 9, image(n))[:8]


def copy(place, action):
    """Layout 2: the last block of the identity, once more, with the particulars that count."""
    content = IDENTITY[:32] + bits((12, action), (4, 5), (16, 31000), (16, 41000), (16, 46001))
    return content[32:] + seal(2, 2 + place, content)[:8]


def card():
    blocks = {}
    def put(sector, data):
        for i in range(3):
            blocks[sector * 4 + i] = data[16 * i:16 * i + 16]
    pointer = bits((4, 1), (4, 0), (56, NUMBER), (24, COUNTER))
    pointer += seal(3, 0, pointer + MASK.to_bytes(2, "little"))[:5]
    identity, name = IDENTITY, NAME.ljust(40, b"\0")
    put(1, pointer.ljust(48, b"\0"))
    for n in range(COUNTER - 8, COUNTER + 1):
        put(2 + (n - 1) % 9, slot(n))
    put(11, identity + seal(2, 0, identity)[:8])
    put(12, name + seal(2, 1, name)[:8])
    put(13, bytes(48))
    put(14, bytes(48))
    put(15, bytes(48))
    mad = b"\0" + b"".join((AID if MASK >> s & 1 else 0).to_bytes(2, "little") for s in range(1, 16))
    mad = bytes([mad_crc(mad)]) + mad
    blocks[1], blocks[2] = mad[:16], mad[16:]
    blocks[3] = h("A0A1A2A3A4A5") + access([4, 4, 4, 3]) + b"\xC1" + sector_key(0, b"B")
    for s in range(1, 14):
        groups = [4, 4, 4, 3] if s in (11, 12) else [0, 0, 0, 3]
        blocks[s * 4 + 3] = sector_key(s, b"A") + access(groups) + b"\x69" + sector_key(s, b"B")
    for s in (14, 15):
        blocks[s * 4 + 3] = h("FFFFFFFFFFFFFF078069FFFFFFFFFFFF")
    return [blocks[b].hex() for b in range(1, 64)]


# --- the same member on a DESFire card --------------------------------------------------------------
DESFIRE_UID = h("04A1B2C3D4E5F6")


def with_sum(content):
    head = bytes([len(DESFIRE_UID)]) + DESFIRE_UID.ljust(10, b"\0") + NUMBER.to_bytes(8, "big")
    return content + desfire_crc(head + content)


def desfire():
    credit = lambda n: 5000000 + 1000000 * (n // 5) - 100003 * (n % 5)
    return {"uid": DESFIRE_UID.hex(),
            "identity": (with_sum(IDENTITY) + with_sum(NAME.ljust(40, b"\0"))).hex(),
            "records_newest_first": [with_sum(image(n, credit(n))).hex() for n in range(COUNTER, 0, -1)],
            "facts": with_sum(bits((20, COUNTER), *FACTS)).hex()}


def make():
    return {
        "made_by": "tests/vectors/make_card_vectors.py (openssl)",
        "published": [{"what": w, "result": r} for w, _, r in PUBLISHED],
        "uid": UID.hex(), "number": str(NUMBER), "counter": COUNTER,
        "sector_keys": [[sector_key(s, b"A").hex(), sector_key(s, b"B").hex()] for s in range(16)],
        "seal_keys_checked_by": [seal(p, 7, b"").hex() for p in (1, 2, 3, 4)],
        "facts": [{"copy": c, "counter": n, "hex": facts_copy(c, n).hex()} for c, n in ((0, 12), (1, 11), (1, 12))],
        "layout_2": [{"copy": c, "action": a, "hex": copy(c, a).hex()} for c, a in ((0, 77), (1, 4095))],
        "blocks_from_1": card(),
        "desfire": desfire(),
    }


def main():
    bad = [w for w, got, want in PUBLISHED if got.hex() != want]
    if "--check" not in sys.argv:
        if bad:
            sys.exit("make_card_vectors: does not reproduce: " + ", ".join(bad))
        with open(FILE, "w") as out:
            json.dump(make(), out, indent=1, ensure_ascii=False)
            out.write("\n")
        return
    for what, got, want in PUBLISHED:
        print("%s openssl gives the published result of %s" % ("ok" if got.hex() == want else "not ok", what))
    same = json.load(open(FILE)) == make()
    print("%s card.json is what openssl gives for docs/card-layout.md" % ("ok" if same else "not ok"))
    sys.exit(0 if same and not bad else 1)


main()
