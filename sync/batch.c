#include "sync/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum st batch_store_says(const struct store *store, enum st st, struct fault *fault)
{
    *fault = *store_fault(store);
    return st == ST_REFUSED ? ST_CORRUPT : st;
}

enum st batch_terminal(struct store *store, uint32_t *ret, struct fault *fault)
{
    char text[16];
    enum st st = setting_get(store, "terminal", text, sizeof text);
    if (st == ST_REFUSED) {
        fault_say(fault, "This terminal is not enrolled: run vafa-sync enrol.");
        return ST_REFUSED;
    }
    if (st != ST_OK) {
        return batch_store_says(store, st, fault);
    }
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (*end != '\0' || number < 1 || number > WIRE_TERMINAL_MAX) {
        fault_say(fault, "The setting \"terminal\" is not a terminal's number.");
        return ST_CORRUPT;
    }
    *ret = (uint32_t)number;
    return ST_OK;
}

/* The chain value at `after` is the hash of the row before the first. */
enum st batch_entries(struct store *store, uint32_t after, size_t max, struct journal_row *rows,
                      struct wire_sync *request, struct fault *fault)
{
    assert(max >= 1 && max <= WIRE_ENTRIES_MAX);
    size_t base_rows = after > 0 ? 1 : 0;
    size_t count = 0;
    enum st st = journal_fetch(store, after - (uint32_t)base_rows, rows, max + base_rows, &count);
    if (st != ST_OK) {
        return batch_store_says(store, st, fault);
    }
    if (count < base_rows) {
        fault_say(fault, "The club has acknowledged entry %" PRIu32 ", which this journal lacks.",
                  after);
        return ST_CORRUPT;
    }
    memset(request->base, 0, sizeof request->base);
    if (base_rows > 0) {
        memcpy(request->base, rows[0].hash, sizeof request->base);
    }
    request->after = after;
    request->entry_count = (uint32_t)(count - base_rows);
    for (uint32_t i = 0; i < request->entry_count; i += 1) {
        const struct journal_row *row = &rows[i + base_rows];
        assert(row->sequence == after + 1 + i);
        request->entries[i].size = (uint16_t)row->size;
        memcpy(request->entries[i].bytes, row->bytes, row->size);
    }
    return ST_OK;
}
