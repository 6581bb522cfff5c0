#include "hal/keystore_ceremony.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "hal/keystore_memory.h"

enum { LINE_MAX_BYTES = 160, TRIES_AT_TERMINAL = 3 };

/* In locked memory. */
struct room {
    const struct ceremony *ceremony;
    struct fault *fault;
    struct keystore *there; /* what the store holds already, or NULL */
    bool is_terminal;
    uint8_t half[CEREMONY_CUSTODIANS_MAX][KEY_MASTERS][KEY_MASTER_BYTES];
    struct keystore_entry entries[KEY_MASTERS];
    size_t count;
    char line[LINE_MAX_BYTES];
};

/* --- lines ---------------------------------------------------------------------------------- */

static struct termios with_echo;

/* A terminal must not stay mute because somebody pressed Ctrl-C. */
static void on_signal(int signal_number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &with_echo);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void echo_off(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct termios mute;

    if (tcgetattr(STDIN_FILENO, &with_echo) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i += 1) {
        signal(signals[i], on_signal);
    }
    mute = with_echo;
    mute.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute);
}

static void echo_on(void)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &with_echo);
    fputc('\n', stderr);
}

/* One line without its blanks into room->line; byte by byte, so that no buffer keeps a half. */
static enum st read_line(struct room *room, bool is_secret)
{
    size_t size = 0;
    bool is_long = false;
    char c = '\0';
    ssize_t got = 0;

    bytes_wipe(room->line, sizeof room->line);
    if (is_secret && room->is_terminal) {
        echo_off();
    }
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 || (got < 0 && errno == EINTR)) {
        if (got != 1 || (c != '\n' && isspace((unsigned char)c))) {
            continue;
        }
        if (c == '\n') {
            break;
        }
        is_long = is_long || size + 1 >= sizeof room->line;
        if (!is_long) {
            room->line[size] = c;
            size += 1;
        }
    }
    if (is_secret && room->is_terminal) {
        echo_on();
    }
    if (got != 1 && size == 0) {
        fault_say(room->fault, "The input ended too early. Nothing was written.");
        return ST_REFUSED;
    }
    if (is_long) {
        fault_say(room->fault, "A line is too long. Nothing was written.");
        return ST_REFUSED;
    }
    return ST_OK;
}

/* --- one half --------------------------------------------------------------------------------- */

static bool is_one_byte(const uint8_t key[KEY_MASTER_BYTES])
{
    uint8_t differ = 0;
    for (size_t i = 1; i < KEY_MASTER_BYTES; i += 1) {
        differ = (uint8_t)(differ | (key[i] ^ key[0]));
    }
    return differ == 0;
}

static enum st read_half(struct room *room, unsigned custodian, unsigned master)
{
    uint8_t *half = room->half[custodian][master];
    uint8_t check[KEYSTORE_CHECK_BYTES];
    char text[2 * KEYSTORE_CHECK_BYTES + 1];
    const char *name = keystore_master_name((enum key_master)master);

    fprintf(stderr, "custodian %u, %s version %u, half (32 digits, not shown): ", custodian + 1,
            name, room->ceremony->version);
    enum st st = read_line(room, true);
    if (st != ST_OK) {
        return st;
    }
    if (hex_decode(room->line, half, KEY_MASTER_BYTES) != ST_OK) {
        fault_say(room->fault,
                  "custodian %u, %s: a half is 32 digits 0-9 a-f; this was %zu characters. Nothing "
                  "was written.",
                  custodian + 1, name, strlen(room->line));
        return ST_REFUSED;
    }
    if (is_one_byte(half)) {
        fault_say(room->fault,
                  "custodian %u, %s: this half is one byte repeated, not random. Nothing was "
                  "written.",
                  custodian + 1, name);
        return ST_REFUSED;
    }
    keystore_key_check(half, check);
    hex_encode(check, sizeof check, text);
    fputs("  the check value on your sheet: ", stderr);
    st = read_line(room, false);
    if (st == ST_OK && strcasecmp(room->line, text) != 0) {
        fault_say(
            room->fault,
            "custodian %u, %s: the check value is %s, not %.8s: a digit is wrong. Nothing was "
            "written.",
            custodian + 1, name, text, room->line);
        st = ST_REFUSED;
    } else if (st == ST_OK) {
        fprintf(stderr, "  check value %s: right\n", text);
    }
    return st;
}

/* A person at a terminal may correct a slip; a script may not guess. */
static enum st read_half_with_tries(struct room *room, unsigned custodian, unsigned master)
{
    enum st st = read_half(room, custodian, master);

    for (unsigned tries = 1; st == ST_REFUSED && room->is_terminal && tries < TRIES_AT_TERMINAL;
         tries += 1) {
        fprintf(stderr, "  %s\n  Once more.\n", room->fault->say);
        st = read_half(room, custodian, master);
    }
    return st;
}

/* --- all of them ------------------------------------------------------------------------------ */

static enum st combine(struct room *room, unsigned master)
{
    const struct ceremony *ceremony = room->ceremony;
    struct keystore_entry *entry = &room->entries[room->count];
    const char *name = keystore_master_name((enum key_master)master);

