#include "tests/unit/club_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/registry.h"
#include "server/schema.h"

enum { ROOM = 200 };

void club_card_programme(struct club_card *world, const char *patch, uint32_t version)
{
    char *old = club_text(patch);
    char *at = strstr(old, "\"version\": 1,");
    char text[20000];
    struct fault fault = {""};
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s\"version\": %lu,%s", (int)(at - old), old,
                   (unsigned long)version, at + strlen("\"version\": 1,"));
    free(old);
    programme_free(world->programme);
    assert_int_equal(programme_load(text, strlen(text), &world->programme, &fault), ST_OK);
    assert_int_equal(registry_programme_put(world->db, version, text, "", CLUB_CARD_NOW, &fault),
                     ST_OK);
}

struct club_card *club_card_open(const char *patch)
{
    struct club_card *world = calloc(1, sizeof *world);
    struct fault fault = {""};
    assert_non_null(world);
    strcpy(world->path, "/tmp/vafa-rules.XXXXXX");
    int file = mkstemp(world->path);
    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(db_open(world->path, true, &world->db, &fault), ST_OK);
    assert_int_equal(schema_make(world->db, &fault), ST_OK);
    assert_int_equal(ledger_open(world->db, &world->ledger), ST_OK);
    club_card_programme(world, patch, 1);
    for (int i = 0; i < CLUB_CARD_TERMINALS; i += 1) {
        uint32_t number = 0;
        assert_int_equal(registry_add_terminal(world->db, "Refah", "Tajrish", &number), ST_OK);
        model_terminal_init(&world->terminals[i], number, ROOM);
    }
    world->at = &world->terminals[0];
    world->card.minute = minute_at(1405, 2, 1, 12);
    return world;
}

void club_card_close(struct club_card *world)
{
    char name[80];
    ledger_close(world->ledger);
    db_close(world->db);
    for (int i = 0; i < CLUB_CARD_TERMINALS; i += 1) {
        model_terminal_finish(&world->terminals[i]);
    }
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i += 1) {
        (void)snprintf(name, sizeof name, "%s%s", world->path, ends[i]);
        (void)unlink(name);
    }
    programme_free(world->programme);
    free(world);
}

int64_t club_card_number(struct club_card *world, const char *sql)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(db_prepare(world->db, sql, "", &stmt), ST_OK);
    db_bind(stmt);
    assert_int_equal(db_step(stmt, &row), ST_OK);
    assert_true(row);
    int64_t value = db_i64(stmt, 0);
    db_finish(stmt);
    return value;
}

struct entry club_card_intent(const struct club_card *world, uint32_t refers_counter)
{
    const struct card *card = &world->card;
    struct entry entry = {.kind = ENTRY_INTENT,
                          .sequence = world->at->count + 1,
                          .time_s = snapshot_time_s(card->minute),
                          .clock_quality = 2,
                          .terminal = world->at->number};
    entry.intent = (struct entry_intent){.card_number = model_number(1),
                                         .family = CLUB_CARD_FAMILY,
                                         .uid_bytes = 4,
                                         .uid = {1},
                                         .programme = world->programme->version,
                                         .has_before = card->count > 0,
                                         .after = card->plan.next,
                                         .parts = card->plan.parts,
                                         .refers_counter = refers_counter,
                                         .occasion = card->occasion};
    if (card->count > 0) {
        entry.intent.before = card->history[0];
    }
    return entry;
}

void club_card_done(struct club_card *world, struct entry *intent)
{
    struct card *card = &world->card;
    model_append(world->at, intent);
    model_outcome(world->at, intent, VERDICT_DONE);
    memmove(card->history + 1, card->history, 63 * sizeof card->history[0]);
    memmove(card->parts + 1, card->parts, 63 * sizeof card->parts[0]);
    card->history[0] = card->plan.next;
    card->parts[0] = card->plan.parts;
    card->count += 1;
    memset(&card->occasion, 0, sizeof card->occasion);
    card->occasion.has_facts = true;
    card->occasion.facts = card->plan.facts_after;
}

void club_card_tap(struct club_card *world, struct wish wish)
{
    struct card *card = &world->card;
    const struct breakdown *sold = NULL;
    for (size_t i = 0; i < card->count && wish.refers_counter != 0; i += 1) {
        sold = card->history[i].counter == wish.refers_counter ? &card->parts[i] : sold;
    }
    const struct plan_input input = {.programme = world->programme,
                                     .history = card->history,
                                     .history_count = card->count,
                                     .wish = wish,
                                     .occasion = &card->occasion,
                                     .sale_parts = sold,
                                     .minute = card->minute,
                                     .terminal = world->at->number,
                                     .sequence = world->at->count + 1};
    if (plan_make(&input, &card->plan) != ST_OK) {
        fail_msg("%s", card->plan.why.say);
    }
    struct entry intent = club_card_intent(world, wish.refers_counter);
    club_card_done(world, &intent);
}

void club_card_sell(struct club_card *world, int64_t amount, int64_t pay, int64_t redeem)
{
    club_card_tap(world, (struct wish){.kind = TRANSACTION_SALE,
                                       .amount = {amount},
                                       .pay_credit = {pay},
                                       .redeem = {redeem}});
}

void club_card_sync(struct club_card *world, const struct model_terminal *terminal, uint32_t after)
{
    struct fault fault = {""};
    model_batch(terminal, after, terminal->count - after, &world->batch);
    assert_int_equal(ledger_take(world->ledger, &world->batch, CLUB_CARD_NOW, &world->last, &fault),
                     ST_OK);
    assert_int_equal(world->last.answer, LEDGER_TAKEN);
}
