#include "firmware/terminal/receipt.h"

#include <assert.h>
#include <string.h>

enum {
    /* {"kind":"missing","rule":"","text":"","result":""}, is 52 bytes; in the room a line has its
     * kind and three NULs, which is less. */
    FRAME_BYTES = 56,
    CUT_BYTES = 256, /* reserved for the line that says how many are left out */
};

struct making {
    struct receipt *receipt;
    size_t rule_bytes, other_bytes; /* of all lines, kept or not */
    bool is_narrow;                 /* not all fit: asides are left out, and rules past ... */
    size_t rules_max;               /* ... so many bytes */
    size_t left_out;
    bool is_full, is_cut_said;
};

/* JSON escapes a quote and a backslash by 1 more byte, a control character by 5. */
static size_t text_bytes(const char *text)
{
    size_t bytes = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != 0; c += 1) {
        bytes += *c < ' ' || *c == 0x7f ? 6 : *c == '"' || *c == '\\' ? 2 : 1;
    }
    return bytes;
}

size_t receipt_line_bytes(const struct receipt_line *line)
{
    return FRAME_BYTES + text_bytes(line->name) + text_bytes(line->text) + text_bytes(line->result);
}

static void keep_text(struct receipt *receipt, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(receipt->room + receipt->used, text, size);
    receipt->used += size;
}

static void keep(struct receipt *receipt, const struct receipt_line *line)
{
    size_t size = 4 + strlen(line->name) + strlen(line->text) + strlen(line->result);
    if (size > sizeof receipt->room - receipt->used) {
        return; /* the first of two passes; in the second all that is left fits */
    }
    receipt->room[receipt->used++] = (char)line->kind;
    keep_text(receipt, line->name);
    keep_text(receipt, line->text);
    keep_text(receipt, line->result);
    receipt->count += 1;
}

static bool is_of_rules(const struct receipt_line *line)
{
    return line->kind == EXPLAIN_RULE || line->kind == EXPLAIN_ASIDE || line->kind == EXPLAIN_SAY;
}

static void say_cut(struct making *making)
{
    char number[EXPLAIN_AMOUNT_MAX];
    enum explain_language language = making->receipt->language;
    making->is_cut_said = true;
    explain_number(language, (int64_t)making->left_out, number);
    const struct receipt_line line = {
        .kind = EXPLAIN_TOTAL,
        .name = "",
        .text = explain_pick(language, "Lines about rules, left out here",
                             "سطرهای قاعده‌ها که اینجا نیامده است"),
        .result = number};
    assert(receipt_line_bytes(&line) <= CUT_BYTES);
    keep(making->receipt, &line);
}

static void take(void *context, const struct explain_line *from)
{
    struct making *making = context;
    const struct receipt_line line = {
        .kind = from->kind, .name = from->name, .text = from->text, .result = from->result};
    size_t bytes = receipt_line_bytes(&line);
    if (!is_of_rules(&line)) {
        making->other_bytes += bytes;
        if (making->left_out > 0 && !making->is_cut_said) {
            say_cut(making);
        }
        keep(making->receipt, &line);
        return;
    }
    bool is_left_out = making->is_narrow && (line.kind == EXPLAIN_ASIDE || making->is_full ||
                                             bytes > making->rules_max - making->rule_bytes);
    if (is_left_out) {
        making->is_full |= line.kind != EXPLAIN_ASIDE;
        making->left_out += 1;
        return;
    }
    making->rule_bytes += bytes;
    keep(making->receipt, &line);
}

static void begin(struct receipt *receipt, const struct plan *plan, enum explain_language language)
{
    receipt->of = plan->next;
    receipt->language = language;
    receipt->count = receipt->used = 0;
}

void receipt_make(struct receipt *receipt, const struct plan_input *input, const struct plan *plan,
                  enum explain_language language)
{
    struct making all = {.receipt = receipt};
    begin(receipt, plan, language);
    explain(input, plan, language, take, &all);
    if (all.rule_bytes + all.other_bytes <= RECEIPT_MAX) {
        return;
    }
    /* At most 16 lines are not of rules, which is far from filling the room (explain.h). */
    assert(all.other_bytes <= RECEIPT_MAX - CUT_BYTES);
    struct making narrow = {.receipt = receipt,
                            .is_narrow = true,
                            .rules_max = RECEIPT_MAX - CUT_BYTES - all.other_bytes};
    begin(receipt, plan, language);
    explain(input, plan, language, take, &narrow);
    assert(narrow.is_cut_said);
}

void receipt_each(const struct receipt *receipt,
                  void (*put)(void *context, const struct receipt_line *line), void *context)
{
    const char *at = receipt->room;
    for (size_t n = 0; n < receipt->count; n += 1) {
        struct receipt_line line = {.kind = (enum explain_kind)at[0]};
        line.name = at + 1;
        line.text = line.name + strlen(line.name) + 1;
        line.result = line.text + strlen(line.text) + 1;
        at = line.result + strlen(line.result) + 1;
        put(context, &line);
    }
    assert(at == receipt->room + receipt->used);
}
