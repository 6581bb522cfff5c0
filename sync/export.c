#include "sync/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "hal/signed.h"
#include "sync/batch.h"
#include "sync/wire_journal.h"

enum { BATCH = 500, PATH_BYTES = 512 };

struct work {
    const struct export_config *config;
    struct export_report report;
    struct journal_counts counts;
    char key[IDENTITY_PEM_MAX + 1];
    char path[PATH_BYTES]; /* the file's name while it is not proved */
    FILE *file;
    struct journal_row rows[BATCH + 1];
    struct wire_sync batch, again;
    char text[WIRE_REQUEST_MAX];
};

static enum st file_fault(const char *what, struct fault *fault)
{
    fault_say(fault, "%s: %s.", what, strerror(errno));
    return ST_IO;
}

/* --- what goes into it ------------------------------------------------------------------------ */

static enum st read_range(struct work *work, struct fault *fault)
{
    const struct export_config *config = work->config;
    struct export_report *report = &work->report;
    enum st st = batch_terminal(config->store, &report->terminal, fault);
    if (st != ST_OK) {
        return st;
    }
    st = journal_counts(config->store, &work->counts);
    if (st == ST_OK) {
        st = sync_acknowledged(config->store, &report->after);
    }
    if (st != ST_OK) {
        return batch_store_says(config->store, st, fault);
    }
    report->last = work->counts.entries;
    if (config->after != EXPORT_FROM_ACKNOWLEDGED) {
        report->after = config->after;
    }
    if (report->after > report->last) {
        fault_say(fault,
                  "This journal has %" PRIu32 " entries: it cannot begin behind %" PRIu32 ".",
                  report->last, report->after);
        return ST_REFUSED;
    }
    return ST_OK;
}

/* The entries behind `after` into work->batch, but none beyond report.last: the terminal may be
 * selling. */
