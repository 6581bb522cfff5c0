#include "hal/keystore_ceremony.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hal/base/bytes.h"
#include "hal/keystore_lines.h"
#include "hal/keystore_memory.h"

enum { TRIES_AT_TERMINAL = 3 };

/* In locked memory. */
struct room {
    const struct ceremony *ceremony;
    struct fault *fault;
    struct keystore *there; /* what the store holds already, or NULL */
    uint8_t half[CEREMONY_CUSTODIANS_MAX][KEY_MASTERS][KEY_MASTER_BYTES];
    struct keystore_entry entries[KEY_MASTERS];
    size_t count;
    struct lines lines;
};

/* --- one half --------------------------------------------------------------------------------- */

static bool is_one_byte(const uint8_t key[KEY_MASTER_BYTES])
{
    uint8_t differ = 0;
    for (size_t i = 1; i < KEY_MASTER_BYTES; i += 1) {
        differ = (uint8_t)(differ | (key[i] ^ key[0]));
    }
    return differ == 0;
}

/* Without its blanks; nothing that is typed is shown, also where a half is typed by mistake. */
static enum st read_mute(struct room *room)
{
    const enum st st = lines_read(&room->lines, false, room->fault);
    lines_squeeze(&room->lines);
    return st;
}

static enum st read_check(struct room *room, unsigned custodian, const char *name,
                          const char *right)
{
    const char *typed = room->lines.text;

    fputs("  the check value on your sheet (not shown): ", stderr);
    const enum st st = read_mute(room);
    if (st != ST_OK || strcasecmp(typed, right) == 0) {
        return st;
    }
    if (strlen(typed) == strlen(right)) {
        fault_say(room->fault,
                  "custodian %u, %s: the check value is %s, not %s: a digit is wrong. Nothing was "
                  "written.",
                  custodian + 1, name, right, typed);
    } else {
        fault_say(room->fault,
                  "custodian %u, %s: a check value is 6 digits; this was %zu characters. Nothing "
                  "was written.",
                  custodian + 1, name, strlen(typed));
    }
    return ST_REFUSED;
}

static enum st read_half(struct room *room, unsigned custodian, enum key_master master,
                         uint8_t version)
{
    uint8_t *half = room->half[custodian][master];
    uint8_t check[KEYSTORE_CHECK_BYTES];
    char text[2 * KEYSTORE_CHECK_BYTES + 1];
    const char *name = keystore_master_name(master);

    fprintf(stderr, "custodian %u, %s version %u, half (32 digits, not shown): ", custodian + 1,
            name, version);
    enum st st = read_mute(room);
    if (st != ST_OK) {
        return st;
    }
    if (hex_decode(room->lines.text, half, KEY_MASTER_BYTES) != ST_OK) {
        fault_say(room->fault,
                  "custodian %u, %s: a half is 32 digits 0-9 a-f; this was %zu characters. Nothing "
                  "was written.",
                  custodian + 1, name, strlen(room->lines.text));
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
    st = read_check(room, custodian, name, text);
    if (st == ST_OK) {
        fprintf(stderr, "  check value %s: right\n", text);
    }
    return st;
}

/* A person at a terminal may correct a slip; a script may not guess. */
static enum st read_half_with_tries(struct room *room, unsigned custodian, enum key_master master,
                                    uint8_t version)
{
    enum st st = read_half(room, custodian, master, version);

    for (unsigned tries = 1;
         st == ST_REFUSED && room->lines.is_terminal && tries < TRIES_AT_TERMINAL; tries += 1) {
        fprintf(stderr, "  %s\n  Once more.\n", room->fault->say);
        st = read_half(room, custodian, master, version);
    }
    return st;
}

static void sit_down(const struct room *room, unsigned custodian)
{
    if (room->lines.is_terminal) {
        fprintf(stderr, "\nCustodian %u, alone at the keys.\n", custodian + 1);
    }
}

/* --- proof ------------------------------------------------------------------------------------ */

/* The master for new cards that can do most: whoever took the masters out of a till cannot bring
 * his own into the issuing desk. */
static enum key_master strongest(const struct keystore *there)
{
    static const enum key_master in_order[] = {MASTER_ISSUE, MASTER_LOAD,    MASTER_SPEND,
                                               MASTER_SEALS, MASTER_SECTORS, MASTER_MEDIA};
    uint8_t check[KEYSTORE_CHECK_BYTES];
    size_t i = 0;

    while (keystore_check_value(there, in_order[i], keystore_version(there), check) != ST_OK) {
        i += 1;
        assert(i < sizeof in_order / sizeof in_order[0]); /* a store has one of that version */
    }
    return in_order[i];
}

/* The halves of the store's own master, compared whole: a check value can be found by trying. */
static enum st prove(struct room *room)
{
    if (!room->ceremony->must_prove || room->there == NULL) {
        return ST_OK;
    }
    const uint8_t version = keystore_version(room->there);
    const enum key_master master = strongest(room->there);
    uint8_t *key = room->half[0][master]; /* the others are put on top of it */
    enum st st = ST_OK;

    fprintf(stderr,
            "First the custodians prove that they are the club's: with their halves of %s version "
            "%u, which is in the store.\n",
            keystore_master_name(master), version);
    for (unsigned i = 0; i < room->ceremony->custodians && st == ST_OK; i += 1) {
        sit_down(room, i);
        st = read_half_with_tries(room, i, master, version);
    }
    for (unsigned i = 1; i < room->ceremony->custodians; i += 1) {
        for (size_t at = 0; at < KEY_MASTER_BYTES; at += 1) {
            key[at] ^= room->half[i][master][at];
        }
    }
    if (st == ST_OK) {
        st = keystore_compare(room->there, master, version, key);
        fault_say(room->fault,
                  st == ST_DENIED
                      ? "These halves are not those of the store's %s version %u. "
                        "Nothing was written."
                      : "The store's %s version %u cannot be used. Nothing was written.",
                  keystore_master_name(master), version);
    }
    if (st == ST_OK) {
        fputs("\nThat is the store's master. Now the new ones.\n", stderr);
    }
    bytes_wipe(room->half, sizeof room->half);
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
    const enum st st = lines_read(&room->lines, true, room->fault);
    lines_squeeze(&room->lines);
    if (st == ST_OK && strcmp(room->lines.text, "yes") != 0) {
        fault_say(room->fault, "The answer was not yes. Nothing was written.");
        return ST_REFUSED;
    }
    return st;
}

static enum st gather(struct room *room)
{
    const struct ceremony *ceremony = room->ceremony;
    enum st st = look(room);

    st = st == ST_OK ? prove(room) : st;
    for (unsigned custodian = 0; custodian < ceremony->custodians && st == ST_OK; custodian += 1) {
        sit_down(room, custodian);
        for (unsigned master = 0; master < KEY_MASTERS && st == ST_OK; master += 1) {
            if (ceremony->wants[master]) {
                st = read_half_with_tries(room, custodian, (enum key_master)master,
                                          ceremony->version);
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
    lines_open(&room->lines, ceremony->patience_s);
    st = gather(room);
    lines_close(&room->lines);
    keystore_close(room->there);
    if (st == ST_OK) {
        st = keystore_add(ceremony->where, room->entries, room->count, fault);
    }
    keystore_memory_free(memory, sizeof *room);
    return st;
}
