/* vafa-terminal: the till's socket, the card and the journal in one process. See `--help`. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "firmware/terminal/overlap.h"
#include "firmware/terminal/service.h"
#include "firmware/terminal/till.h"
#include "hal/base/bytes.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "storage/store.h"

#define FIRMWARE_VERSION "0.1.0"

struct options {
    const char *db, *keys, *reader, *socket, *ident, *programme;
    unsigned list_hours;
    int64_t list_spend;
    bool is_on_trial;
};

/* The exit codes of --help. */
enum { EXIT_ENDED = 0, EXIT_NOT_STARTED = 1, EXIT_USAGE = 2, EXIT_WAITS = 3 };

static void print_help(FILE *to)
{
    const struct board_names *names = board_names();
    (void)fprintf(
        to,
        "vafa-terminal %s (board %s): serves member cards to the till.\n"
        "  --db FILE         the terminal's database (%s)\n"
        "  --keys STORE      the key store: a file or a PKCS#11 URI (%s)\n"
        "  --reader CONN     the card reader, a libnfc connection string (%s)\n"
        "  --socket FILE     the till's socket (%s)\n"
        "  --ident FILE      a socket for vafa-ident's devices (none)\n"
        "  --programme FILE  a programme for a terminal that has no line, if newer\n"
        "  --list-hours N    past which the hotlist is old (%d)\n"
        "  --list-spend RIALS  what a sale may then spend from a card (%" PRId64 ")\n"
        "  --trial           this firmware may yet be taken back: the database stays usable\n"
        "                    for the one before\n"
        "It logs to standard output, a line an event. SIGTERM ends it.\n"
        "Exit: 0 ended, 1 could not start, 2 usage, 3 with --trial: keys, reader and database\n"
        "are well, and the database waits to be migrated until the trial is over.\n",
        FIRMWARE_VERSION, names->board, names->database, names->keys, names->reader, names->socket,
        HOTCHECK_HOURS_DEFAULT, HOTCHECK_SPEND_DEFAULT);
}

static bool read_limit(int option, const char *text, struct options *ret)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > MONEY_MAX_RIALS ||
        (option == 'l' && (value < 1 || value > HOTCHECK_HOURS_MAX))) {
        return false;
    }
    if (option == 'l') {
        ret->list_hours = (unsigned)value;
    } else {
        ret->list_spend = value;
    }
    return true;
}

/* 0: go on. Else the exit code plus one. */
static int read_options(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {{"db", required_argument, NULL, 'd'},
                                          {"keys", required_argument, NULL, 'k'},
                                          {"reader", required_argument, NULL, 'r'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"ident", required_argument, NULL, 'i'},
                                          {"programme", required_argument, NULL, 'p'},
                                          {"list-hours", required_argument, NULL, 'l'},
                                          {"list-spend", required_argument, NULL, 'm'},
                                          {"trial", no_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const struct board_names *names = board_names();
    *ret = (struct options){.db = names->database,
                            .keys = names->keys,
                            .reader = names->reader,
                            .socket = names->socket,
                            .list_hours = HOTCHECK_HOURS_DEFAULT,
                            .list_spend = HOTCHECK_SPEND_DEFAULT};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'd':
            ret->db = optarg;
            break;
        case 'k':
            ret->keys = optarg;
            break;
        case 'r':
            ret->reader = optarg;
            break;
        case 's':
            ret->socket = optarg;
            break;
        case 'i':
            ret->ident = optarg;
            break;
        case 'p':
            ret->programme = optarg;
            break;
        case 'l':
        case 'm':
            if (!read_limit(c, optarg, ret)) {
                (void)fprintf(stderr,
                              "vafa-terminal: --list-hours is 1 to %d, --list-spend 0 or more.\n",
                              HOTCHECK_HOURS_MAX);
                return 3;
            }
            break;
        case 't':
            ret->is_on_trial = true;
            break;
        case 'h':
            print_help(stdout);
            return 1;
        default:
            print_help(stderr);
            return 3;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "vafa-terminal: \"%s\" is not an option: see vafa-terminal --help.\n",
                      argv[optind]);
        return 3;
    }
    return 0;
}

/* Keys live in this process: no core file, no debugger of the same user. */
static void lock_down(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a full disk, not our end */
}

/* One line per event; ids in docs/events.md. */
static void log_line(void *ctx, const char *event, const char *text)
{
    (void)ctx;
    enum clock_quality quality;
    time_t now = (time_t)clock_now_s(&quality);
    struct tm utc;
    char when[32] = "";
    if (gmtime_r(&now, &utc) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    (void)printf("%s%s %s %s\n", when, quality == CLOCK_UNSET ? "?" : "", event, text);
    (void)fflush(stdout);
}

static const char *reader_say(void *board)
{
    return board_reader_say(board);
}

/* A request may hold a bank card that somebody scanned into the wrong field: what JSON kept of it
 * is wiped. */
static void *allocate(size_t size)
{
    return malloc(size);
}

static void free_wiped(void *at)
{
    if (at != NULL) {
        bytes_wipe(at, malloc_usable_size(at));
        free(at);
    }
}

static int stop_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
}

static enum st load_programme(struct store *store, const char *path, struct fault *fault)
{
    enum st st = standing_load_file(store, path, fault);
    if (st == ST_OK || st == ST_REFUSED) {
        log_line(NULL, "T101", st == ST_OK ? "the programme of the file is in force" : fault->say);
        return ST_OK;
    }
    return st;
}

