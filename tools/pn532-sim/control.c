#include "tools/pn532-sim/control.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_MAX = 6,
};

/* A command under way. */
struct call {
    struct sim *sim;
    uint64_t now_us;
    FILE *answer;
    struct control_wait *wait;
    const char *words[WORDS_MAX];
    size_t count;
};

static void say_ok(const struct call *call)
{
    fputs("ok", call->answer);
}

static void say_error(const struct call *call, const char *sentence)
{
    fprintf(call->answer, "error: %s", sentence);
}

static void say_outcome(const struct call *call, const char *problem)
{
    if (problem == NULL) {
        say_ok(call);
    } else {
        say_error(call, problem);
    }
}

static bool is_word(const struct call *call, size_t at, const char *word)
{
    return at < call->count && strcmp(call->words[at], word) == 0;
}

static bool parse_number(const char *word, uint32_t max, uint32_t *ret_number)
{
    char *end;
    if (!isdigit((unsigned char)word[0])) {
        return false;
    }
    const unsigned long number = strtoul(word, &end, 10);
    if (*end != '\0' || number > max) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* Reads the number at word `at`; if it is none, says so and what is right. */
static bool need_number(const struct call *call, size_t at, const char *what, uint32_t min,
                        uint32_t max, uint32_t *ret_number)
{
    uint32_t number;
    if (at >= call->count || !parse_number(call->words[at], max, &number) || number < min) {
        fprintf(call->answer, "error: %s must be a number from %" PRIu32 " to %" PRIu32, what, min,
                max);
        return false;
    }
    *ret_number = number;
    return true;
}

/* Reads hex digits, two a byte. Returns the number of bytes, or 0 if the word is not such. */
static size_t parse_hex(const char *word, uint8_t *bytes, size_t bytes_max)
{
    const size_t digits = strlen(word);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > bytes_max) {
        return 0;
    }
    for (size_t i = 0; i < digits; i += 2) {
        char pair[3] = {word[i], word[i + 1], '\0'};
        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1])) {
            return 0;
        }
        bytes[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return digits / 2;
}

static struct stored_card *need_card(const struct call *call, size_t at)
{
    struct stored_card *stored = store_find(&call->sim->store, call->words[at]);
    if (stored == NULL) {
        fprintf(call->answer, "error: there is no card %s: make it with `new %s 1k 04a1b2c3`",
                call->words[at], call->words[at]);
    }
    return stored;
}

static void do_new(const struct call *call)
{
    struct new_card wanted;

    if (!store_parse_kind(call->words[2], &wanted)) {
        say_error(call,
                  "the kind must be 1k, 4k, desfire, ultralight, ntag213, ntag215 or ntag216");
        return;
    }
    wanted.uid_bytes = (uint8_t)parse_hex(call->words[3], wanted.uid, sizeof wanted.uid);
    if (wanted.uid_bytes != 4 && wanted.uid_bytes != 7) {
        say_error(call, "the UID must be 8 or 14 hex digits");
    } else if (wanted.uid_bytes == 4 && wanted.uid[0] == 0x88) {
        say_error(call, "a 4-byte UID cannot begin with 88, the cascade tag");
    } else {
        say_outcome(call, store_add(&call->sim->store, call->words[1], &wanted));
    }
}

static void do_list(const struct call *call)
{
    say_ok(call);
    for (size_t i = 0; i < call->sim->store.count; i++) {
        fprintf(call->answer, " %s", call->sim->store.cards[i].name);
    }
}

static void do_insert(const struct call *call)
{
    struct sim *sim = call->sim;
    struct stored_card *stored = need_card(call, 1);
    if (stored == NULL) {
        return;
    }
    if (sim_has_card(sim)) {
        if (sim->placed == stored) {
            say_ok(call);
        } else {
            fprintf(call->answer, "error: card %s lies on the reader: say `remove` first",
                    sim->placed->name);
        }
        return;
    }
    if (sim_has_beside(sim) && sim->beside == stored) {
        say_error(call, "that card lies on the reader already, as the second one");
        return;
    }
    sim_insert(sim, stored, call->now_us);
    say_ok(call);
}

