#include "tests/unit/club_lost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int lost_setup(void **state)
{
    struct world *world = world_new();
    world_issue(world, 1);
    *state = world;
    return 0;
}

int lost_teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* --- what terminals do ---------------------------------------------------------------------- */

uint64_t card_no(const struct world *world, int card)
{
    return world->cards[card].number;
}

/* A basket of whole millions, of which `pay` is paid by card: 10 points each. */
void sell(struct world *world, int t, int card, int64_t millions, int64_t pay)
{
    (void)model_tap(&world->terminals[t], &world->cards[card], world->programme,
                    (struct wish){.kind = TRANSACTION_SALE,
                                  .amount = {millions * 1000000},
                                  .pay_credit = {pay}});
}

struct entry head_of(const struct world *world, int t, enum entry_kind kind)
{
    return (struct entry){.kind = kind,
                          .sequence = world->terminals[t].count + 1,
                          .time_s = world->now_s,
                          .clock_quality = 2,
                          .terminal = (uint32_t)t + 1};
}

uint32_t report_card(struct world *world, int t, uint64_t card, enum report_event event)
{
    struct entry entry = head_of(world, t, ENTRY_REPORT);
    entry.report = (struct entry_report){
        .card_number = card, .event = (uint8_t)event, .how = REPORT_BY_NUMBER};
    model_append(&world->terminals[t], &entry);
    return entry.sequence;
}

/* One half, as the engine makes it. */
static uint32_t half(struct world *world, int t, int c, const struct peer *peer,
                     const struct wish *wish)
{
    struct model_card *card = &world->cards[c];
    const struct occasion occasion = {.peer = *peer};
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .wish = *wish,
                                     .occasion = &occasion,
                                     .minute = snapshot_minute(world->now_s),
                                     .terminal = (uint32_t)t + 1,
                                     .sequence = world->terminals[t].count + 1};
    struct plan plan;
    if (plan_make(&input, &plan) != ST_OK) {
        fail_msg("%s", plan.why.say);
    }
    struct entry entry = head_of(world, t, ENTRY_INTENT);
    entry.intent = (struct entry_intent){.card_number = card->number,
                                         .family = 1,
                                         .uid_bytes = 4,
                                         .uid = {(uint8_t)card->number},
                                         .programme = world->programme->version,
                                         .has_before = card->count > 0,
                                         .after = plan.next,
                                         .parts = plan.parts,
                                         .occasion = occasion};
    if (card->count > 0) {
        entry.intent.before = card->history[0];
    }
    model_append(&world->terminals[t], &entry);
    model_write(card, &entry);
    model_outcome(&world->terminals[t], &entry, VERDICT_DONE);
    return entry.sequence;
}

uint32_t duplicate_out(struct world *world, int t, int card)
{
    return half(world, t, card, &(struct peer){.direction = PEER_OUT},
                &(struct wish){.kind = TRANSACTION_DUPLICATE});
}

static uint32_t put_in(struct world *world, int t, int card, const struct peer *peer,
                       int64_t credit, int64_t points)
{
    return half(world, t, card, peer,
                &(struct wish){.kind = TRANSACTION_DUPLICATE,
                               .amount = {credit},
                               .peer = *peer,
                               .inherits = {.points = {points}}});
}

uint32_t duplicate_in(struct world *world, int t, int card, int old, uint32_t first, int64_t credit,
                      int64_t points)
{
    const struct peer peer = {PEER_IN, card_no(world, old), (uint32_t)t + 1, first};
    return put_in(world, t, card, &peer, credit, points);
}

void replace_card(struct world *world, int t, int card, int old, int64_t credit, int64_t points)
{
    const struct peer peer = {PEER_IN, card_no(world, old), 0, 0};
    (void)put_in(world, t, card, &peer, credit, points);
}

/* --- what the club says --------------------------------------------------------------------- */

int64_t sql_of(struct world *world, const char *format, uint64_t card)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, format, (unsigned long long)card);
    return world_sql(world, sql);
}

int64_t listing_of(struct world *world, int card)
{
    return sql_of(world, "SELECT coalesce((SELECT reason FROM hotlist WHERE card_no = %llu), 0)",
                  card_no(world, card));
}

int64_t cases_of(struct world *world, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s'", why);
    return world_sql(world, sql);
}

int64_t lost_figure(struct world *world, int card, const char *name)
{
    json_t *object = NULL;
    assert_int_equal(lost_object(world->db, card_no(world, card), &object), ST_OK);
    assert_non_null(object);
    assert_non_null(json_object_get(object, name));
    const int64_t value = json_integer_value(json_object_get(object, name));
    json_decref(object);
    return value;
}

void expect_card(struct world *world, int card, int64_t credit, int64_t points)
{
    assert_int_equal(world->cards[card].history[0].purse[PURSE_CREDIT].rials, credit);
    assert_int_equal(world->cards[card].history[0].points.n, points);
    world_check(world);
}

void expect_account(struct world *world, enum account which, int64_t credit, int64_t points)
{
    assert_int_equal(world_account(world, BOOK_CREDIT, (int)which), credit);
    assert_int_equal(world_account(world, BOOK_POINTS, (int)which), points);
}

void settle_everywhere(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        world_sync_all(world);
    }
}
