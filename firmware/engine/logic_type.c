#include "firmware/engine/logic_type.h"

#include <assert.h>

#include "firmware/engine/logic_number.h"

enum {
    BIT_NULL = 1 << LOGIC_NULL,
    BIT_BOOL = 1 << LOGIC_BOOL,
    BIT_NUMBER = 1 << LOGIC_NUMBER,
    BIT_STRING = 1 << LOGIC_STRING,
    BIT_LIST = 1 << LOGIC_LIST,
    BIT_RECORD = 1 << LOGIC_RECORD,
};

static const char has_unknown[] =
    "gets a value that may be unknown: give var a default, if an else";
static const char has_overflow[] = "could leave the range of numbers (922337203685477.5807)";

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct logic_guess guess_kind(enum logic_kind kind)
{
    return (struct logic_guess){.kinds = (uint8_t)(1U << kind), .work = 1};
}

struct logic_guess logic_guess_literal(enum logic_kind kind, int64_t number)
{
    struct logic_guess guess = guess_kind(kind);
    guess.lo = number;
    guess.hi = number;
    return guess;
}

struct logic_guess logic_guess_fact(const struct logic_fact *fact)
{
    struct logic_guess guess = guess_kind(fact->kind);
    guess.lo = fact->lo;
    guess.hi = fact->hi;
    if (fact->is_optional) {
        guess.kinds |= BIT_NULL;
    }
    if (fact->kind == LOGIC_LIST) {
        guess.items_max = fact->items_max;
        guess.item_kinds = fact->fields == NULL ? BIT_STRING : BIT_RECORD;
        guess.fields = fact->fields;
        guess.field_count = fact->field_count;
    }
    return guess;
}

struct logic_guess logic_guess_item(const struct logic_guess *list)
{
    return (struct logic_guess){.kinds = list->item_kinds,
                                .lo = list->item_lo,
                                .hi = list->item_hi,
                                .fields = list->fields,
                                .field_count = list->field_count,
                                .work = 1};
}

/* Widens the range of numbers, of a value or of items. */
static void widen(bool has, int64_t *lo, int64_t *hi, bool more, int64_t more_lo, int64_t more_hi)
{
    if (more) {
        *lo = has ? least(*lo, more_lo) : more_lo;
        *hi = has ? most(*hi, more_hi) : more_hi;
    }
}

/* Items of `more` join those of `into`. NULL, or what is wrong. */
static const char *join_items(struct logic_guess *into, uint8_t kinds, int64_t lo, int64_t hi,
                              const struct logic_fact *fields, uint16_t field_count)
{
    bool had_records = (into->item_kinds & BIT_RECORD) != 0;
    if ((kinds & BIT_RECORD) != 0 && had_records && into->fields != fields) {
        return "mixes records of different kinds";
    }
    widen((into->item_kinds & BIT_NUMBER) != 0, &into->item_lo, &into->item_hi,
          (kinds & BIT_NUMBER) != 0, lo, hi);
    if ((kinds & BIT_RECORD) != 0) {
        into->fields = fields;
        into->field_count = field_count;
    }
    into->item_kinds |= kinds;
    return NULL;
}

/* `into` may also be `more`. */
static const char *join(struct logic_guess *into, const struct logic_guess *more)
{
    const char *wrong = NULL;
    widen((into->kinds & BIT_NUMBER) != 0, &into->lo, &into->hi, (more->kinds & BIT_NUMBER) != 0,
          more->lo, more->hi);
    if ((more->kinds & BIT_LIST) != 0) {
        into->items_max = into->items_max > more->items_max ? into->items_max : more->items_max;
        wrong = join_items(into, more->item_kinds, more->item_lo, more->item_hi, more->fields,
                           more->field_count);
    }
    if ((more->kinds & BIT_RECORD) != 0) {
        if (into->fields != NULL && into->fields != more->fields) {
            return "mixes records of different kinds";
        }
        into->fields = more->fields;
        into->field_count = more->field_count;
    }
    into->kinds |= more->kinds;
    return wrong;
}