/* Who watches this process hears that long work goes on: docs/events.md. */
static void say_works(void *ctx, uint32_t entry, uint32_t entries)
{
    enum { EVERY_MS = 1000 };
    char text[80];
    int64_t *said_ms = ctx;
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms - *said_ms < EVERY_MS) {
        return;
    }
    *said_ms = now_ms;
    (void)snprintf(text, sizeof text,
                   "the database is brought up to date: entry %" PRIu32 " of %" PRIu32, entry,
                   entries);
    log_line(NULL, "T102", text);
}

struct parts {
    struct board *board;
    struct store *store;
    struct terminal *terminal;
    struct desk *desk;
    struct scans *scans;
    struct till *till;
    int stop_fd;
    const char *opening; /* which part it was that could not be opened: a device's self-test names
                            it (boards/common/device/selftest.h) */
};

static enum st open_parts(const struct options *options, const char *program, struct parts *parts,
                          struct fault *fault)
{
    const struct board_config board = {
        .program = program, .keys = options->keys, .reader = options->reader};
    /* The reader starts beside us while the database is opened. */
    parts->opening = "keys";
    enum st st = board_open(&board, &parts->board, fault);
    parts->stop_fd = stop_signals(); /* after the fork: the reader's process keeps its signals */
    if (st == ST_OK && parts->stop_fd < 0) {
        fault_say(fault, "Signals cannot be received: %s.", strerror(errno));
        st = ST_IO;
    }
    int64_t said_ms = clock_monotonic_ms();
    if (st == ST_OK) {
        const struct store_config store = {.path = options->db,
                                           .create = true,
                                           .works = say_works,
                                           .works_ctx = &said_ms,
                                           .keep_readable = options->is_on_trial,
                                           .rehearse = options->is_on_trial};
        parts->opening = "database";
        st = store_open(&store, &parts->store, fault);
    }
    if (st == ST_OK && options->programme != NULL) {
        parts->opening = "programme";
        st = load_programme(parts->store, options->programme, fault);
    }
    if (st == ST_OK) {
        const struct terminal_config terminal = {.store = parts->store,
                                                 .card = board_cards(parts->board),
                                                 .reader_say = reader_say,
                                                 .reader_ctx = parts->board,
                                                 .log = log_line,
                                                 .firmware = FIRMWARE_VERSION,
                                                 .database = options->db,
                                                 .list_hours_max = options->list_hours,
                                                 .list_spend_max = {options->list_spend},
                                                 .overlap = overlap_by_thread};
        parts->opening = "journal";
        st = terminal_open(&terminal, &parts->terminal, fault);
    }
    if (st == ST_OK) {
        const struct desk_config desk = {.terminal = parts->terminal,
                                         .store = parts->store,
                                         .keys = board_keys(parts->board),
                                         .log = log_line};
        parts->opening = "till";
        st = desk_open(&desk, &parts->desk, fault);
    }
    if (st == ST_OK && options->ident != NULL) {
        st = scans_open(options->ident, &parts->scans, fault);
    }
    return st != ST_OK ? st
                       : till_open(options->socket, parts->desk, parts->scans, &parts->till, fault);
}

static void log_ready(const struct parts *parts, int64_t took_ms)
{
    char text[400];
    struct terminal_status status;
    terminal_status(parts->terminal, &status);
    (void)snprintf(text, sizeof text,
                   "ready in %" PRId64 " ms terminal=%" PRIu32 " programme=%" PRIu32
                   " entries=%" PRIu32 " unsent=%" PRIu32 " pending=%" PRIu32 " disk=%s",
                   took_ms, status.standing.terminal,
                   status.standing.programme != NULL ? status.standing.programme->version : 0,
                   status.counts.entries, status.counts.unsent, status.counts.pending,
                   st_word(status.disk));
    log_line(NULL, "T100", text);
}

/* The database waits for the end of the trial. All that can be tried without it is tried. */
static int wait_for_trial(struct parts *parts, struct fault *fault)
{
    enum { PATIENCE_MS = 10000, STEP_MS = 50 };
    const char *say = board_reader_say(parts->board);
    for (int waited_ms = 0; say[0] != '\0' && waited_ms < PATIENCE_MS; waited_ms += STEP_MS) {
        (void)poll(NULL, 0, STEP_MS);
        say = board_reader_say(parts->board);
    }
    if (say[0] != '\0') {
        parts->opening = "reader";
        fault_say(fault, "%s", say);
        return EXIT_NOT_STARTED;
    }
    return EXIT_WAITS;
}

int main(int argc, char **argv)
{
    int64_t started_ms = clock_monotonic_ms();
    struct options options;
    struct parts parts = {.stop_fd = -1};
    struct fault fault = {{0}};
    int code = read_options(argc, argv, &options);
    if (code != 0) {
        return code - 1;
    }
    lock_down();
    json_set_alloc_funcs(allocate, free_wiped);
    (void)umask(027); /* the database holds what members did: for its owner and group */
    enum st st = open_parts(&options, argv[0], &parts, &fault);
    if (st == ST_OK) {
        log_ready(&parts, clock_monotonic_ms() - started_ms);
        till_run(parts.till, parts.stop_fd);
        log_line(NULL, "T199", "stopped");
        code = EXIT_ENDED;
    } else {
        const bool waits =
            st == ST_REFUSED && options.is_on_trial && parts.board != NULL && parts.store == NULL;
        code = waits ? wait_for_trial(&parts, &fault) : EXIT_NOT_STARTED;
        (void)fprintf(stderr, "vafa-terminal: %s: %s (%s)\n", parts.opening, fault.say,
                      st_word(st));
    }
    till_close(parts.till);
    scans_close(parts.scans);
    desk_close(parts.desk);
    terminal_close(parts.terminal);
    store_close(parts.store);
    board_close(parts.board);
    return code;
}