static void do_beside(const struct call *call)
{
    struct sim *sim = call->sim;
    struct stored_card *stored = need_card(call, 1);
    if (stored == NULL) {
        return;
    }
    if (!sim_has_card(sim) || sim->placed == stored) {
        say_error(call, "no other card lies on the reader: say `insert NAME` first");
        return;
    }
    if (sim_has_beside(sim)) {
        fprintf(call->answer, "error: two cards lie there: say `remove %s` first",
                sim->beside->name);
        return;
    }
    const struct card_identity a = card_identify(store_card(stored));
    const struct card_identity b = card_identify(store_card(sim->placed));
    if (a.uid_bytes == b.uid_bytes && memcmp(a.uid, b.uid, a.uid_bytes) == 0) {
        say_error(call, "two cards of one UID garble each other: the model cannot do that");
        return;
    }
    sim_insert_beside(sim, stored, call->now_us);
    say_ok(call);
}

static void do_remove(const struct call *call)
{
    if (call->count == 1) {
        sim_remove(call->sim);
        say_ok(call);
        return;
    }
    struct stored_card *stored = need_card(call, 1);
    if (stored != NULL) {
        sim_remove_card(call->sim, stored);
        say_ok(call);
    }
}

static const struct {
    const char *word;
    enum classic_tear tear;
} tears[] = {
    {"old", CLASSIC_TEAR_OLD},
    {"new", CLASSIC_TEAR_NEW},
    {"torn:head", CLASSIC_TEAR_HEAD},
    {"torn:head-erased", CLASSIC_TEAR_HEAD_ERASED},
    {"torn:zeros", CLASSIC_TEAR_ZEROS},
    {"torn:ones", CLASSIC_TEAR_ONES},
    {"torn:and", CLASSIC_TEAR_AND},
    {"torn:or", CLASSIC_TEAR_OR},
    {"torn:unstable-new", CLASSIC_TEAR_UNSTABLE_NEW},
    {"torn:unstable-old", CLASSIC_TEAR_UNSTABLE_OLD},
};
_Static_assert(sizeof tears / sizeof tears[0] == CLASSIC_TEARS, "every tear has a word");

/* "old", "torn:and", or "torn:head=5" for the tears that keep a head. */
static bool parse_tear(const char *word, struct classic_cut *cut)
{
    const char *number = strchr(word, '=');
    const size_t length = number == NULL ? strlen(word) : (size_t)(number - word);

    for (size_t i = 0; i < sizeof tears / sizeof tears[0]; i++) {
        if (strlen(tears[i].word) != length || memcmp(tears[i].word, word, length) != 0) {
            continue;
        }
        const bool has_head =
            tears[i].tear == CLASSIC_TEAR_HEAD || tears[i].tear == CLASSIC_TEAR_HEAD_ERASED;
        uint32_t head = CLASSIC_BLOCK_BYTES / 2;
        if (number != NULL &&
            (!has_head || !parse_number(number + 1, CLASSIC_BLOCK_BYTES, &head))) {
            return false;
        }
        cut->tear = tears[i].tear;
        cut->head_bytes = (uint8_t)head;
        return true;
    }
    return false;
}

static void do_cut(const struct call *call)
{
    struct classic_cut cut = {.when = CLASSIC_CUT_NEVER};

    if (is_word(call, 1, "clear") && call->count == 2) {
        sim_plan_cut(call->sim, cut);
        say_ok(call);
    } else if (is_word(call, 1, "after") && call->count == 3) {
        cut.when = CLASSIC_CUT_AFTER;
        if (need_number(call, 2, "N in `cut after N`", 0, 1000000, &cut.n)) {
            sim_plan_cut(call->sim, cut);
            say_ok(call);
        }
    } else if (is_word(call, 1, "write") && call->count == 4) {
        cut.when = CLASSIC_CUT_WRITE;
        if (!need_number(call, 2, "N in `cut write N HOW`", 1, 1000000, &cut.n)) {
            return;
        }
        if (!parse_tear(call->words[3], &cut)) {
            say_error(call, "HOW must be old, new, torn:head=K, torn:head-erased=K (K bytes are "
                            "new, 0 to 16), torn:zeros, torn:ones, torn:and, torn:or, "
                            "torn:unstable-new or torn:unstable-old");
            return;
        }
        sim_plan_cut(call->sim, cut);
        say_ok(call);
    } else {
        say_error(call, "say `cut after N`, `cut write N HOW` or `cut clear`");
    }
}