const char *logic_guess_default(struct logic_guess *value, const struct logic_guess *otherwise)
{
    value->work += otherwise->work;
    value->scratch += otherwise->scratch;
    if ((value->kinds & BIT_NULL) == 0) {
        return NULL; /* never absent */
    }
    value->kinds &= (uint8_t)~BIT_NULL;
    return join(value, otherwise);
}

/* --- the operators --------------------------------------------------------------------------- */

struct logic_judge logic_judge_begin(enum logic_op op, size_t count)
{
    struct logic_judge judge = {.op = op, .count = count};
    struct logic_guess *result = &judge.result;
    *result = guess_kind(LOGIC_BOOL);
    switch (op) {
    case OP_IF:
        *result = (struct logic_guess){.work = 1};
        if (count % 2 == 0) {
            result->kinds = BIT_NULL;
        }
        break;
    case OP_AND:
    case OP_OR:
        *result = (struct logic_guess){.work = 1};
        break;
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
    case OP_MAX:
    case OP_MIN:
        *result = guess_kind(LOGIC_NUMBER);
        break;
    case OP_LIST:
    case OP_MERGE:
    case OP_MISSING:
        *result = guess_kind(LOGIC_LIST);
        result->scratch = count;
        result->literal_items = op == OP_LIST ? count : 0;
        break;
    case OP_MISSING_SOME:
        *result = guess_kind(LOGIC_LIST);
        break;
    case OP_SUBSTR:
        *result = guess_kind(LOGIC_STRING);
        break;
    case OP_NOT:
    case OP_TRUTH:
    case OP_EQUAL:
    case OP_SAME:
    case OP_NOT_EQUAL:
    case OP_NOT_SAME:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
    case OP_IN:
    case OP_ALL:
    case OP_SOME:
    case OP_NO:
    case OP_NONE:
    case OP_LITERAL:
    case OP_FACT:
    case OP_SCOPE:
    case OP_FACT_AT:
        break;
    }
    return judge;
}

static const char *judge_number(const struct logic_guess *value)
{
    if ((value->kinds & BIT_NULL) != 0) {
        return has_unknown;
    }
    return value->kinds == BIT_NUMBER ? NULL : "needs numbers";
}

/* The range of a product or quotient: those of its corners, since both are monotone between them.
 */
static const char *judge_corners(enum logic_op op, struct logic_guess *result,
                                 const struct logic_guess *value)
{
    const int64_t as[] = {result->lo, result->lo, result->hi, result->hi};
    const int64_t bs[] = {value->lo, value->hi, value->lo, value->hi};
    for (size_t i = 0; i < 4; i += 1) {
        int64_t corner;
        enum st st =
            op == OP_MULTIPLY ? logic_mul(as[i], bs[i], &corner) : logic_div(as[i], bs[i], &corner);
        if (st != ST_OK) {
            return has_overflow;
        }
        result->lo = i == 0 ? corner : least(result->lo, corner);
        result->hi = i == 0 ? corner : most(result->hi, corner);
    }
    return NULL;
}

static const char *judge_remainder(struct logic_guess *result, const struct logic_guess *value)
{
    int64_t below = most(most(value->lo, -value->lo), most(value->hi, -value->hi)) - 1;
    result->lo = result->lo < 0 ? most(result->lo, -below) : 0;
    result->hi = result->hi > 0 ? least(result->hi, below) : 0;
    return NULL;
}

