/* vafa-reader - libnfc behind a socket, started and watched by drivers/reader/reader.c.
 *
 *     vafa-reader CONNECTION      (libnfc's, for example pn532_uart:/dev/ttyS1)
 *
 * Expects its end of a SOCK_SEQPACKET pair at descriptor 3 and something open at 0, 1 and 2 (libnfc
 * takes descriptor 0 for its abort pipe, buses/uart.c:304). Ends in good order when the parent
 * closes the pair; ends at once, with an enum reader_exit and a sentence on stderr, when the reader
 * or the parent makes no sense. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/reader/confine.h"
#include "drivers/reader/libnfc.h"
#include "drivers/reader/message.h"
#include "hal/base/bytes.h"

static const char *sentence(enum reader_exit why)
{
    switch (why) {
    case READER_EXIT_ORDERLY:
        return "The parent has closed the connection.";
    case READER_EXIT_USAGE:
        return "vafa-reader CONNECTION is started by vafa-terminal, with a socket at descriptor 3.";
    case READER_EXIT_PORT:
        return "The reader's device is not there, or may not be opened.";
    case READER_EXIT_SILENT:
        return "The reader does not answer.";
    case READER_EXIT_LINE:
        return "The reader's line is broken, or carries no PN532 frames.";
    case READER_EXIT_PARENT:
        return "The parent sent a message that makes no sense.";
    case READER_EXIT_CONFINE:
        return "This kernel has no seccomp filters: a reader with a user of its own needs them.";
    }
    assert(0 && "an exit code outside its enum");
    return "";
}

/* _exit, not exit: nothing of libnfc's or of a sanitizer's may run or wait after trouble. */
static _Noreturn void leave(enum reader_exit why)
{
    if (why != READER_EXIT_ORDERLY) {
        (void)fprintf(stderr, "vafa-reader: %s\n", sentence(why));
    }
    _exit((int)why);
}

/* This process sees MIFARE Classic keys pass by: it leaves no core file, cannot be traced by its
 * own user, gains no rights, and does not outlive its parent. */
static void settle_in(void)
{
    const struct rlimit none = {0, 0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* a key press at the parent's console: the parent decides */
    if (!confine_self() && getuid() != geteuid()) {
        leave(READER_EXIT_CONFINE);
    }
}

static bool descriptors_are_good(void)
{
    for (int fd = 0; fd < READER_CHILD_SOCKET; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            return false;
        }
    }
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(READER_CHILD_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_SEQPACKET;
}

static void tell(const struct reader_message *message)
{
    uint8_t packet[READER_MESSAGE_MAX];
    const size_t bytes = reader_message_encode(message, packet);
    if (send(READER_CHILD_SOCKET, packet, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) {
        leave(READER_EXIT_ORDERLY); /* the parent is gone: there is nobody to tell */
    }
    bytes_wipe(packet, sizeof packet);
}

/* False when the parent has closed the connection. */
static bool hear(struct reader_message *ret_request)
{
    uint8_t packet[READER_MESSAGE_MAX + 1]; /* one more, to see what is too long */
    ssize_t bytes;
    do {
        bytes = recv(READER_CHILD_SOCKET, packet, sizeof packet, 0);
    } while (bytes < 0 && errno == EINTR);
    if (bytes <= 0) {
        return false;
    }
    const enum st st = reader_message_decode(packet, (size_t)bytes, ret_request);
    bytes_wipe(packet, sizeof packet);
    if (st != ST_OK) {
        leave(READER_EXIT_PARENT);
    }
    return true;
}

/* Does one request and writes its answer. */
static enum reader_exit answer(struct libnfc *libnfc, const struct reader_message *request,
                               struct reader_message *ret_answer)
{
    ret_answer->kind = request->kind;
    ret_answer->id = request->id;
    ret_answer->body_bytes = 0;

    enum reader_result result = READER_RESULT_OK;
    enum reader_exit why = READER_EXIT_PARENT;
    switch (request->kind) {
    case READER_OPENED:
        return READER_EXIT_PARENT;
    case READER_SELECT: {
        if (request->body_bytes > READER_UID_MAX) {
            return READER_EXIT_PARENT;
        }
        struct reader_target target;
        why = libnfc_select(libnfc, request->body, request->body_bytes, request->value, &result,
                            &target);
        if (why == READER_EXIT_ORDERLY && result == READER_RESULT_OK) {
            reader_target_encode(&target, ret_answer->body);
            ret_answer->body_bytes = READER_TARGET_BYTES;
        }
        break;
    }
    case READER_TRANSCEIVE:
        if (request->body_bytes == 0 || request->value == 0 || request->value > INT16_MAX) {
            return READER_EXIT_PARENT;
        }
        why = libnfc_transceive(libnfc, request->body, request->body_bytes, request->value, &result,
                                ret_answer->body, &ret_answer->body_bytes);
        break;
    case READER_DESELECT:
        why = libnfc_deselect(libnfc);
        break;
    }
    ret_answer->value = (uint16_t)result;
    return why;
}

int main(int argc, char **argv)
{
    settle_in();
    if (argc != 2 || !descriptors_are_good()) {
        leave(READER_EXIT_USAGE);
    }
    struct libnfc *libnfc = NULL;
    enum reader_exit why = libnfc_open(argv[1], &libnfc);
    if (why != READER_EXIT_ORDERLY) {
        leave(why);
    }
    tell(&(struct reader_message){.kind = READER_OPENED});

    static struct reader_message request, reply;
    while (hear(&request)) {
        why = answer(libnfc, &request, &reply);
        bytes_wipe(&request, sizeof request);
        if (why != READER_EXIT_ORDERLY) {
            leave(why);
        }
        tell(&reply);
    }
    libnfc_close(libnfc);
    leave(READER_EXIT_ORDERLY);
}
