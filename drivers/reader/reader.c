#include "drivers/reader/reader.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "drivers/reader/child.h"
#include "drivers/reader/message.h"
#include "hal/base/bytes.h"

enum {
    /* The process's own deadline lies this much before ours, so that it can say what was wrong. */
    HEADSTART_MS = 30,
    CLOSE_MS = 500, /* InRelease, field off, PowerDown: some 20 ms when the reader answers */
    TIMEOUT_MS_MAX = 30000,
};

static const char NONSENSE[] =
    "The card reader is away: its program talks nonsense and is restarted.";
static const char SILENT[] = "The card reader does not answer; check its cable and its power.";

enum supervision {
    AWAY,    /* no process; one is started at `due_ms` */
    OPENING, /* started; killed at `due_ms` unless it said OPENED */
    UP,
    DYING, /* ended or killed; to be reaped, then started anew */
};

struct reader_driver {
    char program[READER_PROGRAM_MAX + 1];
    char connection[READER_CONNECTION_MAX + 1];
    bool keep_stderr;

    struct child child;
    enum supervision state;
    int64_t due_ms;
    unsigned starts;
    unsigned failures;   /* since the last answer: sets the pace of restarts */
    unsigned deaths;     /* of all time: shows a call that something failed while it waited */
    bool cause_is_known; /* DYING: the sentence is written; what waitpid says adds nothing */
    bool has_card;       /* this process has selected one */
    struct fault fault;

    uint32_t last_id;
    bool is_pending; /* request `last_id` has no answer yet */
    int64_t pending_until_ms;
    struct reader_message message; /* the last one received */
};

