/* logic_type.h - what the loader knows of a value before there is one: kinds, range, size.
 *
 * Pure; only logic_load.c uses it. An operator is judged value by value, in order. */
#ifndef FIRMWARE_ENGINE_LOGIC_TYPE_H
#define FIRMWARE_ENGINE_LOGIC_TYPE_H

#include "firmware/engine/logic.h"
#include "firmware/engine/logic_priv.h"

struct logic_guess {
    uint8_t kinds;                   /* bits 1 << enum logic_kind that it may be */
    uint8_t item_kinds;              /* the same of its items, if it is a list */
    uint16_t field_count;            /* of its items, or of itself, if they are records */
    const struct logic_fact *fields; /* the same */
    int64_t lo, hi;                  /* if it is a number */
    int64_t item_lo, item_hi;        /* if its items are */
    uint64_t items_max;              /* if it is a list */
    uint64_t literal_items;          /* written as a list in the condition: how many */
    uint64_t work, scratch;          /* of finding it: nodes visited, items made */
};

/* The judgement of one operator. */
struct logic_judge {
    enum logic_op op;
    size_t count; /* its values */
    struct logic_guess first;
    struct logic_guess result;
};

struct logic_judge logic_judge_begin(enum logic_op op, size_t count);

/* Takes value `index` into account. NULL, or what is wrong: the end of the sentence 'operator "x"
 * ...'
 */
const char *logic_judge_value(struct logic_judge *judge, size_t index,
                              const struct logic_guess *value);

struct logic_guess logic_guess_literal(enum logic_kind kind, int64_t number);
struct logic_guess logic_guess_fact(const struct logic_fact *fact);
/* One item of a list. */
struct logic_guess logic_guess_item(const struct logic_guess *list);
/* `value`, or `otherwise` where it is absent. NULL, or what is wrong. */
const char *logic_guess_default(struct logic_guess *value, const struct logic_guess *otherwise);

#endif
