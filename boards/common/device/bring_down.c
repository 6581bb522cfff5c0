#include "boards/common/device/bring_down.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

_Noreturn void bring_down(struct log *log, int how)
{
    log_say(log, "device", "goes down");
    (void)kill(-1, SIGTERM);
    for (int waited_ms = 0; waited_ms < BRING_DOWN_MS; waited_ms += LOOK_MS) {
        (void)poll(NULL, 0, LOOK_MS);
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) {
            break;
        }
    }
    log_close(log);
    sync();
    (void)reboot(how);
    for (;;) {
        (void)pause();
    }
}