static int64_t now_ms(void)
{
    struct timespec now;
    const int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- supervision ---------------------------------------------------------------------------- */

/* Ends the process, whatever it does. It is reaped and replaced as time goes on. */
static void give_up(struct reader_driver *driver)
{
    child_kill(&driver->child);
    driver->state = DYING;
    driver->is_pending = false;
    driver->has_card = false;
    driver->failures += 1;
    driver->deaths += 1;
    bytes_wipe(&driver->message, sizeof driver->message);
}

static void give_up_because(struct reader_driver *driver, const char *sentence)
{
    fault_say(&driver->fault, "%s", sentence);
    driver->cause_is_known = true;
    give_up(driver);
}

/* Names the port without libnfc's driver name and speed around it. */
static void say_port_missing(struct reader_driver *driver)
{
    const char *colon = strchr(driver->connection, ':');
    const char *port = colon == NULL ? driver->connection : colon + 1;
    fault_say(&driver->fault, "The card reader is away: there is no %.*s. Plug it in.",
              (int)(strcspn(port, ":") > 80 ? 80 : strcspn(port, ":")), port);
}

/* What waitpid said, as a sentence. An exit code is the child's own claim, a signal the kernel's.
 */
static void say_cause(struct reader_driver *driver, int wait_status)
{
    struct fault *fault = &driver->fault;
    if (WIFSIGNALED(wait_status)) {
        fault_say(fault,
                  "The card reader is away: its program ended by signal %d and is restarted.",
                  WTERMSIG(wait_status));
        return;
    }
    switch (WEXITSTATUS(wait_status)) {
    case READER_EXIT_USAGE:
    case READER_EXIT_PARENT:
    case READER_EXIT_CONFINE:
        fault_say(fault, "The card reader is away: its program and this one do not fit together. "
                         "Install the terminal's software again.");
        return;
    case READER_EXIT_PORT:
        say_port_missing(driver);
        return;
    case READER_EXIT_SILENT:
        fault_say(fault, "%s", SILENT);
        return;
    case READER_EXIT_LINE:
        fault_say(fault, "The card reader is away: its line broke or is noisy. Check its cable.");
        return;
    default:
        fault_say(fault, "The card reader is away: its program ended with %d and is restarted.",
                  WEXITSTATUS(wait_status));
        return;
    }
}

static void start(struct reader_driver *driver, int64_t now)
{
    driver->starts += 1;
    driver->cause_is_known = false;
    if (child_start(&driver->child, driver->program, driver->connection, driver->keep_stderr) ==
        ST_OK) {
        driver->state = OPENING;
        driver->due_ms = now + READER_OPEN_MS_MAX;
        return;
    }
    fault_say(&driver->fault, "The card reader is away: %.60s cannot be started (%s).",
              driver->program, strerror(errno));
    driver->failures += 1;
    driver->deaths += 1;
    driver->due_ms = now + READER_RETRY_MS_MAX;
}

static void reap(struct reader_driver *driver, int64_t now)
{
    int wait_status = 0;
    if (!child_reap(&driver->child, &wait_status)) {
        return;
    }
    if (!driver->cause_is_known) {
        say_cause(driver, wait_status);
    }
    assert(driver->failures > 0);
    const unsigned steps = driver->failures - 1;
    const unsigned wait_ms = steps >= READER_RETRY_MS_MAX / READER_RETRY_MS_STEP
                                 ? READER_RETRY_MS_MAX
                                 : steps * READER_RETRY_MS_STEP;
    driver->state = AWAY;
    driver->due_ms = now + wait_ms;
}

/* Acts on the one message that has arrived: driver->message. */
static void take_message(struct reader_driver *driver)
{
    const struct reader_message *message = &driver->message;
    if (driver->state == OPENING) {
        if (message->kind == READER_OPENED && message->id == 0 && message->body_bytes == 0) {
            driver->state = UP;
            return;
        }
    } else if (message->kind != READER_OPENED) {
        if (message->id == driver->last_id && driver->is_pending) {
            driver->is_pending = false;
            driver->failures = 0;
            return;
        }
        /* An answer that nobody waits for any more: an id lies in the past when the way back to it
         * is shorter than the way forward, as the counter may wrap. */
        if (message->id != 0 && driver->last_id - message->id < UINT32_MAX / 2) {
            return;
        }
    }
    give_up_because(driver, NONSENSE);
}

/* Takes what the socket holds, up to the awaited answer. */
static void receive(struct reader_driver *driver)
{
    uint8_t packet[READER_MESSAGE_MAX + 1]; /* one more, to see what is too long */
    const bool was_pending = driver->is_pending;
    /* Bounded: an honest process has at most two messages under way. */
    for (int i = 0; i < 8 && (driver->state == UP || driver->state == OPENING); i++) {
        const ssize_t bytes = recv(driver->child.socket, packet, sizeof packet, MSG_DONTWAIT);
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (bytes <= 0) {
            give_up(driver); /* it has ended or is about to: reap says how */
        } else if (reader_message_decode(packet, (size_t)bytes, &driver->message) != ST_OK) {
            give_up_because(driver, NONSENSE);
        } else {
            take_message(driver);
            if (was_pending && !driver->is_pending) {
                break;
            }
        }
    }
    bytes_wipe(packet, sizeof packet);
}

/* Does all that is due and does not wait. */
static void step(struct reader_driver *driver)
{
    const int64_t now = now_ms();
    if (driver->state == AWAY && now >= driver->due_ms) {
        start(driver, now);
    }
    if (driver->state == OPENING || driver->state == UP) {
        receive(driver);
    }
    const bool is_late = (driver->state == OPENING && now >= driver->due_ms) ||
                         (driver->is_pending && now >= driver->pending_until_ms);
    if (is_late) {
        give_up_because(driver, SILENT);
    }
    if (driver->state == DYING) {
        reap(driver, now);
    }
}

/* Sleeps until the process says or does something, or something is due, but not past `until_ms`. */
static void sleep_until(struct reader_driver *driver, int64_t until_ms)
{
    const int64_t now = now_ms();
    if ((driver->state == AWAY || driver->state == OPENING) && driver->due_ms < until_ms) {
        until_ms = driver->due_ms;
    }
    if (driver->is_pending && driver->pending_until_ms < until_ms) {
        until_ms = driver->pending_until_ms;
    }
    if (driver->state == DYING && driver->child.pidfd < 0 && now + 10 < until_ms) {
        until_ms = now + 10; /* nothing to poll: look again soon */
    }
    struct pollfd events[] = {{.fd = driver->child.socket, .events = POLLIN},
                              {.fd = driver->child.pidfd, .events = POLLIN}};
    if (until_ms > now) {
        (void)poll(events, 2, (int)(until_ms - now)); /* a signal only makes us look earlier */
    }
}

/* --- requests ------------------------------------------------------------------------------- */

enum outcome {
    ANSWERED, /* driver->message is the answer */
    LATE,     /* the caller's time has passed; the process still has some */
    FAILED,   /* driver->fault says why */
};

/* A failure was found: waits a little for the process's end, so that the fault can name it. */
static enum outcome failed(struct reader_driver *driver, int64_t deadline_ms)
{
    while (driver->state == DYING && now_ms() < deadline_ms) {
        sleep_until(driver, deadline_ms);
        step(driver);
    }
    return FAILED;
}

/* Waits until the process can take a request. */
static enum outcome wait_ready(struct reader_driver *driver, int64_t deadline_ms)
{
    const unsigned deaths = driver->deaths;
    step(driver);
    while (driver->deaths == deaths && (driver->state != UP || driver->is_pending)) {
        if (now_ms() >= deadline_ms) {
            return driver->state == UP ? LATE : FAILED;
        }
        sleep_until(driver, deadline_ms);
        step(driver);
    }
    return driver->deaths == deaths ? ANSWERED : failed(driver, deadline_ms);
}

static void send_request(struct reader_driver *driver, enum reader_kind kind, const uint8_t *body,
                         size_t body_bytes, unsigned value)
{
    struct reader_message request = {
        .kind = kind, .id = ++driver->last_id, .value = (uint16_t)value};
    request.body_bytes = body_bytes;
    if (body_bytes > 0) {
        memcpy(request.body, body, body_bytes);
    }
    uint8_t packet[READER_MESSAGE_MAX];
    const size_t bytes = reader_message_encode(&request, packet);
    const ssize_t sent = send(driver->child.socket, packet, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    bytes_wipe(packet, sizeof packet);
    bytes_wipe(&request, sizeof request); /* it may hold a MIFARE Classic key */
    if (sent == (ssize_t)bytes) {
        driver->is_pending = true;
    } else {
        give_up(driver);
    }
}

/* Sends one request to a process that is UP and waits for the answer. `enough_ms` is the time after
 * which the process hangs, whatever the caller's deadline. */
static enum outcome ask(struct reader_driver *driver, enum reader_kind kind, const uint8_t *body,
                        size_t body_bytes, int64_t deadline_ms, unsigned enough_ms)
{
    assert(driver->state == UP && !driver->is_pending);

    const int64_t start_ms = now_ms();
    const unsigned deaths = driver->deaths;
    const int64_t left_ms = deadline_ms > start_ms ? deadline_ms - start_ms : 1;
    const unsigned grant_ms = left_ms > enough_ms ? (unsigned)left_ms : enough_ms;
    /* A select looks for as long as the caller wants; an exchange may last until we kill. */
    const unsigned value = kind == READER_SELECT ? (unsigned)left_ms : grant_ms - HEADSTART_MS;
    driver->pending_until_ms = start_ms + grant_ms;
    send_request(driver, kind, body, body_bytes, value);

    while (driver->is_pending && driver->deaths == deaths) {
        if (now_ms() >= deadline_ms && now_ms() < driver->pending_until_ms) {
            return LATE;
        }
        sleep_until(driver, deadline_ms);
        step(driver);
    }
    if (driver->state != UP) {
        return failed(driver, deadline_ms);
    }
    if (driver->message.kind != kind) {
        give_up_because(driver, NONSENSE);
        return failed(driver, deadline_ms);
    }
    driver->fault.say[0] = '\0';
    return ANSWERED;
}

/* The answer has the right id and kind, but its content makes no sense. */
static enum st reject(struct reader_driver *driver)
{
    give_up_because(driver, NONSENSE);
    return ST_IO;
}

/* A timeout is the caller's; above TIMEOUT_MS_MAX it would not fit the message. */
static int64_t deadline_of(unsigned timeout_ms)
{
    assert(timeout_ms > 0);
    return now_ms() + (timeout_ms > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : timeout_ms);
}

static enum st reader_select(void *ctx, const uint8_t *uid, size_t uid_bytes, unsigned timeout_ms,
                             struct reader_target *ret)
{
    struct reader_driver *driver = ctx;
    assert(uid == NULL || uid_bytes == 4 || uid_bytes == 7 || uid_bytes == 10);

    const int64_t deadline_ms = deadline_of(timeout_ms);
    enum outcome outcome = wait_ready(driver, deadline_ms);
    if (outcome == ANSWERED) {
        outcome = ask(driver, READER_SELECT, uid, uid == NULL ? 0 : uid_bytes, deadline_ms,
                      READER_SELECT_MS_MIN);
    }
    if (outcome != ANSWERED) {
        return outcome == LATE ? ST_AGAIN : ST_IO;
    }
    const struct reader_message *answer = &driver->message;
    if (answer->value == READER_RESULT_NO_CARD && answer->body_bytes == 0) {
        return ST_AGAIN;
    }
    struct reader_target target;
    if (answer->value != READER_RESULT_OK ||
        reader_target_decode(answer->body, answer->body_bytes, &target) != ST_OK) {
        return reject(driver);
    }
    driver->has_card = true;
    *ret = target;
    return ST_OK;
}

static enum st reader_transceive(void *ctx, const uint8_t *tx, size_t tx_bytes, unsigned timeout_ms,
                                 uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes)
{
    struct reader_driver *driver = ctx;
    assert(tx_bytes > 0 && tx_bytes <= READER_FRAME_MAX);

    const int64_t deadline_ms = deadline_of(timeout_ms);
    step(driver);
    if (driver->state != UP) {
        (void)failed(driver, deadline_ms);
        return ST_IO;
    }
    if (!driver->has_card) {
        return ST_GONE; /* its process died since the select: a new one knows no card */
    }
    enum outcome outcome = wait_ready(driver, deadline_ms);
    if (outcome == ANSWERED) {
        outcome = ask(driver, READER_TRANSCEIVE, tx, tx_bytes, deadline_ms, READER_EXCHANGE_MS_MIN);
    }
    if (outcome != ANSWERED) {
        return outcome == LATE ? ST_GONE : ST_IO;
    }
    struct reader_message *answer = &driver->message;
    if (answer->value == READER_RESULT_DENIED && answer->body_bytes == 0) {
        return ST_DENIED;
    }
    if (answer->value == READER_RESULT_GONE && answer->body_bytes == 0) {
        return ST_GONE;
    }
    if (answer->value != READER_RESULT_OK) {
        return reject(driver);
    }
    if (answer->body_bytes > rx_max) {
        return ST_GONE; /* a card that says more than it may: a bad answer */
    }
    memcpy(rx, answer->body, answer->body_bytes);
    *ret_rx_bytes = answer->body_bytes;
    return ST_OK;
}

static enum st reader_deselect(void *ctx, unsigned timeout_ms)
{
    struct reader_driver *driver = ctx;
    const int64_t deadline_ms = deadline_of(timeout_ms);
    step(driver);
    if (driver->state != UP) {
        (void)failed(driver, deadline_ms);
        return ST_IO;
    }
    if (!driver->has_card) {
        return ST_OK;
    }
    enum outcome outcome = wait_ready(driver, deadline_ms);
    if (outcome == ANSWERED) {
        outcome = ask(driver, READER_DESELECT, NULL, 0, deadline_ms, READER_SELECT_MS_MIN);
    }
    if (outcome != ANSWERED) {
        return ST_IO;
    }
    if (driver->message.value != READER_RESULT_OK || driver->message.body_bytes != 0) {
        return reject(driver);
    }
    driver->has_card = false;
    return ST_OK;
}

/* --- life ----------------------------------------------------------------------------------- */

static bool fits(const char *text, size_t bytes_max)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= bytes_max;
}

enum st reader_open(const struct reader_config *config, struct reader_driver **ret_driver,
                    struct fault *fault)
{
    if (!fits(config->program, READER_PROGRAM_MAX)) {
        fault_say(fault, "Name the program vafa-reader, in at most %d bytes.", READER_PROGRAM_MAX);
        return ST_REFUSED;
    }
    if (!fits(config->connection, READER_CONNECTION_MAX)) {
        fault_say(fault, "Name the card reader (pn532_uart:/dev/ttyS1), in at most %d bytes.",
                  READER_CONNECTION_MAX);
        return ST_REFUSED;
    }
    struct reader_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        fault_say(fault, "There is no memory for the card reader's driver.");
        return ST_FULL;
    }
    (void)memcpy(driver->program, config->program, strlen(config->program) + 1);
    (void)memcpy(driver->connection, config->connection, strlen(config->connection) + 1);
    driver->keep_stderr = config->keep_stderr;
    child_init(&driver->child);
    driver->state = AWAY;
    fault_say(&driver->fault, "The card reader is starting; if this lasts, check its cable.");
    driver->due_ms = now_ms();
    step(driver);
    *ret_driver = driver;
    return ST_OK;
}

struct reader reader_seam(struct reader_driver *driver)
{
    static const struct reader_ops ops = {
        .select = reader_select,
        .transceive = reader_transceive,
        .deselect = reader_deselect,
    };
    return (struct reader){.ops = &ops, .ctx = driver};
}

bool reader_is_up(struct reader_driver *driver)
{
    step(driver);
    return driver->state == UP;
}

const char *reader_fault(const struct reader_driver *driver)
{
    return driver->fault.say;
}

unsigned reader_starts(const struct reader_driver *driver)
{
    return driver->starts;
}

void reader_close(struct reader_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    child_close(&driver->child, driver->state == UP ? CLOSE_MS : 0);
    bytes_wipe(driver, sizeof *driver);
    free(driver);
}
