#include "server/groups.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "server/members.h"
#include "server/registry.h"

enum { PAGE = 256 };

/* *ret is NULL when the club has none. The caller frees it. */
static enum st read_programme(struct db *db, struct programme **ret)
{
    char *text = NULL;
    *ret = NULL;
    enum st st = registry_programme_text(db, &text);
    if (st == ST_OK && text != NULL) {
        st = programme_load(text, strlen(text), ret, NULL);
        st = st == ST_OK || st == ST_FULL ? st : ST_CORRUPT; /* it was checked when it was stored */
    }
    free(text);
    return st;
}

/* Where a member joined. */
struct place {
    uint32_t terminal, merchant, branch;
};

static enum st read_place(struct db *db, uint32_t terminal, struct place *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = (struct place){.terminal = terminal};
    if (terminal == 0) {
        return ST_OK;
    }
    enum st st = db_prepare(db, "SELECT merch, branch FROM term WHERE term_id = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    if (st == ST_OK && row) {
        ret->merchant = (uint32_t)db_i64(stmt, 0);
        ret->branch = (uint32_t)db_i64(stmt, 1);
    }
    db_finish(stmt);
    return st;
}

/* The group that the rules choose for them today. */
static uint8_t judge(const struct programme *programme, const struct particulars *particulars,
                     const struct place *place, int64_t now_s)
{
    const struct occasion occasion = {
        .has_identity = true,
        .kind = particulars->kind,
        .birthday = particulars->birthday,
        .wedding = particulars->wedding,
        .merchant = place->merchant,
        .branch = place->branch,
        .has_newcomer = true,
        .newcomer = {.account = particulars->account, .route = particulars->route}};
    return plan_group_of(programme, &occasion, snapshot_minute(now_s), place->terminal);
}

enum st groups_choose(struct db *db, struct particulars *particulars, int64_t now_s)
{
    const struct place nowhere = {0};
    struct programme *programme = NULL;
    const enum st st = read_programme(db, &programme);
    if (st == ST_OK && programme != NULL) {
        particulars->group = judge(programme, particulars, &nowhere, now_s);
    }
    programme_free(programme);
    return st;
}

/* --- all members -------------------------------------------------------------------------------
 */

struct wanted {
    uint64_t account;
    uint8_t from, to;
};

/* One page of members, while it is judged. */
struct page {
    struct db *db;
    const struct programme *programme;
    int64_t now_s;
    struct groups_result *result;
    uint64_t last; /* account */
    size_t read, count;
    struct wanted wanted[PAGE];
};

static bool has_rule(const struct programme *programme, uint8_t group)
{
    for (size_t i = 0; i < programme->group_count; i += 1) {
        if (programme->groups[i].number == group) {
            return programme->group_rules[i].is_set;
        }
    }
    return group == 0;
}

static enum st judge_member(void *ctx, const struct member *member)
{
    struct page *page = ctx;
    const struct particulars *particulars = &member->particulars;
    struct place place;
    page->last = member->account;
    page->read += 1;
    if (member->is_sealed) {
        page->result->sealed += 1;
        return ST_OK;
    }
    if (!has_rule(page->programme, particulars->group)) {
        return ST_OK;
    }
    const enum st st = read_place(page->db, member->terminal, &place);
    if (st != ST_OK) {
        return st;
    }
    const uint8_t group = judge(page->programme, particulars, &place, page->now_s);
    page->result->seen += 1;
    if (group != particulars->group) {
        page->wanted[page->count++] = (struct wanted){member->account, particulars->group, group};
    }
    return ST_OK;
}

static const char *name_of(const struct programme *programme, uint8_t group)
{
    const char *id = programme_group_id(programme, group);
    return *id == '\0' ? "no group" : id;
}

enum st groups_apply(struct db *db, struct actions *actions, const char *who, int64_t now_s,
                     bool is_trial, FILE *out, struct groups_result *ret, struct fault *fault)
{
    struct programme *programme = NULL;
    struct page *page = calloc(1, sizeof *page);
    *ret = (struct groups_result){.seen = 0};
    enum st st = page == NULL ? ST_FULL : read_programme(db, &programme);
    if (st == ST_OK && (programme == NULL || !programme_has_group_rules(programme))) {
        fault_say(fault, "No group of the programme in force has a rule (\"when\").");
        st = ST_REFUSED;
    }
    uint64_t after = 0;
    bool is_more = true;
    while (st == ST_OK && is_more) {
        const struct members_filter filter = {.after = after, .max = PAGE};
        *page = (struct page){.db = db, .programme = programme, .now_s = now_s, .result = ret};
        st = members_each(db, who, &filter, now_s, judge_member, page);
        for (size_t i = 0; i < page->count && st == ST_OK; i += 1) {
            const struct wanted *wanted = &page->wanted[i];
            fprintf(out, "%016" PRIu64 "  %s -> %s\n", wanted->account,
                    name_of(programme, wanted->from), name_of(programme, wanted->to));
            st = is_trial
                     ? ST_OK
                     : members_move(db, actions, who, wanted->account, wanted->to, now_s, fault);
            ret->moved += st == ST_OK;
        }
        after = page->last;
        is_more = page->read == PAGE;
    }
    programme_free(programme);
    free(page);
    return st;
}
