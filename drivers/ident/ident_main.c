/* vafa-ident - reads one identification device, for the terminal or for the technician who connects
 * it.
 *
 *     vafa-ident --to SOCKET DEVICE
 *                          bring each identifier to the terminal (vafa-terminal --ident SOCKET)
 *     vafa-ident DEVICE    print each identifier on a line until interrupted; DEVICE is KIND:PATH,
 *                          for example magstripe-keys:/dev/input/by-id/usb-...-event-kbd
 *     vafa-ident typed     judge the lines of standard input as a cashier would type them
 *
 * A line is KIND TEXT, and for a whole EM4100 id its ten hex digits. A bank card's data is never
 * printed, stored or kept in memory: only a sentence appears, on standard error.
 * Exit: 0 interrupted or end of input, 1 not done (why: on standard error), 2 wrong use. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/ident/ident.h"
#include "firmware/engine/media_line.h"
#include "hal/base/bytes.h"

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

/* False when the one who reads our lines has gone. */
static bool show(enum st st, const struct identifier *id, const struct fault *fault)
{
    if (st != ST_OK) {
        (void)fprintf(stderr, "vafa-ident: %s\n", fault->say);
        return true;
    }
    (void)printf("%s %s", media_kind_word(id->kind), id->text);
    if (id->kind == MEDIA_EM4100 && id->number > UINT32_MAX) {
        char hex[MEDIA_EM4100_HEX + 1];
        media_em4100_to_hex(id->number, hex);
        (void)printf(" %s", hex);
    }
    return printf("\n") > 0 && fflush(stdout) == 0;
}

/* --- the terminal --------------------------------------------------------------------------- */

enum { CALL_AGAIN_MS = 1000 };

static const char *socket_path; /* NULL: lines go to standard output */
static int socket_fd = -1;

/* Nothing is kept for later: a scan that no terminal takes now is old when one comes. */
static void call_terminal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (socket_fd >= 0 || socket_path == NULL) {
        return;
    }
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        fd = -1;
    }
    socket_fd = fd;
}

static void hang_up(void)
{
    (void)close(socket_fd);
    socket_fd = -1;
}

static void bring(enum st st, const struct identifier *id, const struct fault *fault)
{
    char line[MEDIA_LINE_MAX + 1];
    const size_t size = st == ST_OK ? media_line_of(id, line) : media_line_of_refusal(fault, line);
    call_terminal();
    if (socket_fd >= 0 &&
        send(socket_fd, line, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        hang_up(); /* a line that went half would spoil the next one */
    }
    if (socket_fd < 0) {
        (void)fprintf(stderr, "vafa-ident: No terminal answers at %s: scan again when it does.\n",
                      socket_path);
    }
    bytes_wipe(line, sizeof line);
}

/* --- the device ----------------------------------------------------------------------------- */

/* False when the one who reads our lines has gone for good. */
static bool tell(enum st st, const struct identifier *id, const struct fault *fault)
{
    if (socket_path == NULL) {
        return show(st, id, fault);
    }
    if (st == ST_IO) {
        (void)show(st, id, fault); /* of the device, for the log: nobody presented anything */
    } else {
        bring(st, id, fault);
    }
    return true;
}

static int watch(const char *name)
{
    const struct ident_config config = {.device = name, .own = MEDIA_RANGE_CLUB};
    struct ident_driver *driver = NULL;
    struct fault fault = {""};
    enum st st = ident_open(&config, &driver, &fault);
    if (st != ST_OK) {
        (void)fprintf(stderr, "vafa-ident: %s\n", fault.say);
        return st == ST_REFUSED ? 2 : 1;
    }
    const struct ident port = ident_port(driver);
    struct pollfd wait[] = {{.fd = port.ops->descriptor(port.ctx), .events = POLLIN}, {.fd = -1}};
    bool is_heard = true, was_away = port.ops->say(port.ctx)[0] != '\0';
    while (is_over == 0 && is_heard) {
        struct identifier id;
        call_terminal();
        wait[1].fd = socket_path == NULL ? STDOUT_FILENO : socket_fd;
        if (poll(wait, 2, socket_path != NULL && socket_fd < 0 ? CALL_AGAIN_MS : -1) < 0) {
            continue; /* interrupted */
        }
        if (socket_fd >= 0 && (wait[1].revents & (POLLERR | POLLHUP)) != 0) {
            hang_up();
            wait[1].revents = 0;
        }
        do {
            st = port.ops->read(port.ctx, &id, &fault);
            is_heard = st == ST_AGAIN || tell(st, &id, &fault);
        } while (st != ST_AGAIN && is_heard && is_over == 0);
        const bool is_away = port.ops->say(port.ctx)[0] != '\0';
        if (was_away && !is_away) {
            (void)fprintf(stderr, "vafa-ident: The device is there.\n");
        }
        was_away = is_away;
        is_heard = is_heard && (wait[1].revents & (POLLERR | POLLHUP)) == 0;
    }
    ident_close(driver);
    return 0;
}

static int judge_typed(void)
{
    static char line[MEDIA_SCAN_MAX + 2]; /* one more than is taken, and NUL */
    const struct media_range own = MEDIA_RANGE_CLUB;
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* nothing stays behind in the library's buffer */
    while (is_over == 0 && fgets(line, sizeof line, stdin) != NULL) {
        struct identifier id;
        struct fault fault = {""};
        const size_t size = strcspn(line, "\r\n");
        const enum st st = media_classify(MEDIA_SOURCE_KEYS, line, size, &own, &id, &fault);
        const bool is_cut = strchr(line, '\n') == NULL;
        bytes_wipe(line, sizeof line);
        if (!show(st, &id, &fault)) {
            break;
        }
        for (int c = is_cut ? getchar() : '\n'; c != '\n' && c != EOF; c = getchar()) {
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = end}; /* without SA_RESTART: poll must return */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    /* A bank card may be in memory for a moment: no core file, no debugger. In the end it is wiped,
     * and leak checkers may look. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    int rc = 2;
    if (argc == 4 && strcmp(argv[1], "--to") == 0 && strchr(argv[3], ':') != NULL &&
        strlen(argv[2]) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
        socket_path = argv[2];
        rc = watch(argv[3]);
    } else if (argc == 2 && strcmp(argv[1], "typed") == 0) {
        rc = judge_typed();
    } else if (argc == 2 && strchr(argv[1], ':') != NULL) {
        rc = watch(argv[1]);
    } else {
        const bool is_help = argc == 2 && strcmp(argv[1], "--help") == 0;
        (void)fputs(
            "usage: vafa-ident [--to SOCKET] KIND:PATH | vafa-ident typed\n"
            "KIND: em4100-serial, scanner-serial, magstripe-keys, scanner-keys or em4100-keys;\n"
            "PATH: its device. Prints what each reading identifies, a line each; with --to it\n"
            "brings it to the terminal instead (vafa-terminal --ident SOCKET).\n",
            is_help ? stdout : stderr);
        rc = is_help ? 0 : 2;
    }
    (void)prctl(PR_SET_DUMPABLE, 1);
    return rc;
}