static void do_dump(const struct call *call)
{
    struct stored_card *stored = need_card(call, 1);
    if (stored != NULL) {
        say_outcome(call, store_dump(store_card(stored), call->words[2]));
    }
}

static void do_load(const struct call *call)
{
    struct stored_card *stored = need_card(call, 1);
    if (stored == NULL) {
        return;
    }
    const char *problem = store_load(store_card(stored), call->words[2]);
    say_outcome(call, problem != NULL ? problem : store_save(&call->sim->store, stored));
}

/* Reads a block of a Classic, or writes it by force, past keys and access conditions; a page of an
 * Ultralight likewise. */
static void do_block(const struct call *call)
{
    struct stored_card *stored = need_card(call, 1);
    uint8_t data[CLASSIC_BLOCK_BYTES];
    uint32_t block;

    if (stored == NULL) {
        return;
    }
    const struct card card = store_card(stored);
    if (card.kind == CARD_DESFIRE) {
        say_error(call, "a DESFire has files, not blocks: read them with libfreefare, or dump it");
        return;
    }
    const bool is_classic = card.kind == CARD_CLASSIC;
    const uint32_t blocks =
        is_classic ? classic_blocks(card.classic->kind) : ultralight_pages(card.ultralight->kind);
    const size_t bytes = is_classic ? CLASSIC_BLOCK_BYTES : ULTRALIGHT_PAGE_BYTES;
    if (!need_number(call, 2, "the block", 0, blocks - 1U, &block)) {
        return;
    }
    uint8_t *memory = is_classic ? card.classic->memory[block] : card.ultralight->pages[block];
    if (call->count == 3) {
        fputs("ok ", call->answer);
        for (size_t i = 0; i < bytes; i++) {
            fprintf(call->answer, "%02x", memory[i]);
        }
        return;
    }
    if (parse_hex(call->words[3], data, bytes) != bytes) {
        say_error(call, is_classic ? "a block's content must be 32 hex digits"
                                   : "a page's content must be 8 hex digits");
        return;
    }
    memcpy(memory, data, bytes);
    if (is_classic) {
        memset(card.classic->weak[block], 0, bytes);
    }
    if (is_classic && block == 0) {
        memcpy(card.classic->uid, data, card.classic->uid_bytes);
    }
    say_outcome(call, store_save(&call->sim->store, stored));
}

static void do_count(const struct call *call)
{
    const struct sim *sim = call->sim;
    if (sim->placed == NULL) {
        fputs("ok commands=0 writes=0", call->answer);
        return;
    }
    const struct card card = store_card(sim->placed);
    fprintf(call->answer, "ok commands=%" PRIu32 " writes=%" PRIu32, card_commands(card),
            card_writes(card));
    if (card.kind == CARD_DESFIRE) {
        fprintf(call->answer, " commits=%" PRIu32, card.desfire->commits);
    }
    for (size_t i = 0; card.kind == CARD_CLASSIC && i < CLASSIC_BLOCKS_MAX; i++) {
        if (card.classic->block_writes[i] != 0) {
            fprintf(call->answer, " block%zu=%" PRIu32, i, card.classic->block_writes[i]);
        }
    }
}

static void do_reset(const struct call *call)
{
    struct sim *sim = call->sim;
    timing_log_reset(&sim->log);
    for (size_t i = 0; i < sim->store.count; i++) {
        struct stored_card *stored = &sim->store.cards[i];
        card_reset_counters(store_card(stored));
        stored->saved_writes = 0;
    }
    say_ok(call);
}

static void do_log(const struct call *call)
{
    fputs("ok ", call->answer);
    timing_log_print(&call->sim->log, call->answer);
}

static void do_baud(const struct call *call)
{
    uint32_t baud;
    if (call->count == 2) {
        if (!need_number(call, 1, "the baud rate", 9600, 1288000, &baud)) {
            return;
        }
        call->sim->chip.baud = baud;
    }
    fprintf(call->answer, "ok %" PRIu32, call->sim->chip.baud);
}

