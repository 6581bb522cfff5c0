/* vafa-sync - the terminal's only contact with the club. Usage: vafa-sync --help */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/clock.h"
#include "sync/client.h"
#include "sync/enrol.h"
#include "sync/fetch.h"
#include "sync/random.h"
#include "sync/renew.h"
#include "sync/upkeep.h"

static const char usage[] =
    "usage: vafa-sync enrol --db FILE --identity DIR --club HOST:PORT --ca CA.pem --code CODE\n"
    "       vafa-sync once  --db FILE --identity DIR [--club HOST:PORT]\n"
    "       vafa-sync run   --db FILE --identity DIR [--club HOST:PORT]\n"
    "\n"
    "enrol  make a key, ask the club with a one-time code, store what it answers. May be "
    "repeated.\n"
    "once   send everything that the club lacks, take its news, end.\n"
    "run    do that for ever; SIGUSR1 = now, SIGTERM = end.\n"
    "\n"
    "  --db FILE         the terminal's database\n"
    "  --identity DIR    the terminal's key and certificates\n"
    "  --club HOST:PORT  the club (default: as enrolled)\n"
    "  --ca FILE         the club's CA certificate (default: as enrolled)\n"
    "  --name NAME       the name in the club's certificate (default: HOST)\n"
    "  --code CODE       the one-time code from the club's operator\n"
    "  --board NAME      what the club shows to its operator (default: sim)\n"
    "  --wait SECONDS    enrol: how long to wait for the approval (default: 0); with more than\n"
    "                    900 also for a person who makes a refused code good\n"
    "  --interval S      run: time between two contacts (default: 60)\n"
    "  --batch N         entries a round trip, 1..1000 (default: 500)\n"
    "  --timeout S       bound of each phase of a round trip (default: 120)\n"
    "\n"
    "Of a device that boots one of our images (once, run):\n"
    "  --device FILE     what it says of itself; the club is told\n"
    "  --updates DIR     run: bundles that the club wants on it come here\n"
    "  --update-rate N   bytes a second of a bundle, 1024.. (default: 32768)\n"
    "  --clock FILE      what the club's clock says, for the device to set its own\n"
    "  --log FILE        its log; the club gets it when it asks and support is on (vafa-till "
    "support)\n"
    "\n"
    "Ends with 0: done. 1: not now, try again. 2: wrong usage. 3: a person must act.\n";

enum { EXIT_DONE = 0, EXIT_LATER = 1, EXIT_USAGE = 2, EXIT_PERSON = 3 };

enum {
    RETRY_FIRST_MS = 2000,
    RETRY_MAX_MS = 5 * 60 * 1000,
    /* What only a person can end is asked about rarely, so that it ends by itself once they did. */
    RETRY_PERSON_MS = 15 * 60 * 1000,
    CLOCK_SET_MS = 3000, /* the device has set its clock by then */
    ENROL_RETRY_FIRST_MS = 500,
    ENROL_RETRY_MAX_MS = 30 * 1000,
};

#define FIRMWARE_VERSION "0.1.0"

struct options {
    const char *command, *db, *folder, *club, *ca, *name, *code, *board;
    const char *device, *updates, *log, *clock;
    uint32_t wait_s, interval_s, batch, timeout_s, update_rate;
};

struct sync {
    struct options options;
    struct identity identity;
    struct store *store;
    struct line *line;
    struct client *client;
    struct upkeep *upkeep;
    struct renew renew;
    struct tls_config tls;
    char club[TLS_NAME_MAX + TLS_PORT_MAX + 4];
    char host[TLS_NAME_MAX + 1];
    char port[TLS_PORT_MAX + 1];
    int wake_fd; /* readable = SIGUSR1 came */
};

static void say(const char *text)
{
    (void)fprintf(stderr, "vafa-sync: %s\n", text); /* nobody could be told of its failure */
}

static int exit_code(enum st st)
{
    return st == ST_OK ? EXIT_DONE : client_needs_person(st) ? EXIT_PERSON : EXIT_LATER;
}

