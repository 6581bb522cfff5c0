#include "sync/stream.h"

#include <inttypes.h>

enum st stream_read(struct store *store, const char *setting, char *ret_text, size_t max)
{
    assert(max > 0);
    const enum st st = setting_get(store, setting, ret_text, max);
    if (st != ST_OK) {
        ret_text[0] = '\0';
    }
    return st == ST_REFUSED ? ST_OK : st;
}

enum st stream_check(const char *what, uint32_t from, uint32_t have, struct fault *fault)
{
    if (from == 0 || from == have) {
        return ST_OK;
    }
    fault_say(fault, "The club's answer makes no sense: nobody asked for %s from %" PRIu32 " on.",
              what, from);
    return ST_FOREIGN;
}
