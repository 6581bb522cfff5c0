/* logic.h - conditions of rules, in JsonLogic: compiled once, then evaluated exactly and quickly.
 *
 * logic_load() compiles a condition (JSON as on jsonlogic.com) into a pool; logic_eval() evaluates
 * it on the facts of one sale. Only logic_load.c needs jansson. Pure: no I/O, no clock, no floating
 * point while evaluating, no allocation of its own; the caller owns every struct. A pool is plain
 * data without pointers: it may be copied, and evaluated by any number of threads. One library for
 * terminal and club (invariant I5). For those who write conditions: docs/logic.md.
 *
 * OPERATORS, with the number of values that each takes:
 *
 *     var 0-2, missing any, missing_some 2
 *     if, ?: any, and, or 1 or more, ! 1, !! 1
 *     == 2, === 2, != 2, !== 2, < 2-3, <= 2-3, > 2, >= 2
 *     + 1 or more, * 1 or more, - 1-2, / 2, % 2, max, min 1 or more
 *     in 2, merge any, all, some, none 2, substr 2-3
 *
 * Any other operator is refused at load by its name (of JsonLogic's own: cat, map, filter, reduce,
 * log, method). So is another number of values: json-logic-js would ignore what is too many.
 *
 * NUMBERS are whole multiples of 1/10000 in 64 bits: "scaled", 1 is LOGIC_ONE. At most
 * LOGIC_NUMBER_MAX either way (922337203685477.5807). + and - are exact; * and / compute through
 * 128 bits and cut off (towards zero) after the fourth decimal; % has the sign of its first value.
 * What overflows, divides by 0, or needs a number where there is none, is ST_REFUSED: never a
 * wrapped result, and the same on every build.
 *
 * A literal with more than four decimals or out of range is refused at load. jansson keeps a
 * fraction as a double: up to 15 significant digits it is exact, and one that is not the double of
 * such a decimal is refused; further digits that change no double are not seen.
 *
 * TRUTH as on jsonlogic.com/truthy: false, null, 0, "" and [] are false; all else is true.
 *
 * WITH FACTS (a table of facts for logic_load) the loader proves by their kinds and ranges that
 * evaluation cannot fail, or refuses: no overflow, no division by a range that holds 0, no mixing
 * of kinds in comparisons and sums, no unknown value in them without a default, no path that is not
 * a fact. So on facts within their ranges logic_eval() is ST_OK.
 *
 * WITHOUT FACTS (NULL; for tests of the language) any path is taken, and values are coerced as in
 * json-logic-js: "1" == 1, null < 1. Beyond that, ST_REFUSED: what JavaScript calls NaN or Infinity
 * in a sum, comparing two lists or records, looking for anything but text in a text. */
#ifndef FIRMWARE_ENGINE_LOGIC_H
#define FIRMWARE_ENGINE_LOGIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    LOGIC_DECIMALS = 4,
    LOGIC_ONE = 10000,        /* the number 1 */
    LOGIC_DEPTH_MAX = 32,     /* operators and lists within each other */
    LOGIC_NODES_MAX = 32768,  /* operators and literals of all conditions in one pool */
    LOGIC_STRINGS_MAX = 1024, /* different texts in one pool */
    LOGIC_TEXT_MAX = 16384,   /* their bytes together */
    LOGIC_STRING_MAX = 255,   /* bytes of one text */
    LOGIC_NAMES_MAX = 256,    /* facts of a table; different paths without one */
    LOGIC_SCRATCH_MAX = 256,  /* items of lists that one evaluation makes */
    LOGIC_WORK_MAX = 20000,   /* nodes that one evaluation visits */
};

#define LOGIC_NUMBER_MAX INT64_MAX /* scaled; the least is -LOGIC_NUMBER_MAX */

enum logic_kind {
    LOGIC_ABSENT, /* of a fact: not known. `var` gives its default, else null */
    LOGIC_NULL,
    LOGIC_BOOL,
    LOGIC_NUMBER,
    LOGIC_STRING,
    LOGIC_LIST,
    LOGIC_RECORD, /* an item of a list, with the fields that the fact names */
};

/* One value. What pointers name belongs to whoever made the value and must outlive its use. */
struct logic_value {
    uint8_t kind;   /* enum logic_kind */
    uint16_t id;    /* of a string: its id in the pool, or 0 = not known to be in the pool */
    uint32_t count; /* bytes of a string, items of a list, fields of a record */
    union {
        bool truth;
        int64_t number;   /* scaled */
        const char *text; /* UTF-8, `count` bytes, no NUL at the end needed */
        const struct logic_value *items;
    };
};

/* One thing that conditions may ask. Tables are constant and outlive the pool's loading. */
struct logic_fact {
    const char *path;     /* "sale.amount": what `var` says; 1..63 bytes */
    enum logic_kind kind; /* BOOL, NUMBER, STRING, LIST */
    bool is_optional;     /* the value may be LOGIC_ABSENT: conditions then need a default */
    int64_t lo, hi;       /* NUMBER: lo <= value <= hi, scaled */
    uint16_t items_max;   /* LIST: at most this many items, 1..LOGIC_SCRATCH_MAX */
    const struct logic_fact *fields; /* LIST: of records with these fields; NULL = of strings */
    uint16_t field_count;
};