/* --- options ---------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number < min || number > max) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

static bool read_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'd':
        options->db = value;
        return true;
    case 'i':
        options->folder = value;
        return true;
    case 'c':
        options->club = value;
        return true;
    case 'a':
        options->ca = value;
        return true;
    case 'n':
        options->name = value;
        return strlen(value) <= TLS_NAME_MAX;
    case 'o':
        options->code = value;
        return value[0] != '\0' && strlen(value) <= WIRE_CODE_MAX;
    case 'b':
        options->board = value;
        return strlen(value) <= WIRE_BOARD_MAX;
    case 'w':
        return read_number(value, 0, 7 * 86400, &options->wait_s);
    case 'v':
        return read_number(value, 1, 86400, &options->interval_s);
    case 'm':
        return read_number(value, 1, WIRE_ENTRIES_MAX, &options->batch);
    case 't':
        return read_number(value, 1, 3600, &options->timeout_s);
    case 'e':
        options->device = value;
        return true;
    case 'u':
        options->updates = value;
        return true;
    case 'r':
        return read_number(value, 1024, 1 << 30, &options->update_rate);
    case 'l':
        options->log = value;
        return true;
    case 'k':
        options->clock = value;
        return true;
    default:
        return false;
    }
}

static bool read_options(int argc, char **argv, struct options *ret)
{
    static const struct option names[] = {
        {"db", required_argument, NULL, 'd'},
        {"identity", required_argument, NULL, 'i'},
        {"club", required_argument, NULL, 'c'},
        {"ca", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"code", required_argument, NULL, 'o'},
        {"board", required_argument, NULL, 'b'},
        {"wait", required_argument, NULL, 'w'},
        {"interval", required_argument, NULL, 'v'},
        {"batch", required_argument, NULL, 'm'},
        {"timeout", required_argument, NULL, 't'},
        {"device", required_argument, NULL, 'e'},
        {"updates", required_argument, NULL, 'u'},
        {"update-rate", required_argument, NULL, 'r'},
        {"log", required_argument, NULL, 'l'},
        {"clock", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.board = "sim",
                            .interval_s = 60,
                            .batch = 500,
                            .timeout_s = 120,
                            .update_rate = FETCH_RATE_DEFAULT,
                            .command = argv[1]};
    if (argc < 2) {
        return false;
    }
    optind = 2;
    for (int option = getopt_long(argc, argv, "", names, NULL); option != -1;
         option = getopt_long(argc, argv, "", names, NULL)) {
        if (!read_option(ret, option, optarg)) {
            return false;
        }
    }
    bool is_enrol = strcmp(ret->command, "enrol") == 0;
    return optind == argc && ret->db != NULL && ret->folder != NULL &&
           (is_enrol ? ret->club != NULL && ret->ca != NULL && ret->code != NULL
                     : strcmp(ret->command, "once") == 0 || strcmp(ret->command, "run") == 0);
}

/* Splits "host:port" or "[address]:port". */
static bool split_club(struct sync *sync)
{
    const char *text = sync->club;
    const char *colon = strrchr(text, ':');
    uint32_t port = 0;
    if (colon == NULL || !read_number(colon + 1, 1, 65535, &port)) {
        return false;
    }
    size_t size = (size_t)(colon - text);
    if (size > 2 && text[0] == '[' && text[size - 1] == ']') {
        text += 1;
        size -= 2;
    }
    if (size == 0 || size > TLS_NAME_MAX || strcspn(text, "\r\n \t/[]") < size) {
        return false;
    }
    (void)snprintf(sync->host, sizeof sync->host, "%.*s", (int)size, text);
    (void)snprintf(sync->port, sizeof sync->port, "%u", (unsigned)port);
    return true;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* TERM and INT become readable on one descriptor, USR1 on the other: no handler, no race. */
static bool catch_signals(int *ret_stop_fd, int *ret_wake_fd)
{
    sigset_t stop;
    sigset_t wake;
    sigset_t both;
    (void)sigemptyset(&stop); /* these cannot fail with valid numbers */
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)sigemptyset(&wake);
    (void)sigaddset(&wake, SIGUSR1);
    both = stop;
    (void)sigaddset(&both, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &both, NULL) != 0) {
        return false;
    }
    *ret_stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    *ret_wake_fd = signalfd(-1, &wake, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret_stop_fd >= 0 && *ret_wake_fd >= 0;
}

