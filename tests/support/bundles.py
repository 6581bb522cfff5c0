"""bundles - files with the form of a RAUC bundle, which the club looks at; nobody signed them."""
import hashlib


def write_bundle(folder, board, version, size=600_000):
    """Squashfs, then a signature with the manifest in it, then the signature's length."""
    manifest = f"[update]\ncompatible=vafa-{board}\nversion={version}\n\n[bundle]\nformat=verity\n".encode()
    signature = b"\x30\x82" + bytes(40) + manifest + bytes(700)
    body = b"".join(hashlib.sha256(bytes([version]) + n.to_bytes(4, "big")).digest() for n in range(size // 32))
    path = folder / f"{board}-{version}.raucb"
    path.write_bytes(b"hsqs" + body + signature + len(signature).to_bytes(8, "big"))
    return path
