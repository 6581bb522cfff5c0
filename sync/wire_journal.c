#include "sync/wire_journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct wire_journal {
    FILE *file;
    uint32_t terminal;
    uint32_t line;        /* number of the one that was read last */
    uint32_t after, last; /* entries that have come, and that will have at the end */
    bool has_begun, has_ended;
    char text[WIRE_JOURNAL_LINE_MAX + 2]; /* the line, its end and a NUL */
};

#define HEAD "vafa-journal 1 terminal "

void wire_journal_head(uint32_t terminal, char ret_line[WIRE_JOURNAL_HEAD_MAX])
{
    assert(terminal >= 1 && terminal <= WIRE_TERMINAL_MAX);
    (void)snprintf(ret_line, WIRE_JOURNAL_HEAD_MAX, HEAD "%" PRIu32 "\n", terminal);
}

/* The next line without its end. *ret_is_there is false behind the last one. */
static enum st read_line(struct wire_journal *journal, size_t *ret_size, bool *ret_is_there,
                         struct fault *fault)
{
    *ret_is_there = fgets(journal->text, sizeof journal->text, journal->file) != NULL;
    if (ferror(journal->file) != 0) {
        fault_say(fault, "The file cannot be read.");
        return ST_IO;
    }
    if (!*ret_is_there) {
        return ST_OK;
    }
    journal->line += 1;
    const size_t size = strlen(journal->text);
    if (size == 0 || journal->text[size - 1] != '\n') {
        fault_say(fault, "The file is cut or damaged in line %" PRIu32 ": copy it again.",
                  journal->line);
        return ST_FOREIGN;
    }
    journal->text[size - 1] = '\0';
    *ret_size = size - 1;
    return ST_OK;
}

static bool read_head(const char *line, uint32_t *ret_terminal)
{
    char again[WIRE_JOURNAL_HEAD_MAX];
    if (strncmp(line, HEAD, sizeof HEAD - 1) != 0) {
        return false;
    }
    char *end = NULL;
    const unsigned long number = strtoul(line + sizeof HEAD - 1, &end, 10);
    if (number < 1 || number > WIRE_TERMINAL_MAX || *end != '\0') {
        return false;
    }
    *ret_terminal = (uint32_t)number;
    wire_journal_head(*ret_terminal, again);
    return strncmp(again, line, strlen(line)) == 0; /* no sign, blank or zero before it */
}

enum st wire_journal_open(FILE *file, struct wire_journal **ret, uint32_t *ret_terminal,
                          struct fault *fault)
{
    struct fault ignored;
    size_t size = 0;
    bool is_there = false;
    struct wire_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        fault_say(fault, "There is no memory left.");
        return ST_FULL;
    }
    journal->file = file;
    enum st st = read_line(journal, &size, &is_there, &ignored);
    if (st == ST_IO) {
        *fault = ignored;
    } else if (st != ST_OK || !is_there || !read_head(journal->text, &journal->terminal)) {
        fault_say(fault, "This is not a terminal's exported journal: vafa-export makes one.");
        st = ST_FOREIGN;
    }
    if (st != ST_OK) {
        wire_journal_close(journal);
        return st;
    }
    *ret = journal;
    *ret_terminal = journal->terminal;
    return ST_OK;
}

void wire_journal_close(struct wire_journal *journal)
{
    free(journal);
}

enum st wire_journal_is_by(struct wire_journal *journal, const struct signed_key *key, bool *ret,
                           struct fault *fault)
{
    const long at = ftell(journal->file);
    struct fault ignored;
    size_t size = 0, body_size = 0;
    bool is_there = false;
    char *body = NULL;
    *ret = at >= 0 && read_line(journal, &size, &is_there, &ignored) == ST_OK && is_there &&
           signed_open(key, WIRE_JOURNAL_TYP, journal->text, size, &body, &body_size, &ignored) ==
               ST_OK;
    free(body);
    journal->line = 1;
    if (at < 0 || fseek(journal->file, at, SEEK_SET) != 0) {
        fault_say(fault, "The file cannot be read twice: give a file on a disk.");
        return ST_IO;
    }
    return ST_OK;
}

/* Does the batch go on where the one before ended, and does it know the same end? */
static bool follows(const struct wire_journal *journal, const struct wire_sync *batch)
{
    const uint32_t left = journal->last - journal->after;
    return batch->terminal == journal->terminal && batch->after == journal->after &&
           batch->health.unsent == left && batch->entry_count <= left &&
           (batch->entry_count > 0 || left == 0);
}

static enum st check_end(struct wire_journal *journal, struct fault *fault)
{
    size_t size = 0;
    bool is_there = false;
    enum st st = read_line(journal, &size, &is_there, fault);
    if (st == ST_OK && is_there) {
        fault_say(fault, "The file goes on behind its end, in line %" PRIu32 ": copy it again.",
                  journal->line);
        st = ST_FOREIGN;
    }
    journal->has_ended = st == ST_OK;
    return st;
}

static enum st take_batch(struct wire_journal *journal, const struct wire_sync *batch,
                          struct fault *fault)
{
    if (!journal->has_begun) {
        journal->has_begun = true;
        journal->after = batch->after;
        journal->last = batch->after + batch->health.unsent; /* neither is above 2^24 */
    }
    if (!follows(journal, batch)) {
        fault_say(fault,
                  "Line %" PRIu32 " does not follow entry %" PRIu32 " of terminal %" PRIu32
                  ": lines are missing or mixed up; copy the file again.",
                  journal->line, journal->after, journal->terminal);
        return ST_FOREIGN;
    }
    journal->after += batch->entry_count;
    return batch->entry_count > 0 ? ST_OK : check_end(journal, fault);
}

enum st wire_journal_next(struct wire_journal *journal, const struct signed_key *key,
                          struct wire_sync *ret, struct fault *fault)
{
    assert(!journal->has_ended);
    size_t size = 0, body_size = 0;
    bool is_there = false;
    char *body = NULL;
    struct fault why = {""};
    enum st st = read_line(journal, &size, &is_there, fault);
    if (st == ST_OK && !is_there) {
        fault_say(fault,
                  "The file is cut behind line %" PRIu32 ", entry %" PRIu32 ": copy it again.",
                  journal->line, journal->after);
        st = ST_FOREIGN;
    }
    if (st != ST_OK) {
        return st;
    }
    st = signed_open(key, WIRE_JOURNAL_TYP, journal->text, size, &body, &body_size, &why);
    if (st == ST_FOREIGN) {
        fault_say(&why, "It is damaged, or not signed by a terminal: copy the file again.");
    } else if (st == ST_OK) {
        st = wire_sync_decode(body, body_size, ret, &why);
        st = st == ST_IO ? ST_FULL : st == ST_FULL ? ST_FOREIGN : st;
    }
    free(body);
    if (st != ST_OK) {
        fault_say(fault, "Line %" PRIu32 ": %s", journal->line,
                  st == ST_FULL ? "There is no memory left." : why.say);
        return st;
    }
    return take_batch(journal, ret, fault);
}