static const char *judge_sum(struct logic_judge *judge, size_t index,
                             const struct logic_guess *value)
{
    struct logic_guess *result = &judge->result;
    const char *wrong = judge_number(value);
    if (wrong != NULL) {
        return wrong;
    }
    if (index == 0) {
        bool is_negated = judge->op == OP_SUBTRACT && judge->count == 1;
        result->lo = is_negated ? -value->hi : value->lo;
        result->hi = is_negated ? -value->lo : value->hi;
        return NULL;
    }
    enum logic_op op = judge->op;
    if (op == OP_MAX || op == OP_MIN) {
        result->lo = op == OP_MAX ? most(result->lo, value->lo) : least(result->lo, value->lo);
        result->hi = op == OP_MAX ? most(result->hi, value->hi) : least(result->hi, value->hi);
        return NULL;
    }
    if ((op == OP_DIVIDE || op == OP_REMAINDER) && value->lo <= 0 && value->hi >= 0) {
        return "could divide by 0: make the divisor at least 1 with max";
    }
    if (op == OP_REMAINDER) {
        return judge_remainder(result, value);
    }
    if (op == OP_MULTIPLY || op == OP_DIVIDE) {
        return judge_corners(op, result, value);
    }
    bool adds = op == OP_ADD;
    if (logic_add(result->lo, adds ? value->lo : -value->hi, &result->lo) != ST_OK ||
        logic_add(result->hi, adds ? value->hi : -value->lo, &result->hi) != ST_OK) {
        return has_overflow;
    }
    return NULL;
}

static bool is_one_of(uint8_t kinds, uint8_t allowed)
{
    return (kinds & (uint8_t)~allowed) == 0 && (kinds & (kinds - 1)) == 0;
}

/* Values that are compared must be of one kind; with == null may stand beside it. */
static const char *judge_alike(struct logic_judge *judge, size_t index,
                               const struct logic_guess *value)
{
    bool is_order = judge->op == OP_LESS || judge->op == OP_LESS_EQUAL || judge->op == OP_GREATER ||
                    judge->op == OP_GREATER_EQUAL;
    if (is_order && (value->kinds & BIT_NULL) != 0) {
        return has_unknown;
    }
    uint8_t kinds = value->kinds & (uint8_t)~BIT_NULL;
    if (!is_one_of(kinds, BIT_NUMBER | BIT_STRING | (is_order ? 0 : BIT_BOOL))) {
        return is_order ? "needs numbers, or texts" : "needs numbers, texts, or true and false";
    }
    uint8_t first = judge->first.kinds & (uint8_t)~BIT_NULL;
    if (index > 0 && first != 0 && kinds != 0 && first != kinds) {
        return "compares values of different kinds";
    }
    if (index == 0 || first == 0) {
        judge->first.kinds = value->kinds;
    }
    return NULL;
}

static const char *judge_in(struct logic_judge *judge, size_t index,
                            const struct logic_guess *value)
{
    const uint8_t plain = BIT_BOOL | BIT_NUMBER | BIT_STRING;
    if (index == 0) {
        bool is_plain = is_one_of(value->kinds & (uint8_t)~BIT_NULL, plain);
        return is_plain ? NULL : "looks for a number, a text, or true or false";
    }
    if ((value->kinds & BIT_NULL) != 0) {
        return has_unknown;
    }
    uint8_t first = judge->first.kinds;
    if (value->kinds == BIT_STRING) {
        return first == BIT_STRING ? NULL : "looks in a text for something that may be none";
    }
    if (value->kinds != BIT_LIST) {
        return "looks in a list or a text";
    }
    first &= (uint8_t)~BIT_NULL;
    uint8_t items = value->item_kinds & (uint8_t)~BIT_NULL;
    bool is_alike = items == 0 || first == 0 || items == first;
    return is_alike ? NULL : "looks in a list for a value of another kind";
}

static const char *judge_list(struct logic_judge *judge, const struct logic_guess *value)
{
    struct logic_guess *result = &judge->result;
    if ((value->kinds & BIT_LIST) != 0 && judge->op == OP_MERGE) {
        if (value->kinds != BIT_LIST) {
            return has_unknown;
        }
        result->items_max += value->items_max;
        result->scratch += value->items_max;
        return join_items(result, value->item_kinds, value->item_lo, value->item_hi, value->fields,
                          value->field_count);
    }
    if ((value->kinds & BIT_LIST) != 0) {
        return "cannot hold a list in a list";
    }
    result->items_max += 1;
    result->scratch += judge->op == OP_MERGE;
    return join_items(result, value->kinds, value->lo, value->hi, value->fields,
                      value->field_count);
}

