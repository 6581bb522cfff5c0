"""What lies enciphered in a device's partition `data`, read and written on the host with the board's key.

The key to the sectors comes from cryptsetup, which needs no root for that; the sectors are deciphered here by OpenSSL's
AES-256-XTS, sector by sector as the kernel's dm-crypt numbers them. So what the guest wrote is read by another program."""
import ctypes
import tempfile
from pathlib import Path

import disk
from common import run

SECTOR = 512
PAYLOAD_AT = 1 << 20   # boards/common/device/vault_open.c: --offset
CRYPTO = ctypes.CDLL("libcrypto.so.3")
for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_xts"):
    getattr(CRYPTO, name).restype = ctypes.c_void_p


def crypt(key, data, is_enciphering):
    context, cipher = (ctypes.c_void_p(getattr(CRYPTO, name)()) for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_xts"))
    out, size = ctypes.create_string_buffer(SECTOR), ctypes.c_int()
    done = bytearray()
    for number in range(len(data) // SECTOR):
        sector = data[number * SECTOR:(number + 1) * SECTOR]
        fine = CRYPTO.EVP_CipherInit_ex(context, cipher, None, key, number.to_bytes(16, "little"), int(is_enciphering)) and \
            CRYPTO.EVP_CipherUpdate(context, out, ctypes.byref(size), sector, SECTOR)
        assert fine and size.value == SECTOR
        done += out.raw
    CRYPTO.EVP_CIPHER_CTX_free(context)
    return bytes(done)


class Volume:
    """`key_file`: the board's key. An error when it is not the one."""
    def __init__(self, image, key_file):
        self.image = image
        with tempfile.TemporaryDirectory(prefix="vafa-luks.") as folder:
            header, key = Path(folder) / "header", Path(folder) / "key"
            header.write_bytes(disk.read(image, "data", 2 * PAYLOAD_AT))
            run("cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key", "--volume-key-file", key, "--key-file", key_file,
                header)
            self.key = key.read_bytes()

    def read(self):
        return crypt(self.key, disk.read(self.image, "data")[PAYLOAD_AT:], False)

    def write(self, plain):
        """From the beginning on; what is behind stays."""
        disk.write(self.image, "data", disk.read(self.image, "data", PAYLOAD_AT) + crypt(self.key, plain, True))