struct logic_facts {
    const struct logic_fact *table; /* values come in the same order */
    size_t count;                   /* 1..LOGIC_NAMES_MAX */
};

/* Only logic*.c look inside: a tree of nodes; children are a chain of `next`. 0 = none. */
struct logic_node {
    uint8_t op;
    uint8_t kind;   /* of a literal: enum logic_kind */
    uint16_t count; /* children */
    uint16_t first; /* first child */
    uint16_t next;  /* next child of the same parent */
    union {
        int64_t number; /* literal number, bool */
        uint64_t index; /* string id of a literal, slot of a fact */
    };
};

struct logic_string {
    uint16_t offset;
    uint16_t bytes;
};

struct logic_name {
    uint16_t id;   /* the path */
    uint16_t slot; /* where its value is */
};

/* The compiled conditions of one programme, while they are loaded: about 550 KB. The nodes stand
 * last, so that of a finished pool the first logic_size() bytes are enough: about 24 KB and 16 a
 * node. */
struct logic_pool {
    uint16_t node_count; /* node 0 is never used */
    uint16_t string_count;
    uint16_t text_bytes;
    uint16_t name_count;
    struct logic_string strings[LOGIC_STRINGS_MAX]; /* id - 1 */
    struct logic_name names[LOGIC_NAMES_MAX];
    char text[LOGIC_TEXT_MAX];
    struct logic_node nodes[LOGIC_NODES_MAX];
};

/* Where an evaluation that gives a list puts its items. */
struct logic_scratch {
    size_t used;
    struct logic_value items[LOGIC_SCRATCH_MAX];
};

/* Empties the pool. */
void logic_init(struct logic_pool *pool);

/* How many bytes of the pool are in use. A copy of these is the whole pool for logic_eval(),
 * logic_compute() and logic_string(); nothing more can be loaded into it. */
size_t logic_size(const struct logic_pool *pool);

struct json_t; /* jansson's */

/* Compiles one condition into the pool and gives its root. All conditions of a pool are loaded with
 * the same facts. `where` (may be "") begins the place in each sentence: "rules[3].when".
 * ST_FOREIGN      not a condition, or one that could fail: the fault names place, operator and what
 *                 would be right.
 * ST_UNSUPPORTED  an operator that this firmware lacks, by name.
 * ST_FULL         the pool has no room for it: the fault names the bound.
 * Unless ST_OK the pool is as before and *ret_root untouched; fault may be NULL. */
ST_CHECK enum st logic_load(struct logic_pool *pool, struct json_t *condition,
                            const struct logic_facts *facts, const char *where, uint16_t *ret_root,
                            struct fault *fault);

/* Is the condition true? `facts` are the values in the table's order, each of its fact's kind (or
 * ABSENT where optional) and within its range. Bounded: at most LOGIC_WORK_MAX nodes.
 * ST_REFUSED  overflow, division by 0, no number where one is needed: take it as false and note it.
 * ST_FULL     more items or work than the bounds allow: the same.
 * Neither happens for a condition loaded with facts and values as they say. *ret untouched unless
 * OK. */
ST_CHECK enum st logic_eval(const struct logic_pool *pool, uint16_t root,
                            const struct logic_value *facts, size_t fact_count, bool *ret);

/* The value itself, for expressions that are more than a condition. `scope` is a RECORD of the
 * facts. Lists in *ret lie in `scratch` and in `scope`. Statuses as logic_eval(). */
ST_CHECK enum st logic_compute(const struct logic_pool *pool, uint16_t root,
                               const struct logic_value *scope, struct logic_scratch *scratch,
                               struct logic_value *ret);

bool logic_is_truthy(const struct logic_value *value);

/* Puts a text of the caller's (the name of a tier, say) into the pool and gives its id, so that
 * comparing it with a literal of a condition is comparing two numbers. After loading call it no
 * more. ST_FULL  no room, or longer than LOGIC_STRING_MAX. */
ST_CHECK enum st logic_intern(struct logic_pool *pool, const char *text, size_t bytes,
                              uint16_t *ret_id);

/* Values. logic_string(): id from logic_intern(). logic_text(): any text; slower to compare. */
struct logic_value logic_bool(bool truth);
struct logic_value logic_whole(int64_t n); /* |n| <= LOGIC_NUMBER_MAX / LOGIC_ONE, else a bug */
struct logic_value logic_scaled(int64_t scaled);
struct logic_value logic_string(const struct logic_pool *pool, uint16_t id);
struct logic_value logic_text(const char *text, size_t bytes);
struct logic_value logic_list(const struct logic_value *items, size_t count);
struct logic_value logic_record(const struct logic_value *fields, size_t count);

#endif