enum slept { SLEPT, SLEPT_WOKEN, SLEPT_STOPPED };

/* At most until SIGUSR1 or until asked to stop. */
static enum slept doze_ms(const struct sync *sync, int64_t time_ms)
{
    struct pollfd fds[2] = {{.fd = sync->tls.stop_fd, .events = POLLIN},
                            {.fd = sync->wake_fd, .events = POLLIN}};
    (void)poll(fds, 2, (int)time_ms); /* a failure only shortens the sleep */
    struct signalfd_siginfo info;
    while (read(sync->wake_fd, &info, sizeof info) > 0) {
        /* Several calls to wake up are one. */
    }
    return fds[0].revents != 0 ? SLEPT_STOPPED : fds[1].revents != 0 ? SLEPT_WOKEN : SLEPT;
}

/* False: asked to stop. */
static bool sleep_ms(const struct sync *sync, uint32_t time_ms)
{
    return doze_ms(sync, time_ms) != SLEPT_STOPPED;
}

static bool is_stopped(const struct sync *sync)
{
    struct pollfd fd = {.fd = sync->tls.stop_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

/* Doubles up to the cap; half of it is chance, so that a club that comes back is not met by all its
 * terminals in the same second. */
static uint32_t back_off_ms(uint32_t *delay_ms, uint32_t max_ms)
{
    uint32_t now_ms = *delay_ms < max_ms ? *delay_ms : max_ms;
    *delay_ms = now_ms * 2 < max_ms ? now_ms * 2 : max_ms;
    return random_between(now_ms / 2, now_ms);
}

/* --- the commands ----------------------------------------------------------------------------- */

/* How long until the next question; 0: there is none. A club counts the codes that it refuses, of
 * all terminals together, so a refused one is asked about rarely. */
static uint32_t enrol_again_ms(enum st st, int64_t left_ms, uint32_t *delay_ms)
{
    if (client_needs_person(st)) {
        return left_ms > RETRY_PERSON_MS ? random_between(RETRY_PERSON_MS / 2, RETRY_PERSON_MS) : 0;
    }
    const uint32_t time_ms = back_off_ms(delay_ms, ENROL_RETRY_MAX_MS);
    return left_ms <= 0 ? 0 : left_ms < time_ms ? (uint32_t)left_ms : time_ms;
}

static int enrol(struct sync *sync)
{
    const struct enrol_config config = {
        .store = sync->store,
        .line = sync->line,
        .identity = &sync->identity,
        .club = sync->club,
        .code = sync->options.code,
        .board = sync->options.board,
    };
    int64_t end_ms = clock_monotonic_ms() + (int64_t)sync->options.wait_s * 1000;
    uint32_t delay_ms = ENROL_RETRY_FIRST_MS;
    struct fault before = {""};
    for (;;) {
        struct fault fault = {""};
        enum st st = enrol_ask(&config, &fault);
        if (st == ST_OK) {
            say("Enrolled.");
            return EXIT_DONE;
        }
        const uint32_t time_ms = enrol_again_ms(st, end_ms - clock_monotonic_ms(), &delay_ms);
        if (strcmp(fault.say, before.say) != 0) {
            say(fault.say);
            if (client_needs_person(st) && time_ms != 0) {
                say("A person must act; the next question comes within 15 minutes, or at a new "
                    "start. docs/flash.md, \"Another code\", says how it gets one.");
            }
        }
        before = fault;
        line_drop(sync->line); /* the next question may be long after this one */
        if (time_ms == 0 || !sleep_ms(sync, time_ms)) {
            return exit_code(st);
        }
    }
}

/* One contact; two when the terminal has another certificate since the first, so that the club sees
 * that at once. */
static enum st contact(struct sync *sync, struct client_report *ret, struct fault *fault)
{
    enum st st = client_catch_up(sync->client, ret, fault);
    for (int i = 1; i < IDENTITY_PAIRS && st == ST_DENIED && renew_refused(&sync->renew, ret);
         i++) {
        st = client_catch_up(sync->client, ret, fault);
    }
    if (st == ST_OK && renew_after(&sync->renew, ret)) {
        return client_catch_up(sync->client, ret, fault);
    }
    if (st != ST_OK) {
        renew_unheard(&sync->renew);
    }
    return st;
}

static enum st catch_up(struct sync *sync, struct client_report *ret, struct fault *fault)
{
    enum clock_quality quality = CLOCK_UNSET;
    (void)clock_now_s(&quality);
    sync->tls.ignore_times = quality == CLOCK_UNSET;
    upkeep_before(sync->upkeep);
    enum st st = contact(sync, ret, fault);
    if (!is_stopped(sync) && client_note(sync->client, st, fault) != ST_OK) {
        say("The database does not take notes.");
    }
    if (st == ST_OK) {
        upkeep_after(sync->upkeep, ret);
    }
    return st;
}

static int once(struct sync *sync)
{
    struct client_report report;
    struct fault fault = {""};
    enum st st = catch_up(sync, &report, &fault);
    if (st != ST_OK) {
        say(fault.say);
    }
    return exit_code(st);
}

/* Waits for the next contact; meanwhile, when the last one went well, fetches what the club wants
 * on this device. False: asked to stop. */
static bool wait_for_contact(struct sync *sync, uint32_t time_ms, bool is_well)
{
    const int64_t end_ms = clock_monotonic_ms() + time_ms;
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        const int64_t piece_ms = is_well ? upkeep_due_ms(sync->upkeep) : INT64_MAX;
        const int64_t until_ms = piece_ms < end_ms ? piece_ms : end_ms;
        const enum slept slept = doze_ms(sync, until_ms > now_ms ? until_ms - now_ms : 0);
        if (slept != SLEPT) {
            return slept != SLEPT_STOPPED;
        }
        if (until_ms == end_ms) {
            return true;
        }
        const enum upkeep_next next = upkeep_step(sync->upkeep);
        if (next == UPKEEP_CONTACT) {
            return true;
        }
        is_well = next == UPKEEP_ON;
    }
}

static int run(struct sync *sync)
{
    uint32_t delay_ms = RETRY_FIRST_MS;
    uint32_t interval_ms = sync->options.interval_s * 1000;
    bool was_well = true;
    for (;;) {
        struct client_report report = {0};
        struct fault fault = {""};
        enum st st = catch_up(sync, &report, &fault);
        uint32_t time_ms = 0;
        if (st == ST_OK) {
            delay_ms = RETRY_FIRST_MS;
            time_ms = upkeep_sets_clock(sync->upkeep)
                          ? CLOCK_SET_MS
                          : random_between(interval_ms / 4 * 3, interval_ms / 4 * 5);
        } else if (client_needs_person(st)) {
            time_ms = random_between(RETRY_PERSON_MS / 2, RETRY_PERSON_MS);
        } else {
            time_ms = back_off_ms(&delay_ms, RETRY_MAX_MS);
            uint32_t wish_ms = (uint32_t)report.retry_after_s * 1000;
            time_ms = time_ms > wish_ms ? time_ms : wish_ms;
        }
        if (st != ST_OK && !is_stopped(sync)) {
            say(fault.say);
        } else if (st == ST_OK && !was_well) {
            say("In contact with the club again.");
        }
        was_well = st == ST_OK;
        if (!wait_for_contact(sync, time_ms, was_well)) {
            return EXIT_DONE;
        }
    }
}

static enum st find_club(struct sync *sync, struct fault *fault)
{
    const char *given = sync->options.club;
    if (given != NULL) {
        if (strlen(given) < sizeof sync->club) {
            (void)snprintf(sync->club, sizeof sync->club, "%s", given);
        }
    } else if (setting_get(sync->store, "club", sync->club, sizeof sync->club) != ST_OK) {
        fault_say(fault, "This terminal is not enrolled: run vafa-sync enrol.");
        return ST_REFUSED;
    }
    if (!split_club(sync)) {
        fault_say(fault, "The club's address must be HOST:PORT.");
        return ST_REFUSED;
    }
    return ST_OK;
}

static enum st open_all(struct sync *sync, bool is_enrol, struct fault *fault)
{
    const struct options *options = &sync->options;
    /* What the version before could not use any more is the terminal's to make: docs/storage.md. */
    struct store_config store_config = {
        .path = options->db, .create = is_enrol, .keep_readable = true};
    enum st st = store_open(&store_config, &sync->store, fault);
    if (st != ST_OK || (st = find_club(sync, fault)) != ST_OK ||
        (st = identity_init(options->folder, &sync->identity, fault)) != ST_OK) {
        return st;
    }
    int stop_fd = sync->tls.stop_fd;
    sync->tls = (struct tls_config){
        .host = sync->host,
        .port = sync->port,
        .name = options->name,
        .ca_file = options->ca != NULL ? options->ca : sync->identity.ca,
        .cert_file = is_enrol ? NULL : sync->identity.certificate,
        .key_file = is_enrol ? NULL : sync->identity.key,
        .stop_fd = stop_fd,
        .timeout_ms = (int)(options->timeout_s * 1000),
    };
    enum clock_quality quality = CLOCK_UNSET;
    (void)clock_now_s(&quality);
    sync->tls.ignore_times = quality == CLOCK_UNSET;
    st = line_open(&sync->tls, &sync->line);
    if (st == ST_OK) {
        struct client_config config = {.store = sync->store,
                                       .line = sync->line,
                                       .batch = options->batch,
                                       .database = options->db,
                                       .firmware = FIRMWARE_VERSION};
        st = client_open(&config, &sync->client);
    }
    if (st != ST_OK) {
        fault_say(fault, "There is no memory left.");
        return st;
    }
    const struct renew_config renew = {.store = sync->store,
                                       .line = sync->line,
                                       .tls = &sync->tls,
                                       .identity = &sync->identity,
                                       .say = say};
    renew_init(&renew, &sync->renew);
    const struct upkeep_config upkeep = {.store = sync->store,
                                         .line = sync->line,
                                         .client = sync->client,
                                         .firmware = FIRMWARE_VERSION,
                                         .device = options->device,
                                         .updates = options->updates,
                                         .log = options->log,
                                         .clock = options->clock,
                                         .rate = options->update_rate,
                                         .say = say};
    return upkeep_open(&upkeep, &sync->upkeep, fault);
}

int main(int argc, char **argv)
{
    static struct sync sync;
    struct fault fault = {""};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout); /* nobody could be told of its failure */
        return EXIT_DONE;
    }
    (void)umask(
        027); /* the database holds what members did: their owner and the group of both processes */
    if (!read_options(argc, argv, &sync.options)) {
        (void)fputs(usage, stderr); /* nobody could be told of its failure */
        return EXIT_USAGE;
    }
    if (!catch_signals(&sync.tls.stop_fd, &sync.wake_fd)) {
        say("Cannot catch signals.");
        return EXIT_LATER;
    }
    bool is_enrol = strcmp(sync.options.command, "enrol") == 0;
    enum st st = open_all(&sync, is_enrol, &fault);
    int code = exit_code(st);
    if (st != ST_OK) {
        say(fault.say);
    } else if (is_enrol) {
        code = enrol(&sync);
    } else {
        code = strcmp(sync.options.command, "once") == 0 ? once(&sync) : run(&sync);
    }
    upkeep_close(sync.upkeep);
    client_close(sync.client);
    line_close(sync.line);
    store_close(sync.store);
    return code;
}