/* Paths, each a text or a list of texts; logic_load.c has seen that all are facts. */
static const char *judge_missing(struct logic_judge *judge, size_t index,
                                 const struct logic_guess *value)
{
    struct logic_guess *result = &judge->result;
    if (judge->op == OP_MISSING_SOME && index == 0) {
        return judge_number(value);
    }
    bool is_list = value->kinds == BIT_LIST;
    bool may_be_list = judge->op == OP_MISSING_SOME || (index == 0 && judge->count == 1);
    if (is_list ? !may_be_list || (value->item_kinds & (uint8_t)~BIT_STRING) != 0
                : value->kinds != BIT_STRING || judge->op == OP_MISSING_SOME) {
        return "takes paths, or one list of paths";
    }
    uint64_t paths = is_list ? value->items_max : 1;
    result->items_max += paths;
    result->scratch += paths;
    result->item_kinds = BIT_STRING;
    return NULL;
}

static const char *judge_each(struct logic_judge *judge, size_t index,
                              const struct logic_guess *value)
{
    struct logic_guess *result = &judge->result;
    if (index > 0) {
        result->work += judge->first.items_max * value->work;
        return NULL;
    }
    if ((value->kinds & BIT_NULL) != 0) {
        return has_unknown;
    }
    return value->kinds == BIT_LIST ? NULL : "needs a list";
}

static const char *judge_substr(size_t index, const struct logic_guess *value)
{
    if (index > 0) {
        return judge_number(value);
    }
    if ((value->kinds & BIT_NULL) != 0) {
        return has_unknown;
    }
    return value->kinds == BIT_STRING ? NULL : "needs a text";
}

static const char *judge(struct logic_judge *judge, size_t index, const struct logic_guess *value)
{
    switch (judge->op) {
    case OP_IF: {
        bool is_test = index % 2 == 0 && index + 1 < judge->count;
        return is_test ? NULL : join(&judge->result, value);
    }
    case OP_AND:
    case OP_OR:
        return join(&judge->result, value);
    case OP_NOT:
    case OP_TRUTH:
        return NULL;
    case OP_EQUAL:
    case OP_SAME:
    case OP_NOT_EQUAL:
    case OP_NOT_SAME:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return judge_alike(judge, index, value);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
    case OP_MAX:
    case OP_MIN:
        return judge_sum(judge, index, value);
    case OP_IN:
        return judge_in(judge, index, value);
    case OP_LIST:
    case OP_MERGE:
        return judge_list(judge, value);
    case OP_MISSING:
    case OP_MISSING_SOME:
        return judge_missing(judge, index, value);
    case OP_ALL:
    case OP_SOME:
    case OP_NO:
        return judge_each(judge, index, value);
    case OP_SUBSTR:
        return judge_substr(index, value);
    case OP_NONE:
    case OP_LITERAL:
    case OP_FACT:
    case OP_SCOPE:
    case OP_FACT_AT:
        break;
    }
    assert(false);
    return NULL;
}

const char *logic_judge_value(struct logic_judge *self, size_t index,
                              const struct logic_guess *value)
{
    const char *wrong = judge(self, index, value);
    if (wrong != NULL) {
        return wrong;
    }
    if (index == 0 &&
        (self->op == OP_IN || self->op == OP_ALL || self->op == OP_SOME || self->op == OP_NO)) {
        self->first = *value;
    }
    struct logic_guess *result = &self->result;
    result->work += value->work;
    result->scratch += value->scratch;
    if (self->op == OP_IN && index == 1) {
        result->scratch -= value->literal_items; /* looked through where they are */
    }
    if (result->work > LOGIC_WORK_MAX || result->items_max > LOGIC_SCRATCH_MAX ||
        result->scratch > LOGIC_SCRATCH_MAX) {
        /* A list that only `in` looks through may be longer. */
        if (self->op != OP_LIST || result->work > LOGIC_WORK_MAX ||
            result->scratch - result->literal_items > LOGIC_SCRATCH_MAX) {
            return "takes too much work or makes lists that are too long";
        }
    }
    return NULL;
}