static void do_firmware(const struct call *call)
{
    uint32_t us;
    if (need_number(call, 1, "the PN532's time for a command in us", 0, 1000000, &us)) {
        call->sim->chip.firmware_us = us;
        say_ok(call);
    }
}

static void do_status_fault(const struct call *call)
{
    uint8_t status;
    if (call->count != 3 || parse_hex(call->words[2], &status, 1) != 1) {
        say_error(call, "say `fault status HH` with two hex digits, as in `fault status 01`");
        return;
    }
    call->sim->chip.faults.status = status;
    say_ok(call);
}

static void do_fault(const struct call *call)
{
    struct pn532_faults *faults = &call->sim->chip.faults;
    const bool is_single = call->count == 2;
    uint32_t number;

    if (is_word(call, 1, "mute") && (is_word(call, 2, "on") || is_word(call, 2, "off"))) {
        faults->is_mute = is_word(call, 2, "on");
    } else if (is_word(call, 1, "no-ack") && is_single) {
        faults->no_ack = true;
    } else if (is_word(call, 1, "bad-dcs") && is_single) {
        faults->bad_dcs = true;
    } else if (is_word(call, 1, "half-frame") && is_single) {
        faults->half_frame = true;
    } else if (is_word(call, 1, "garbage") && call->count == 3) {
        if (!need_number(call, 2, "N in `fault garbage N`", 1, PN532_GARBAGE_MAX, &number)) {
            return;
        }
        faults->garbage_bytes = (uint16_t)number;
    } else if (is_word(call, 1, "late") && call->count == 3) {
        if (!need_number(call, 2, "MS in `fault late MS`", 1, 60000, &number)) {
            return;
        }
        faults->late_ms = number;
    } else if (is_word(call, 1, "status")) {
        do_status_fault(call);
        return;
    } else if (is_word(call, 1, "unplug") && is_single) {
        sim_unplug(call->sim);
    } else if (is_word(call, 1, "clear") && is_single) {
        *faults = (struct pn532_faults){.status = PN532_NO_STATUS};
    } else {
        say_error(call, "say `fault` and mute on, mute off, no-ack, bad-dcs, half-frame, "
                        "garbage N, late MS, status HH, unplug or clear");
        return;
    }
    say_ok(call);
}

static void do_plug(const struct call *call)
{
    if (call->sim->line.chip_fd >= 0) {
        say_ok(call);
        return;
    }
    say_outcome(call, sim_plug(call->sim));
}

static void do_state(const struct call *call)
{
    const struct sim *sim = call->sim;
    const bool has_card = sim_has_card(sim);
    fprintf(call->answer, "ok card=%s state=%s field=%s plug=%s baud=%" PRIu32 " cut=%s",
            has_card ? sim->placed->name : "none",
            has_card ? card_state_word(store_card(sim->placed)) : "none",
            sim->chip.field_is_on ? "on" : "off", sim->line.chip_fd >= 0 ? "in" : "out",
            sim->chip.baud,
            sim_cut_is_planned(sim) ? "planned" : (sim_cut_is_done(sim) ? "done" : "none"));
    if (sim_has_beside(sim)) {
        fprintf(call->answer, " beside=%s beside_state=%s", sim->beside->name,
                card_state_word(store_card(sim->beside)));
    }
}

bool control_has_come(const struct sim *sim, const struct control_wait *wait)
{
    switch (wait->event) {
    case CONTROL_NOTHING:
        return true;
    case CONTROL_CUT:
        return sim_cut_is_done(sim);
    case CONTROL_HALTED:
        return sim_has_card(sim) && card_is_halted(store_card(sim->placed));
    case CONTROL_REMOVED:
        return !sim_has_card(sim);
    case CONTROL_COMMANDS:
        return sim->placed != NULL && card_commands(store_card(sim->placed)) >= wait->count;
    }
    return false;
}