static enum st read_batch(struct work *work, uint32_t after, struct fault *fault)
{
    struct wire_sync *batch = &work->batch;
    const uint32_t left = work->report.last - after;
    enum st st = batch_entries(work->config->store, after, BATCH, work->rows, batch, fault);
    if (st != ST_OK) {
        return st;
    }
    batch->entry_count = batch->entry_count < left ? batch->entry_count : left;
    batch->terminal = work->report.terminal;
    batch->mandate = -1;
    batch->health.unsent = left;
    batch->health.pending = work->counts.pending;
    batch->health.oldest_s = work->counts.oldest_unsent_s > 0 ? work->counts.oldest_unsent_s : 0;
    return ST_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum st write_batch(struct work *work, struct fault *fault)
{
    size_t size = 0;
    char *line = NULL;
    enum st st = wire_sync_encode(&work->batch, work->text, sizeof work->text, &size);
    if (st != ST_OK) {
        fault_say(fault, "A batch could not be written: %s.", st_word(st));
        return ST_IO;
    }
    st = signed_make(work->key, WIRE_JOURNAL_TYP, work->text, size, &line, fault);
    if (st == ST_OK && fprintf(work->file, "%s\n", line) < 0) {
        st = file_fault("The export cannot be written", fault);
    }
    free(line);
    return st;
}

static enum st write_all(struct work *work, struct fault *fault)
{
    char head[WIRE_JOURNAL_HEAD_MAX];
    wire_journal_head(work->report.terminal, head);
    work->file = fopen(work->path, "wxe");
    if (work->file == NULL) {
        return file_fault(work->path, fault);
    }
    enum st st =
        fputs(head, work->file) < 0 ? file_fault("The export cannot be written", fault) : ST_OK;
    for (uint32_t after = work->report.after; st == ST_OK;) {
        st = read_batch(work, after, fault);
        if (st == ST_OK) {
            st = write_batch(work, fault);
        }
        if (work->batch.entry_count == 0) {
            break;
        }
        after += work->batch.entry_count;
    }
    if (st == ST_OK && (fflush(work->file) != 0 || fsync(fileno(work->file)) != 0)) {
        st = file_fault("The export cannot be written", fault);
    }
    if (fclose(work->file) != 0 && st == ST_OK) {
        st = file_fault("The export cannot be written", fault);
    }
    work->file = NULL;
    return st;
}

/* --- proving ---------------------------------------------------------------------------------- */

static bool is_same(const struct wire_sync *a, const struct wire_sync *b)
{
    bool same = a->after == b->after && a->entry_count == b->entry_count &&
                memcmp(a->base, b->base, sizeof a->base) == 0;
    for (uint32_t i = 0; same && i < a->entry_count; i += 1) {
        same = a->entries[i].size == b->entries[i].size &&
               memcmp(a->entries[i].bytes, b->entries[i].bytes, a->entries[i].size) == 0;
    }
    return same;
}

static enum st compare(struct work *work, struct wire_journal *journal,
                       const struct signed_key *key, struct fault *fault)
{
    uint32_t after = work->report.after;
    enum st st = ST_OK;
    do {
        st = read_batch(work, after, fault);
        if (st == ST_OK) {
            st = wire_journal_next(journal, key, &work->again, fault);
        }
        if (st == ST_OK && !is_same(&work->batch, &work->again)) {
            fault_say(fault, "The export does not read back as it was written: try another disk.");
            st = ST_IO;
        }
        after += work->batch.entry_count;
    } while (st == ST_OK && work->again.entry_count > 0);
    return st;
}

static enum st prove(struct work *work, struct fault *fault)
{
    char public_pem[SIGNED_PEM_MAX];
    struct signed_key *key = NULL;
    struct wire_journal *journal = NULL;
    uint32_t terminal = 0;
    FILE *file = fopen(work->path, "re");
    if (file == NULL) {
        return file_fault(work->path, fault);
    }
    enum st st = signed_public_of(work->key, public_pem, fault);
    if (st == ST_OK) {
        st = signed_key_read(public_pem, &key, fault);
    }
    if (st == ST_OK) {
        st = wire_journal_open(file, &journal, &terminal, fault);
    }
    if (st == ST_OK) {
        st = compare(work, journal, key, fault);
    }
    wire_journal_close(journal);
    signed_key_free(key);
    (void)fclose(file); /* it was only read */
    return st == ST_DENIED || st == ST_FOREIGN ? ST_IO : st;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* A hard link and not a rename, so that a file that is there stays. */
static enum st give_name(const struct work *work, struct fault *fault)
{
    const char *path = work->config->path;
    if (link(work->path, path) == 0) {
        return ST_OK;
    }
    if (errno == EEXIST) {
        fault_say(fault, "%.100s is there already: name another file.", path);
        return ST_REFUSED;
    }
    /* A stick's FAT has no links. */
    if (access(path, F_OK) != 0 && rename(work->path, path) == 0) {
        return ST_OK;
    }
    return file_fault(path, fault);
}

/* The name is on the disk, too: what is exported may be overwritten next. EINVAL: a file system
 * that knows no such thing, as of a network. */
static enum st sync_folder(const char *path, struct fault *fault)
{
    char folder[PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", path); /* it fits: begin() */
    const int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const enum st st =
        fd >= 0 && (fsync(fd) == 0 || errno == EINVAL) ? ST_OK : file_fault(path, fault);
    if (fd >= 0) {
        (void)close(fd);
    }
    return st;
}

static enum st begin(struct work *work, struct fault *fault)
{
    const char *path = work->config->path;
    const int size = snprintf(work->path, sizeof work->path, "%s.part", path);
    if (size < 0 || (size_t)size >= sizeof work->path) {
        fault_say(fault, "The name of the export is too long.");
        return ST_REFUSED;
    }
    if (access(path, F_OK) == 0) {
        fault_say(fault, "%.100s is there already: name another file.", path);
        return ST_REFUSED;
    }
    (void)unlink(work->path); /* of a try that was cut */
    return identity_key(work->config->identity, work->key, fault);
}

enum st export_write(const struct export_config *config, struct export_report *ret,
                     struct fault *fault)
{
    struct work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        fault_say(fault, "There is no memory left.");
        return ST_IO;
    }
    work->config = config;
    enum st st = begin(work, fault);
    if (st == ST_OK) {
        st = read_range(work, fault);
    }
    if (st == ST_OK) {
        st = write_all(work, fault);
        st = st == ST_OK ? prove(work, fault) : st;
        st = st == ST_OK ? give_name(work, fault) : st;
        (void)unlink(work->path); /* its other name, or what did not come to be one */
        st = st == ST_OK ? sync_folder(config->path, fault) : st;
    }
    if (st == ST_OK) {
        *ret = work->report;
    }
    bytes_wipe(work->key, sizeof work->key);
    free(work);
    return st;
}
