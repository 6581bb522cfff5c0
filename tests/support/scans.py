"""What a cashier does with things that are scanned: vafa-till beside what is presented meanwhile, and devices on pseudo
terminals."""
import json
import os
import pty
import subprocess
import threading
import tty


class Till(threading.Thread):
    """vafa-till beside what is presented meanwhile."""
    def __init__(self, shop, *args, wait=10):
        super().__init__()
        self.shop, self.args, self.wait, self.seen = shop, args, wait, []
        self.process = subprocess.Popen([shop.build / "vafa-till", "--socket", shop.path("till.sock"), "--wait", str(wait),
                                         "--json", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.seen.append(json.loads(line))
        self.process.wait()

    def says(self, word):
        self.shop.until(lambda: any(word in line["say"] for line in self.seen), what=f"'{word}' in {self.seen}")

    def answer(self):
        self.join(60)
        return {**(self.seen[-1] if self.seen else {}), "rc": self.process.returncode}

    def answer_while(self, present):
        """Presents again and again, as a person does who looks at the screen."""
        while self.is_alive():
            present()
            self.join(0.7)
        return self.answer()


class Device:
    """vafa-ident on a pseudo terminal, bringing what it reads to the terminal."""
    def __init__(self, shop, name, kind):
        self.shop, self.name = shop, name
        self.far, near = pty.openpty()
        tty.setraw(self.far)
        self.link = shop.path(name)
        os.symlink(os.ttyname(near), self.link)
        self.kind, self.near = kind, near
        self.start()

    def start(self):
        self.shop.start("ident." + self.name, "vafa-ident", "--to", self.shop.path("ident.sock"),
                        f"{self.kind}:{self.link}")

    def write(self, data):
        os.write(self.far, data)
