#!/usr/bin/env python3
"""vafa_box - HPKE (RFC 9180) base mode with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, from the RFCs and FIPS 197
alone: opens and fills the boxes of hal/box.h with no code of ours and no library.

    vafa_box.py open PRIVATE.pem INFO < box > bytes
    vafa_box.py seal PUBLIC.pem INFO < bytes > box
    vafa_box.py self-test         the published vector RFC 9180 A.3.1, both ways"""
import hashlib
import hmac
import secrets
import subprocess
import sys

# --- P-256 (FIPS 186-4 D.1.2.3) ----------------------------------------------------------------

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    slope = ((3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, P)) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, p):
    total = None
    while k:
        total = add(total, p) if k & 1 else total
        p, k = add(p, p), k >> 1
    return total


def point_bytes(p):
    return b"\x04" + p[0].to_bytes(32, "big") + p[1].to_bytes(32, "big")


def point(data):
    x, y = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:65], "big")
    if len(data) != 65 or data[0] != 4 or (y * y - x * x * x - A * x - B) % P:
        raise ValueError("not a point of P-256")
    return x, y


# --- AES-128 (FIPS 197) and GCM (SP 800-38D) ------------------------------------------------------

def xtime(a):
    return (a << 1 ^ 0x11B) & 0xFF if a & 0x80 else a << 1


def gmul(a, b):
    r = 0
    while b:
        r ^= a if b & 1 else 0
        a, b = xtime(a), b >> 1
    return r


def sbox_byte(a):
    b = next((x for x in range(256) if gmul(a, x) == 1), 0)
    return b ^ 0x63 ^ (b << 1 | b >> 7) & 0xFF ^ (b << 2 | b >> 6) & 0xFF ^ (b << 3 | b >> 5) & 0xFF ^ (b << 4 | b >> 4) & 0xFF


SBOX = [sbox_byte(a) for a in range(256)]


def aes_key(key):
    words, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        w = list(words[-1])
        if i % 4 == 0:
            w = [SBOX[b] for b in w[1:] + w[:1]]
            w[0] ^= rcon
            rcon = xtime(rcon)
        words.append([a ^ b for a, b in zip(words[i - 4], w)])
    return [sum(words[4 * r:4 * r + 4], []) for r in range(11)]


def aes_block(keys, block):
    s = [a ^ b for a, b in zip(block, keys[0])]
    for r in range(1, 11):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < 10:
            s = [xtime(c[i]) ^ xtime(c[(i + 1) % 4]) ^ c[(i + 1) % 4] ^ c[(i + 2) % 4] ^ c[(i + 3) % 4]
                 for c in (s[j:j + 4] for j in range(0, 16, 4)) for i in range(4)]
        s = [a ^ b for a, b in zip(s, keys[r])]
    return bytes(s)


def ghash(h, data):
    y = 0
    for i in range(0, len(data), 16):
        x, v, z = y ^ int.from_bytes(data[i:i + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            z ^= v if x >> bit & 1 else 0
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y


def gcm(key, nonce, aad, data, sealing):
    keys = aes_key(key)

    def stream(n):
        return aes_block(keys, nonce + n.to_bytes(4, "big"))

    def pad(b):
        return b + bytes(-len(b) % 16)
    out = b"".join(bytes(x ^ y for x, y in zip(data[i:i + 16], stream(2 + i // 16))) for i in range(0, len(data), 16))
    sealed = out if sealing else data
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    h = int.from_bytes(aes_block(keys, bytes(16)), "big")
    tag = ghash(h, pad(aad) + pad(sealed) + lengths) ^ int.from_bytes(stream(1), "big")
    return out, tag.to_bytes(16, "big")


# --- HPKE -----------------------------------------------------------------------------------------

KEM, HPKE = b"KEM\x00\x10", b"HPKE\x00\x10\x00\x01\x00\x01"


def extract(suite, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def expand(suite, prk, label, info, size):
    info, out, block = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, b"", b""
    while len(out) < size:
        block = hmac.new(prk, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:size]


def schedule(dh, enc, to, info):
    shared = expand(KEM, extract(KEM, b"", b"eae_prk", dh), b"shared_secret", enc + to, 32)
    how = b"\x00" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    secret = extract(HPKE, shared, b"secret", b"")
    return expand(HPKE, secret, b"key", how, 16), expand(HPKE, secret, b"base_nonce", how, 12)


def seal(to, info, data, aad=b"", ephemeral=None):
    """`to` is the receiver's point, 65 bytes."""
    d = ephemeral or 1 + secrets.randbelow(N - 1)
    enc = point_bytes(multiply(d, G))
    key, nonce = schedule(multiply(d, point(to))[0].to_bytes(32, "big"), enc, to, info)
    sealed, tag = gcm(key, nonce, aad, data, True)
    return enc + sealed + tag


def unseal(d, info, box, aad=b""):
    """`d` is the private number. ValueError: it does not open."""
    enc, sealed, tag = box[:65], box[65:-16], box[-16:]
    key, nonce = schedule(multiply(d, point(enc))[0].to_bytes(32, "big"), enc, point_bytes(multiply(d, G)), info)
    data, right = gcm(key, nonce, aad, sealed, False)
    if not hmac.compare_digest(tag, right):
        raise ValueError("the box does not open: another key or purpose, or changed")
    return data


# --- keys as files ----------------------------------------------------------------------------------

def pem_numbers(path, *more):
    """What openssl prints of a key, as bytes by heading."""
    text = subprocess.run(["openssl", "pkey", "-in", str(path), "-noout", "-text", *more], check=True, capture_output=True,
                          text=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith(("priv:", "pub:")):
            name = line[:-1]
            found[name] = ""
        elif line.startswith(" ") and name:
            found[name] += line.strip().replace(":", "")
        else:
            name = None
    return {name: bytes.fromhex(digits) for name, digits in found.items()}


def private_number(path):
    return int.from_bytes(pem_numbers(path)["priv"], "big")


def self_test():
    info, pt, aad = b"Ode on a Grecian Urn", b"Beauty is truth, truth beauty", b"Count-0"
    d = 0xF3CE7FDAE57E1A310D87F1EBBDE6F328BE0A99CDBCADF4D6589CF29DE4B8FFD2
    ephemeral = 0x4995788EF4B9D6132B249CE59A77281493EB39AF373D236A1FE415CB0C2D7BEB
    enc = bytes.fromhex("04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce"
                        "65c9bfcb9382657222d18c4")
    ct = bytes.fromhex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434")
    assert seal(point_bytes(multiply(d, G)), info, pt, aad, ephemeral) == enc + ct
    assert unseal(d, info, enc + ct, aad) == pt


if __name__ == "__main__":
    if sys.argv[1:] == ["self-test"]:
        self_test()
    elif len(sys.argv) == 4 and sys.argv[1] == "open":
        sys.stdout.buffer.write(unseal(private_number(sys.argv[2]), sys.argv[3].encode(), sys.stdin.buffer.read()))
    elif len(sys.argv) == 4 and sys.argv[1] == "seal":
        sys.stdout.buffer.write(seal(pem_numbers(sys.argv[2], "-pubin")["pub"], sys.argv[3].encode(), sys.stdin.buffer.read()))
    else:
        sys.exit(__doc__)
