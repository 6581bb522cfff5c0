"""sync_proxy - a TCP proxy that spoils the line between terminal and club, byte by byte.

    proxy = Proxy(club_port)
    proxy.cut("up", 17)      # the next connection ends after 17 bytes towards the club
    proxy.hold("down", 200)  # ... goes silent after 200 bytes towards the terminal, and stays open
    proxy.drip(0.002)        # ... passes one byte in 2 ms
    proxy.clear()

`proxy.passed` is {"up": bytes, "down": bytes} of the last connection, TLS records and all."""
import select
import socket
import threading
import time


class Proxy:
    def __init__(self, port):
        self.port_of_club = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.passed = {"up": 0, "down": 0}
        self.idle = threading.Event()
        self.idle.set()
        self.clear()
        threading.Thread(target=self.serve, daemon=True).start()

    def clear(self):
        self.limit, self.then, self.pause = {}, "close", 0

    def cut(self, direction, count):
        self.limit, self.then, self.pause = {direction: count}, "close", 0

    def hold(self, direction, count):
        self.limit, self.then, self.pause = {direction: count}, "hold", 0

    def drip(self, seconds):
        self.limit, self.then, self.pause = {}, "close", seconds

    def close(self):
        self.listener.close()

    def serve(self):
        while True:
            try:
                terminal, _ = self.listener.accept()
            except OSError:
                return
            self.idle.clear()
            self.passed = {"up": 0, "down": 0}
            try:
                with terminal, socket.create_connection(("127.0.0.1", self.port_of_club)) as club:
                    for s in (terminal, club):
                        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.pass_on(terminal, club)
            except OSError:
                pass
            self.idle.set()

    def pass_on(self, terminal, club):
        ways = {terminal: ("up", club), club: ("down", terminal)}
        if any(count == 0 for count in self.limit.values()) and self.then == "close":
            return
        while True:
            ready, _, _ = select.select(list(ways), [], [], 30)
            for source in ready:
                direction, sink = ways[source]
                room = self.limit.get(direction, 1 << 30) - self.passed[direction]
                data = source.recv(1 if self.pause else max(1, min(65536, room)))
                if not data:
                    return
                if room <= 0:  # only when holding: swallowed
                    continue
                sink.sendall(data)
                self.passed[direction] += len(data)
                time.sleep(self.pause)
                if room == len(data) and self.then == "close":
                    return