    *entry =
        (struct keystore_entry){.master = (enum key_master)master, .version = ceremony->version};
    for (unsigned i = 0; i < ceremony->custodians; i += 1) {
        for (unsigned other = 0; other < i; other += 1) {
            if (bytes_equal_secret(room->half[i][master], room->half[other][master],
                                   KEY_MASTER_BYTES)) {
                fault_say(room->fault,
                          "%s: custodians %u and %u have the same half, so the key would be weak. "
                          "Nothing was written.",
                          name, other + 1, i + 1);
                return ST_REFUSED;
            }
        }
        for (size_t at = 0; at < KEY_MASTER_BYTES; at += 1) {
            entry->key[at] ^= room->half[i][master][at];
        }
    }
    if (is_one_byte(entry->key)) {
        fault_say(room->fault,
                  "%s: the halves give a key of one byte repeated. Nothing was written.", name);
        return ST_REFUSED;
    }
    for (size_t i = 0; i < room->count; i += 1) {
        if (bytes_equal_secret(room->entries[i].key, entry->key, KEY_MASTER_BYTES)) {
            fault_say(room->fault, "%s and %s are the same key. Nothing was written.",
                      keystore_master_name(room->entries[i].master), name);
            return ST_REFUSED;
        }
    }
    room->count += 1;
    return ST_OK;
}

/* The same key under another name or version would undo what roles and key rolls are for. Stores
 * show check values only, so one in 16 million good keys is refused too. */
static enum st compare_with_store(struct room *room, const struct keystore_entry *entry)
{
    uint8_t check[KEYSTORE_CHECK_BYTES], there[KEYSTORE_CHECK_BYTES];

    keystore_key_check(entry->key, check);
    for (unsigned i = 0; room->there != NULL && i < KEYSTORE_ENTRIES_MAX; i += 1) {
        const enum key_master master = (enum key_master)(i % KEY_MASTERS);
        const uint8_t version = (uint8_t)(i / KEY_MASTERS);
        if (keystore_check_value(room->there, master, version, there) == ST_OK &&
            memcmp(check, there, sizeof check) == 0) {
            fault_say(
                room->fault,
                "%s: this key is in the store already, as %s version %u. Nothing was written.",
                keystore_master_name(entry->master), keystore_master_name(master), version);
            return ST_REFUSED;
        }
    }
    return ST_OK;
}

/* Before anybody types: is there room for what will come? */
static enum st look(struct room *room)
{
    const struct ceremony *ceremony = room->ceremony;
    uint8_t check[KEYSTORE_CHECK_BYTES];

    const enum st st = keystore_look(ceremony->where, &room->there, room->fault);
    if (st != ST_OK || room->there == NULL) {
        return st;
    }
    const bool is_roll = ceremony->version > keystore_version(room->there);
    for (unsigned i = 0; i < KEY_MASTERS; i += 1) {
        const enum key_master master = (enum key_master)i;
        const bool is_there =
            keystore_check_value(room->there, master, ceremony->version, check) == ST_OK;
        if (ceremony->wants[i] && is_there) {
            fault_say(room->fault, "The store has %s of version %u already.",
                      keystore_master_name(master), ceremony->version);
            return ST_REFUSED;
        }
        /* New cards get one version for all their keys. */
        if (is_roll && !ceremony->wants[i] && !is_there &&
            keystore_check_value(room->there, master, keystore_version(room->there), check) ==
                ST_OK) {
            fault_say(room->fault,
                      "A key roll takes all roles of the store: %s needs a version %u too.",
                      keystore_master_name(master), ceremony->version);
            return ST_REFUSED;
        }
    }
    return ST_OK;
}

static enum st confirm(struct room *room)
{
    for (size_t i = 0; i < room->count; i += 1) {
        uint8_t check[KEYSTORE_CHECK_BYTES];
        char text[2 * KEYSTORE_CHECK_BYTES + 1];
        keystore_key_check(room->entries[i].key, check);
        hex_encode(check, sizeof check, text);
        fprintf(stderr, "%s version %u: check value %s\n",
                keystore_master_name(room->entries[i].master), room->entries[i].version, text);
    }
    fprintf(stderr, "All custodians: are these the values of the record? Then type yes: ");
    const enum st st = read_line(room, false);
    if (st == ST_OK && strcmp(room->line, "yes") != 0) {
        fault_say(room->fault, "The answer was not yes. Nothing was written.");
        return ST_REFUSED;
    }
    return st;
}

static enum st gather(struct room *room)
{
    const struct ceremony *ceremony = room->ceremony;
    enum st st = look(room);

    for (unsigned custodian = 0; custodian < ceremony->custodians; custodian += 1) {
        if (st == ST_OK && room->is_terminal) {
            fprintf(stderr, "\nCustodian %u, alone at the keys.\n", custodian + 1);
        }
        for (unsigned master = 0; master < KEY_MASTERS && st == ST_OK; master += 1) {
            if (ceremony->wants[master]) {
                st = read_half_with_tries(room, custodian, master);
            }
        }
    }
    for (unsigned master = 0; master < KEY_MASTERS && st == ST_OK; master += 1) {
        if (ceremony->wants[master]) {
            st = combine(room, master);
            st = st == ST_OK ? compare_with_store(room, &room->entries[room->count - 1]) : st;
        }
    }
    return st == ST_OK ? confirm(room) : st;
}

enum st keystore_ceremony(const struct ceremony *ceremony, struct fault *fault)
{
    void *memory = NULL;
    assert(ceremony->version < KEYSTORE_VERSIONS);
    assert(ceremony->custodians >= CEREMONY_CUSTODIANS_MIN &&
           ceremony->custodians <= CEREMONY_CUSTODIANS_MAX);

    enum st st = keystore_memory_allocate(sizeof(struct room), &memory, fault);
    if (st != ST_OK) {
        return st;
    }
    struct room *room = memory;
    room->ceremony = ceremony;
    room->fault = fault;
    room->is_terminal = isatty(STDIN_FILENO) == 1;
    st = gather(room);
    keystore_close(room->there);
    if (st == ST_OK) {
        st = keystore_add(ceremony->where, room->entries, room->count, fault);
    }
    keystore_memory_free(memory, sizeof *room);
    return st;
}
