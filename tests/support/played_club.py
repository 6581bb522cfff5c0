"""played_club - a small TLS server that plays the club for vafa-sync, so that each answer is chosen byte by byte.

    authority = Authority("club", folder)
    club = Peer(authority, authority.server_files("server"))
    club.script = [say(reply(503, {...}))]    # what the next syncs get; after that it is honest"""
import base64
import datetime as dt
import gzip
import ipaddress
import json
import socket
import ssl
import threading
import time
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
PROGRAMME = (ROOT / "programmes/base.json").read_text()
DAY = dt.timedelta(days=1)
warnings.simplefilter("ignore", DeprecationWarning)  # old TLS is asked for on purpose


# --- certificates ----------------------------------------------------------------------------------

def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, ca=False, sans=(), start=-DAY, end=3650 * DAY):
    now = dt.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key)
               .serial_number(x509.random_serial_number()).not_valid_before(now + start).not_valid_after(now + end)
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(thing):
    if hasattr(thing, "public_bytes"):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption()).decode()


class Authority:
    def __init__(self, who, folder):
        self.who, self.folder, self.key = who, folder, ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate(who, self.key.public_key(), who, self.key, ca=True)
        self.path = folder / f"{who}.pem"
        self.path.write_text(pem(self.certificate))

    def server_files(self, label, **kw):
        kw.setdefault("sans", [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{label}.pem"
        path.write_text(pem(key) + pem(certificate("club", key.public_key(), self.who, self.key, **kw)))
        return path


# --- the peer --------------------------------------------------------------------------------------

def reply(status, body, *headers, encoding=None):
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    head = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers]
    if encoding:
        head.append(f"Content-Encoding: {encoding}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def b64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Signer:
    """Signs programmes as RFC 7515 and 7518 say, with Python's cryptography."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        n = self.key.public_key().public_numbers()
        x, y = (b64url(v.to_bytes(32, "big")) for v in (n.x, n.y))
        thumb = hashes.Hash(hashes.SHA256())
        thumb.update(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode())
        self.kid = b64url(thumb.finalize())
        self.pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def jws(self, document, **head):
        head = {"alg": "ES256", "kid": self.kid, "typ": "vafa-programme", **head}
        text = b64url(json.dumps(head).encode()) + "." + b64url(document.encode())
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


SIGNER = Signer()


class Peer:
    """Plays the club. `script` is a list of functions(peer, connection, request) for the next sync requests;
    when it is empty the club is honest."""

    def __init__(self, authority, files, terminal=17):
        self.authority, self.terminal = authority, terminal
        self.script, self.requests, self.connections = [], [], 0
        self.approve_after, self.asked = 0, 0
        self.entries, self.programme = [], {"version": 1, "text": SIGNER.jws(PROGRAMME)}
        self.links = []  # base64 of 25 bytes each, docs/sync.md
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files)
        self.context.load_verify_locations(authority.path)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()

    def talk(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as connection:
                connection.settimeout(20)
                while True:
                    request = self.receive(connection)
                    if request is None:
                        return
                    self.answer(connection, *request)
        except (OSError, ssl.SSLError, ValueError):
            pass

    @staticmethod
    def receive(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        if lines[0].startswith("GET "):
            return lines[0].split()[1], None
        while len(body) < int(headers["content-length"]):
            more = connection.recv(65536)
            if not more:
                return None
            body += more
        assert headers["content-encoding"] == "gzip"
        path, body = lines[0].split()[1], gzip.decompress(body)
        return path, json.loads(body) if path in ("/v1/enrol", "/v1/sync") else body

    def answer(self, connection, path, body):
        if path == "/v1/enrol":
            return connection.sendall(self.enrol(body))
        if path != "/v1/sync":
            return self.answer_other(connection, path, body)
        self.requests.append(body)
        assert dict(x for x in [y[0] for y in connection.getpeercert()["subject"]])["commonName"] == str(body["terminal"])
        if self.script:
            return self.script.pop(0)(self, connection, body)
        connection.sendall(self.honest(body))

    def answer_other(self, connection, path, body):
        """A GET (`body` is None), or a POST's unpacked bytes."""
        connection.sendall(reply(404, {"v": 1, "error": "path", "say": "There is none."}))

    def enrol(self, body):
        self.asked += 1
        if body["code"] != "ABCD-EFGH-JKLM":
            return reply(403, {"v": 1, "error": "code", "say": "This code is not known."})
        if self.asked <= self.approve_after:
            return reply(202, {"v": 1, "state": "pending"})
        request = x509.load_pem_x509_csr(body["csr"].encode())
        assert request.is_signature_valid
        made = certificate(str(self.terminal), request.public_key(), self.authority.who, self.authority.key)
        return reply(200, {"v": 1, "state": "approved", "terminal": self.terminal, "merchant": "رفاه", "branch": "تجریش",
                           "certificate": pem(made), "ca": self.authority.path.read_text(),
                           "programme_key": SIGNER.pem,
                           "cards": {"first": 603799000000001, "last": 603799000009999}})

    def honest(self, body, **kw):
        if body["after"] > len(self.entries):
            return reply(409, {"v": 1, "error": "behind", "acknowledged": len(self.entries), "say": "Send more."})
        self.entries[body["after"]:] = body["entries"] or self.entries[body["after"]:]
        answer = {"v": 1, "acknowledged": len(self.entries), "time": int(time.time()) + 100}
        taken = max(body["have"]["programme"], body["have"].get("refused", 0))
        if self.programme and self.programme["version"] > taken:
            answer["programme"] = self.programme
        else:
            have = body["have"]["links"]
            before = self.links[have["no"] - 1:have["no"]]
            known = have["no"] == 0 or [base64.b64decode(b)[1:9].hex() for b in before] == [have["mark"]]
            start = have["no"] if known else 0
            if self.links[start:] or not known:
                answer["links"] = {"from": start, "list": self.links[start:start + 100]}
        return reply(200, {**answer, **kw})


def say(data, then="stay"):
    """A scripted answer of these bytes."""
    def act(peer, connection, request):
        connection.sendall(data(peer, request) if callable(data) else data)
        if then == "close":
            connection.shutdown(socket.SHUT_RDWR)
    return act
