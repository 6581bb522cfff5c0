"""cable - two serial lines with a cable between them: what is written at one end comes out of the other.

    with Cable() as cable:
        cable.near, cable.far     # the names of two devices, as /dev/ttyUSB1 is one
        cable.cut()               # nothing passes any more, both ends stay; mend() joins it again
        cable.say(b"...")         # somebody at the far end says that to the near one"""
import os
import pty
import select
import threading
import tty


class Cable:
    def __enter__(self):
        self.masters, self.slaves = zip(pty.openpty(), pty.openpty())
        for fd in self.slaves:  # kept open: a pseudo-terminal that nobody has open is gone
            tty.setraw(fd)
        self.near, self.far = map(os.ttyname, self.slaves)
        self.is_whole, self.is_over = True, False
        self.pump = threading.Thread(target=self.run)
        self.pump.start()
        return self

    def run(self):
        while not self.is_over:
            for fd in select.select(self.masters, [], [], 0.05)[0]:
                said = os.read(fd, 4096)
                if self.is_whole:
                    os.write(self.masters[1 - self.masters.index(fd)], said)

    def cut(self):
        self.is_whole = False

    def mend(self):
        self.is_whole = True

    def say(self, what):
        os.write(self.masters[0], what)

    def __exit__(self, *_):
        self.is_over = True
        self.pump.join()
        for fd in self.masters + self.slaves:
            os.close(fd)
