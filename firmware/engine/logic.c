#include "firmware/engine/logic.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/logic_priv.h"

/* --- values ---------------------------------------------------------------------------------- */

struct logic_value logic_bool(bool truth)
{
    return (struct logic_value){.kind = LOGIC_BOOL, .truth = truth};
}

struct logic_value logic_scaled(int64_t scaled)
{
    assert(scaled >= -LOGIC_NUMBER_MAX);
    return (struct logic_value){.kind = LOGIC_NUMBER, .number = scaled};
}

struct logic_value logic_whole(int64_t n)
{
    assert(n <= LOGIC_NUMBER_MAX / LOGIC_ONE && n >= -(LOGIC_NUMBER_MAX / LOGIC_ONE));
    return logic_scaled(n * LOGIC_ONE);
}

struct logic_value logic_text(const char *text, size_t bytes)
{
    assert(bytes <= UINT32_MAX);
    return (struct logic_value){.kind = LOGIC_STRING, .count = (uint32_t)bytes, .text = text};
}

struct logic_value logic_string(const struct logic_pool *pool, uint16_t id)
{
    assert(id >= 1 && id <= pool->string_count);
    const struct logic_string *string = &pool->strings[id - 1];
    return (struct logic_value){.kind = LOGIC_STRING,
                                .id = id,
                                .count = string->bytes,
                                .text = pool->text + string->offset};
}

static struct logic_value items_of(enum logic_kind kind, const struct logic_value *items,
                                   size_t count)
{
    assert(count <= UINT32_MAX);
    return (struct logic_value){.kind = (uint8_t)kind, .count = (uint32_t)count, .items = items};
}

struct logic_value logic_list(const struct logic_value *items, size_t count)
{
    return items_of(LOGIC_LIST, items, count);
}

struct logic_value logic_record(const struct logic_value *fields, size_t count)
{
    return items_of(LOGIC_RECORD, fields, count);
}

bool logic_is_truthy(const struct logic_value *value)
{
    switch ((enum logic_kind)value->kind) {
    case LOGIC_ABSENT:
    case LOGIC_NULL:
        return false;
    case LOGIC_BOOL:
        return value->truth;
    case LOGIC_NUMBER:
        return value->number != 0;
    case LOGIC_STRING:
    case LOGIC_LIST:
        return value->count != 0;
    case LOGIC_RECORD:
        return true;
    }
    assert(false);
    return false;
}

/* --- the pool -------------------------------------------------------------------------------- */

void logic_init(struct logic_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    pool->node_count = 1;
}

size_t logic_size(const struct logic_pool *pool)
{
    return offsetof(struct logic_pool, nodes) + pool->node_count * sizeof pool->nodes[0];
}

uint16_t logic_find(const struct logic_pool *pool, const char *text, size_t bytes)
{
    for (uint16_t i = 0; i < pool->string_count; i += 1) {
        const struct logic_string *string = &pool->strings[i];
        if (string->bytes == bytes && memcmp(pool->text + string->offset, text, bytes) == 0) {
            return (uint16_t)(i + 1);
        }
    }
    return 0;
}

enum st logic_intern(struct logic_pool *pool, const char *text, size_t bytes, uint16_t *ret_id)
{
    uint16_t id = logic_find(pool, text, bytes);
    if (id != 0) {
        *ret_id = id;
        return ST_OK;
    }
    if (bytes > LOGIC_STRING_MAX || pool->string_count == LOGIC_STRINGS_MAX ||
        bytes > (size_t)(LOGIC_TEXT_MAX - pool->text_bytes)) {
        return ST_FULL;
    }
    memcpy(pool->text + pool->text_bytes, text, bytes);
    pool->strings[pool->string_count] =
        (struct logic_string){.offset = pool->text_bytes, .bytes = (uint16_t)bytes};
    pool->text_bytes = (uint16_t)(pool->text_bytes + bytes);
    pool->string_count += 1;
    *ret_id = pool->string_count;
    return ST_OK;
}
