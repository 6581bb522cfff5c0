"""club_world - a running vafa-club that terminals are played to with curl's certificates, and its API.

A terminal's journal comes from posting-batches, so that no card, reader or terminal is needed."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

BUILD = Path(os.environ["BUILD"])
ROOT = Path(__file__).resolve().parents[2]


def luhn(payload):
    """The 16-digit card number of a payload."""
    digits = [int(d) for d in reversed(f"{payload:015d}")]
    total = sum(sum(divmod(d * 2, 10)) if i % 2 == 0 else d for i, d in enumerate(digits))
    return f"{payload:015d}{-total % 10}"


class World:
    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="vafa-world."))
        self.data = self.dir / "club"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = None
        self.terminals = {}

    def close(self):
        self.stop()
        subprocess.run(["rm", "-rf", str(self.dir)], check=True)

    def start(self):
        self.process = subprocess.Popen([BUILD / "vafa-club", "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
                                        stdout=subprocess.DEVNULL, stderr=open(self.dir / "log", "a"))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                self.context = ssl.create_default_context(cafile=str(self.data / "ca.pem"))
                if self.ask("GET", "/v1/health")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the club does not start: " + (self.dir / "log").read_text())

    def stop(self, how="terminate"):
        if self.process:
            getattr(self.process, how)()
            self.process.wait(20)
            self.process = None

    def club(self, *args, check=True):
        done = subprocess.run([BUILD / "vafa-club", *map(str, args), "--data", self.data], capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"vafa-club {args}: {done.stderr}")
        return done

    def club_json(self, *args):
        return json.loads(self.club(*args, "--json").stdout)

    # --- HTTP --------------------------------------------------------------------------------

    def ask(self, method, path, body=None, headers=None, certificate=None):
        """(status, headers, body) of one request on a connection of its own."""
        context = self.context
        if certificate:
            context = ssl.create_default_context(cafile=str(self.data / "ca.pem"))
            context.load_cert_chain(*certificate)
        line = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        try:
            line.request(method, path, body=body, headers=headers or {})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            line.close()

    def api(self, key, method, path, body=None, **parameters):
        """(status, answer) of the API. A body that is no text is sent as JSON."""
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        headers = {"Authorization": "Bearer " + key} if key else {}
        status, _, answer = self.ask(method, "/v1/club" + path, body, headers)
        return status, json.loads(answer)

    def key(self, role, *args):
        return self.club("key", "new", f"test {role}", "--role", role, *args).stdout.strip()

    # --- terminals ---------------------------------------------------------------------------

    def enrol(self, merchant, branch):
        """Makes the next terminal; returns its number."""
        code = self.club("code", "--merchant", merchant, "--branch", branch).stdout.strip()
        number = len(self.terminals) + 1
        key, csr, crt = (str(self.dir / f"{number}.{kind}") for kind in ("key", "csr", "crt"))
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True, capture_output=True)
        subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=1", "-out", csr], check=True, capture_output=True)
        body = json.dumps({"v": 1, "code": code, "csr": Path(csr).read_text(), "board": "sim"})
        self.ask("POST", "/v1/enrol", body)
        self.club("approve", "all")
        answer = json.loads(self.ask("POST", "/v1/enrol", body)[2])
        Path(crt).write_text(answer["certificate"])
        self.terminals[answer["terminal"]] = (crt, key)
        return answer["terminal"]

    def batches(self, terminal, transactions, per_batch, *first_card):
        done = subprocess.run([BUILD / "posting-batches", *map(str, (terminal, transactions, per_batch, *first_card))],
                              capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout.splitlines()

    def sync(self, terminal, body):
        status, _, answer = self.ask("POST", "/v1/sync", body, certificate=self.terminals[terminal])
        return status, json.loads(answer)
