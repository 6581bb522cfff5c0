/* What the terminal makes of new particulars for a card: the tap brings them to the card beside the
 * snapshot, or stops before them; and what it knew of the card before is not believed any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/known.h"
#include "firmware/terminal/tap.h"

static const uint64_t the_card = 6274120000000028;
static const struct action_particulars wanted = {3, 30000, 0, 46327};

static struct card_view view_at(uint16_t action)
{
    struct card_view view = {.family = CARD_DESFIRE,
                             .condition = CARD_MEMBER,
                             .uid_bytes = 7,
                             .number = the_card,
                             .may_load = true};
    view.snapshot.layout = SNAPSHOT_LAYOUT_FIRST;
    view.snapshot.status = CARD_ACTIVE;
    view.snapshot.counter = 9;
    view.snapshot.action = action;
    view.snapshot.last.kind = TRANSACTION_SALE;
    view.snapshot.last.terminal = 1;
    view.snapshot.last.sequence = 1;
    return view;
}

static struct tap_look points_and_particulars(void)
{
    struct tap_look look = {.terminal = 17, .sequence = 30, .minute = 2000, .action_count = 2};
    look.actions[0] = (struct action){.kind = ACTION_POINTS,
                                      .origin = ORIGIN_PRIZE,
                                      .number = 5,
                                      .card_number = the_card,
                                      .amount = 30};
    look.actions[1] = (struct action){.kind = ACTION_PARTICULARS,
                                      .origin = ORIGIN_CORRECTION,
                                      .number = 6,
                                      .card_number = the_card,
                                      .amount = action_particulars_pack(&wanted)};
    return look;
}

/* A balance of that card, up to the intent that it begins with. */
static void begin(struct tap *tap, const struct card_view *view, const struct tap_look *look,
                  struct tap_act *ret_act)
{
    const struct tap_request request = {.what = TAP_BALANCE};
    const struct tap_event events[] = {{.kind = TAP_EVENT_START, .request = &request},
                                       {.kind = TAP_EVENT_CARD, .view = view},
                                       {.kind = TAP_EVENT_LOOKED, .look = look}};
    tap_init(tap, NULL);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(tap_step(tap, &events[n], ret_act), TAP_GO);
    }
    assert_int_equal(ret_act->kind, TAP_ACT_INTENT);
}

static void they_are_written_with_the_snapshot(void **state)
{
    (void)state;
    const struct tap_event stored = {.kind = TAP_EVENT_STORED};
    const struct card_view view = view_at(4);
    const struct tap_look look = points_and_particulars();
    struct tap tap;
    struct tap_act act;
    begin(&tap, &view, &look, &act);
    assert_int_equal(act.entry.intent.occasion.action_count, 2);
    assert_int_equal(tap_step(&tap, &stored, &act), TAP_GO);
    assert_int_equal(act.kind, TAP_ACT_COMMIT);
    assert_int_equal(act.snapshot.action, 6);
    assert_true(act.has_particulars);
    assert_int_equal(act.particulars.kind, wanted.kind);
    assert_int_equal(act.particulars.birthday, wanted.birthday);
    assert_int_equal(act.particulars.wedding, wanted.wedding);
    assert_int_equal(act.particulars.expires, wanted.expires);
}

/* What stands before them goes, and the card waits for a terminal that has the key. */
static void without_the_key_the_tap_stops_before_them(void **state)
{
    (void)state;
    const struct tap_event stored = {.kind = TAP_EVENT_STORED};
    struct card_view view = view_at(4);
    const struct tap_look look = points_and_particulars();
    struct tap tap;
    struct tap_act act;
    view.may_load = false;
    begin(&tap, &view, &look, &act);
    assert_int_equal(act.entry.intent.occasion.action_count, 1);
    assert_non_null(strstr(tap.answer.waits.say.say, "no key"));
    assert_false(tap.answer.waits.is_forged);
    assert_int_equal(tap_step(&tap, &stored, &act), TAP_GO);
    assert_int_equal(act.kind, TAP_ACT_COMMIT);
    assert_int_equal(act.snapshot.action, 5);
    assert_false(act.has_particulars);
}

static enum st say_identity(void *ctx, struct card_identity *ret)
{
    *ret = *(const struct card_identity *)ctx;
    return ST_OK;
}

/* Another terminal may have changed what the card says: its action number tells. */
static void what_was_known_ends_with_the_cards_next_action(void **state)
{
    (void)state;
    static struct known known;
    static const struct card_ops ops = {.identity = say_identity};
    struct card_identity identity = {.number = the_card, .kind = 1, .birthday = 20000};
    const struct card_port card = {.ops = &ops, .ctx = &identity};
    const struct programme programme = {.uses = USES_IDENTITY};
    const struct tap_act ask = {.kind = TAP_ACT_KNOW, .asks_identity = true};
    const struct card_view before = view_at(4), after = view_at(5);
    struct occasion occasion = {0};
    struct tap_known said;
    assert_int_equal(known_ask(&known, &card, &programme, &ask, 4, &said), ST_OK);
    assert_int_equal(known_fill(&known, NULL, &programme, &before, &occasion), ST_OK);
    assert_true(occasion.has_identity);
    assert_int_equal(occasion.kind, 1);

    occasion = (struct occasion){0};
    assert_int_equal(known_fill(&known, NULL, &programme, &after, &occasion), ST_OK);
    assert_false(occasion.has_identity);
    identity.kind = 3;
    assert_int_equal(known_ask(&known, &card, &programme, &ask, 5, &said), ST_OK);
    assert_int_equal(known_fill(&known, NULL, &programme, &after, &occasion), ST_OK);
    assert_true(occasion.has_identity);
    assert_int_equal(occasion.kind, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_written_with_the_snapshot),
        cmocka_unit_test(without_the_key_the_tap_stops_before_them),
        cmocka_unit_test(what_was_known_ends_with_the_cards_next_action),
    };
    return cmocka_run_group_tests_name("amend", tests, NULL, NULL);
}
