/* vafa-ident - shows what an identification device reads, for the technician who connects it.
 *
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
#include <unistd.h>

#include "drivers/ident/ident.h"
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
    struct pollfd wait[] = {{.fd = port.ops->descriptor(port.ctx), .events = POLLIN},
                            {.fd = STDOUT_FILENO}};
    bool is_heard = true, was_away = port.ops->say(port.ctx)[0] != '\0';
    while (is_over == 0 && is_heard) {
        struct identifier id;
        if (poll(wait, 2, -1) < 0) {
            continue; /* interrupted */
        }
        do {
            st = port.ops->read(port.ctx, &id, &fault);
            is_heard = st == ST_AGAIN || show(st, &id, &fault);
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
    if (argc == 2 && strcmp(argv[1], "typed") == 0) {
        rc = judge_typed();
    } else if (argc == 2 && strchr(argv[1], ':') != NULL) {
        rc = watch(argv[1]);
    } else {
        const bool is_help = argc == 2 && strcmp(argv[1], "--help") == 0;
        (void)fputs(
            "usage: vafa-ident KIND:PATH | vafa-ident typed\n"
            "KIND: em4100-serial, scanner-serial, magstripe-keys, scanner-keys or em4100-keys;\n"
            "PATH: its device. Prints what each reading identifies, a line each.\n",
            is_help ? stdout : stderr);
        rc = is_help ? 0 : 2;
    }
    (void)prctl(PR_SET_DUMPABLE, 1);
    return rc;
}