static void do_wait(const struct call *call)
{
    struct control_wait wait = {.event = CONTROL_NOTHING};
    size_t at = 2;

    if (is_word(call, 1, "cut")) {
        wait.event = CONTROL_CUT;
        if (!sim_cut_is_planned(call->sim) && !sim_cut_is_done(call->sim)) {
            say_error(call, "no cut is planned: say `cut after N` or `cut write N HOW` first");
            return;
        }
    } else if (is_word(call, 1, "halted")) {
        wait.event = CONTROL_HALTED;
    } else if (is_word(call, 1, "removed")) {
        wait.event = CONTROL_REMOVED;
    } else if (is_word(call, 1, "commands")) {
        wait.event = CONTROL_COMMANDS;
        if (!need_number(call, 2, "N in `wait commands N SECONDS`", 0, 1000000, &wait.count)) {
            return;
        }
        at = 3;
    } else {
        say_error(call, "say `wait` and cut, halted, removed or commands N, then the seconds");
        return;
    }
    if (!need_number(call, at, "SECONDS", 0, CONTROL_WAIT_MAX_S, &wait.timeout_s)) {
        return;
    }
    if (control_has_come(call->sim, &wait)) {
        say_ok(call);
    } else {
        *call->wait = wait;
    }
}

static const struct command {
    const char *word;
    size_t count_min; /* words, the first included */
    size_t count_max;
    const char *usage;
    const char *about;
    void (*run)(const struct call *);
} commands[] = {
    {"new", 4, 4, "new NAME KIND UIDHEX", "make a card as it leaves the factory", do_new},
    {"list", 1, 1, "list", "the names of all cards", do_list},
    {"insert", 2, 2, "insert NAME", "lay a card on the reader", do_insert},
    {"beside", 2, 2, "beside NAME", "lay a second card beside it", do_beside},
    {"remove", 1, 2, "remove [NAME]", "take all cards away, or that one", do_remove},
    {"state", 1, 1, "state", "what lies on the reader and how it is", do_state},
    {"cut", 2, 4, "cut after N | write N HOW | clear", "plan that the card leaves", do_cut},
    {"wait", 3, 4, "wait cut|halted|removed|commands N SECONDS", "answer when it happened",
     do_wait},
    {"dump", 3, 3, "dump NAME FILE", "write a card's blocks into a file", do_dump},
    {"load", 3, 3, "load NAME FILE", "read a card's blocks from a file", do_load},
    {"block", 3, 4, "block NAME N [HEX]", "read or force one block", do_block},
    {"count", 1, 1, "count", "commands and writes of the card", do_count},
    {"log", 1, 1, "log", "every command with its modelled time, as JSON", do_log},
    {"reset", 1, 1, "reset", "set counters and log back to nothing", do_reset},
    {"baud", 1, 2, "baud [N]", "read or set the chip's speed", do_baud},
    {"firmware", 2, 2, "firmware US", "assume this time of the chip for a command", do_firmware},
    {"fault", 1, 3, "fault FAULT", "spoil the line or the chip; `fault` alone lists how", do_fault},
    {"plug", 1, 1, "plug", "put the plug in after `fault unplug`", do_plug},
};

void control_print_help(FILE *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(out, "  %-44s %s\n", commands[i].usage, commands[i].about);
    }
}

static void run(const struct call *call)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].word, call->words[0]) != 0) {
            continue;
        }
        if (call->count < commands[i].count_min || call->count > commands[i].count_max) {
            fprintf(call->answer, "error: say `%s`", commands[i].usage);
        } else {
            commands[i].run(call);
        }
        return;
    }
    fputs("error: there is no such command; there are:", call->answer);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(call->answer, " %s", commands[i].word);
    }
}

void control_do(struct sim *sim, const char *line, uint64_t now_us, FILE *answer,
                struct control_wait *ret_wait)
{
    char words[CONTROL_LINE_MAX];
    struct call call = {.sim = sim, .now_us = now_us, .answer = answer, .wait = ret_wait};
    char *rest = NULL;

    ret_wait->event = CONTROL_NOTHING;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (call.count == WORDS_MAX) {
            say_error(&call, "too many words: no command has more than six");
            return;
        }
        call.words[call.count] = word;
        call.count += 1;
    }
    if (call.count == 0) {
        say_error(&call, "the line is empty: say a command, as `state`");
        return;
    }
    run(&call);
}
