/* test_tap.c - walks every cell of the three tables in docs/tap.md.
 *
 * The expected values are read from the page; this file only knows how to bring a tap into each
 * row's situation: `scripts` below, one line a row, in words that feed one event each. A row
 * without a script, a script without a row, and an unlisted pair that is not rejected all fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/listing.h"
#include "firmware/terminal/tap.h"

enum { ROWS_MAX = 260, CELL_MAX = 72, COLUMNS_MAX = 10 };

struct table {
    char cell[ROWS_MAX][COLUMNS_MAX][CELL_MAX];
    size_t rows;
};

static const char *const state_words[] = {"idle",    "wait",  "look", "confirm", "trace",
                                          "know",    "sight", "list", "intent",  "commit",
                                          "outcome", "hold",  "over"};
static const char *const event_words[] = {
    "start",   "card",   "no_card",      "gone",    "reader",    "time_up", "looked",
    "history", "stored", "store_failed", "written", "unwritten", "known"};
static const char *const shows_words[] = {"before", "after", "other", "beyond", "forged", "none"};
static const char *const verdict_words[] = {"absent",    "done",   "flickers",  "other",
                                            "look_back", "forged", "unreadable"};
static const char *const act_words[] = {"write_again",   "give_up",    "answer_done", "note_done",
                                        "note_not_done", "note_left",  "answer_left", "history",
                                        "stop",          "issue_first"};

static int find(const char *const *words, size_t count, const char *word)
{
    for (size_t n = 0; n < count; n++) {
        if (strcmp(words[n], word) == 0) {
            return (int)n;
        }
    }
    fail_msg("docs/tap.md has an unknown word: %s", word);
    return -1;
}

#define FIND(words, word) find(words, sizeof(words) / sizeof *(words), word)

/* Reads the table that follows the marker in docs/tap.md, without its two heading lines. */
static void read_table(const char *name, struct table *ret)
{
    FILE *file = fopen("docs/tap.md", "r");
    assert_non_null(file);
    char line[1024], marker[64];
    snprintf(marker, sizeof marker, "<!-- table: %s -->\n", name);
    *ret = (struct table){0};
    while (fgets(line, sizeof line, file) != NULL && strcmp(line, marker) != 0) {
    }
    for (int at = 0; fgets(line, sizeof line, file) != NULL && line[0] == '|'; at++) {
        if (at < 2) {
            continue;
        }
        assert_true(ret->rows < ROWS_MAX);
        char *rest = line + 1;
        for (int column = 0; column < COLUMNS_MAX && strchr(rest, '|') != NULL; column++) {
            char *cell = rest;
            rest = strchr(rest, '|') + 1;
            rest[-1] = '\0';
            cell += strspn(cell, " ");
            size_t size = strlen(cell);
            while (size > 0 && cell[size - 1] == ' ') {
                size--;
            }
            snprintf(ret->cell[ret->rows][column], CELL_MAX, "%.*s", (int)size, cell);
        }
        ret->rows++;
    }
    fclose(file);
    assert_true(ret->rows > 0);
}

/* --- the world ------------------------------------------------------------------------------ */

static const struct programme_rule base_rule = {
    .id = "base", .award = {.is_set = true, .points = {1}, .per = {100000}}};

static const struct programme the_programme = {
    .version = 3,
    .club = "Test",
    .unit = UNIT_RIAL,
    .modules = MODULE_POINTS | MODULE_REDEMPTION | MODULE_CREDIT,
    .rules = &base_rule,
    .rule_count = 1,
    .redeem_max_hundredths = PERCENT_WHOLE,
    .rebate_step = {1},
    .cashback_step = {1},
    .tier_period = PERIOD_YEAR,
    .point_value = {1000},
    .sale_max = {10000000},
    .load_min = {1},
    .load_max = {10000000},
    .purse_max = {[PURSE_CREDIT] = {50000000}},
    .opening_max = {1000000},
    .points_max = {1000000},
};

/* The same, and it looks at what a card remembers and who its member is; points expire by year. */
static const struct programme *facts_programme(void)
{
    static struct programme programme;
    programme = the_programme;
    programme.modules |= MODULE_EXPIRY | MODULE_GIFT;
    programme.purse_max[PURSE_GIFT].rials = 1000000;
    programme.expiry = PERIOD_YEAR;
    programme.uses = USES_FACTS | USES_IDENTITY;
    return &programme;
}

static const uint64_t the_number = 6274120000000010;

struct world {
    struct tap tap;
    struct tap_act act;
    enum tap_next next;
    struct entry pending; /* what "in doubt" words are about */
    char last[CELL_MAX];  /* event of the last word */
};

static struct snapshot state_at(uint32_t counter, uint32_t terminal, uint32_t sequence)
{
    return (struct snapshot){
        .layout = SNAPSHOT_LAYOUT_FIRST,
        .status = CARD_ACTIVE,
        .counter = counter,
        .points = {20},
        .purse = {[PURSE_CREDIT] = {500000}},
        .last = {.kind = TRANSACTION_SALE,
                 .amount = {400000},
                 .minute = 1000,
                 .terminal = terminal,
                 .sequence = sequence},
    };
}

static struct card_view view_of(enum card_condition condition, struct snapshot snapshot)
{
    struct card_view view = {
        .family = CARD_CLASSIC, .condition = condition, .uid = {1, 2, 3, 4}, .uid_bytes = 4};
    view.may_load = condition == CARD_MEMBER;
    view.may_issue = condition == CARD_BLANK || condition == CARD_HALF_ISSUED;
    if (condition == CARD_MEMBER) {
        view.number = the_number;
        view.snapshot = snapshot;
    }
    return view;
}

static void feed(struct world *world, struct tap_event event)
{
    world->next = tap_step(&world->tap, &event, &world->act);
    snprintf(world->last, sizeof world->last, "%s", event_words[event.kind]);
}

static struct tap_request request_of(const char *word)
{
    struct tap_request request = {0};
    if (strncmp(word, "sale", 4) == 0) {
        request.what = TAP_SALE;
        request.wish = (struct wish){.kind = TRANSACTION_SALE, .amount = {300000}};
        request.wish.pay_credit.rials = strcmp(word, "sale-dear") == 0 ? 900000 : 100000;
        if (strcmp(word, "sale-dear") == 0) {
            request.wish.amount.rials = 900000;
        } else if (strcmp(word, "sale-gift") == 0) {
            request.wish.pay_credit.rials = 0;
            request.wish.pay_gift.rials = 50000;
        }
    } else if (strcmp(word, "load") == 0) {
        request.what = TAP_LOAD;
        request.wish = (struct wish){.kind = TRANSACTION_LOAD, .amount = {70000}};
    } else if (strcmp(word, "refund") == 0 || strcmp(word, "refund-lost") == 0) {
        request.what = TAP_REFUND;
        request.wish = (struct wish){.kind = TRANSACTION_REFUND,
                                     .refers_counter = strcmp(word, "refund") == 0 ? 5 : 1};
    } else if (strcmp(word, "transfer") == 0) {
        request.what = TAP_TRANSFER;
        request.wish = (struct wish){.kind = TRANSACTION_TRANSFER, .amount = {100000}};
        request.wish.peer.direction = PEER_OUT;
    } else if (strcmp(word, "duplicate") == 0) {
        request.what = TAP_DUPLICATE;
        request.wish = (struct wish){.kind = TRANSACTION_DUPLICATE, .peer.direction = PEER_OUT};
    } else if (strcmp(word, "unload") == 0) {
        request.what = TAP_UNLOAD;
        request.wish = (struct wish){.kind = TRANSACTION_UNLOAD, .refers_counter = 5};
    } else if (strncmp(word, "issue", 5) == 0) {
        request.what = TAP_ISSUE;
        request.wish = (struct wish){.kind = TRANSACTION_ACTIVATE};
        request.wish.amount.rials = strcmp(word, "issue-dear") == 0 ? 600000 : 500000;
    } else if (strcmp(word, "balance") == 0) {
        request.what = TAP_BALANCE;
    } else {
        assert_string_equal(word, "history");
        request.what = TAP_HISTORY;
    }
    return request;
}

static bool feed_plain(struct world *world, const char *word)
{
    static const struct {
        const char *word;
        enum tap_event_kind kind;
    } plain[] = {{"nocard", TAP_EVENT_NO_CARD},  {"gone", TAP_EVENT_GONE},
                 {"reader", TAP_EVENT_READER},   {"timeup", TAP_EVENT_TIME_UP},
                 {"stored", TAP_EVENT_STORED},   {"failed", TAP_EVENT_STORE_FAILED},
                 {"written", TAP_EVENT_WRITTEN}, {"unwritten", TAP_EVENT_UNWRITTEN}};
    for (size_t n = 0; n < sizeof plain / sizeof *plain; n++) {
        if (strcmp(word, plain[n].word) == 0) {
            feed(world, (struct tap_event){.kind = plain[n].kind});
            return true;
        }
    }
    return false;
}

/* A day of 1404, counted from 1402: period 2. Whole days since 2024-01-01: about 800. */
enum { MINUTE_OF_1404 = 800 * 1440 };

/* What the card with counter 5 and 20 points remembers; `is_over`: 7 of them are from before 1403.
 */
static struct facts facts_of(bool is_over)
{
    return (struct facts){.counter = 5,
                          .last_day = 700,
                          .visits = 3,
                          .carry = is_over ? 7 : 20,
                          .roll = is_over ? 1 : 2};
}

/* Credit by bank and points as a prize, from number 1 on. */
static void fill_actions(struct tap_look *look, const char *word)
{
    if (strcmp(word, "waits") == 0) {
        fault_say(&look->waits.say, "forged");
        look->waits.is_forged = true;
        return;
    }
    const uint16_t first = strcmp(word, "gap") == 0 ? 2 : 1;
    look->action_count = 2;
    look->actions[0] = (struct action){.kind = ACTION_CREDIT,
                                       .origin = ORIGIN_BANK,
                                       .number = first,
                                       .card_number = the_number,
                                       .amount = 70000,
                                       .text = "Nowruz"};
    look->actions[1] = (struct action){.kind = ACTION_POINTS,
                                       .origin = ORIGIN_PRIZE,
                                       .number = (uint16_t)(first + 1),
                                       .card_number = the_number,
                                       .amount = 30};
}

/* Makes the intent that a request like `word` would have left in doubt. */
static struct entry intent_of(const char *word)
{
    struct tap tap;
    struct tap_act act;
    bool is_block = strcmp(word, "block") == 0; /* whatever was asked */
    bool is_expiry = strcmp(word, "expiry") == 0, are_actions = strcmp(word, "actions") == 0;
    struct tap_request request = request_of(is_block || is_expiry || are_actions ? "sale" : word);
    bool is_issue = request.what == TAP_ISSUE;
    struct card_view view = view_of(is_issue ? CARD_BLANK : CARD_MEMBER, state_at(5, 9, 40));
    struct tap_look look = {
        .terminal = 17, .sequence = 30, .minute = 2000, .free_number = the_number};
    look.listing = is_block ? LISTING_LOST : LISTING_NONE;
    if (are_actions) {
        fill_actions(&look, word);
    }
    tap_init(&tap, is_expiry ? facts_programme() : &the_programme);
    if (is_expiry) {
        look.minute = MINUTE_OF_1404;
        look.occasion = (struct occasion){.has_facts = true, .facts = facts_of(true)};
        look.occasion.has_identity = true;
    }
    struct tap_event events[] = {{.kind = TAP_EVENT_START, .request = &request},
                                 {.kind = TAP_EVENT_CARD, .view = &view},
                                 {.kind = TAP_EVENT_LOOKED, .look = &look}};
    for (int n = 0; n < 3; n++) {
        assert_int_equal(tap_step(&tap, &events[n], &act), TAP_GO);
    }
    assert_int_equal(act.kind, is_issue ? TAP_ACT_APPEND : TAP_ACT_INTENT);
    assert_int_equal(act.entry.kind, ENTRY_INTENT);
    return act.entry;
}

static bool feed_card(struct world *world, const char *word)
{
    static const struct {
        const char *word;
        enum card_condition condition;
    } others[] = {{"blank", CARD_BLANK},   {"half", CARD_HALF_ISSUED}, {"foreign", CARD_FOREIGN},
                  {"medium", CARD_MEDIUM}, {"damaged", CARD_DAMAGED},  {"tampered", CARD_TAMPERED}};
    const struct entry *pending = &world->pending;
    struct card_view view = view_of(CARD_MEMBER, state_at(5, 9, 40));
    bool known = strcmp(word, "card") == 0;
    for (size_t n = 0; n < sizeof others / sizeof *others; n++) {
        if (strcmp(word, others[n].word) == 0) {
            view = view_of(others[n].condition, (struct snapshot){0});
            known = true;
        }
    }
    if (strcmp(word, "after") == 0) {
        view.snapshot = pending->intent.after;
        known = true;
    } else if (strcmp(word, "other") == 0) {
        view.snapshot = state_at(pending->intent.after.counter, 9, 41);
        known = true;
    } else if (strcmp(word, "beyond") == 0) {
        view.snapshot = state_at(pending->intent.after.counter + 2, 9, 43);
        known = true;
    } else if (strcmp(word, "forged") == 0) {
        view.snapshot = state_at(4, 9, 39);
        known = true;
    } else if (strcmp(word, "card-gift") == 0) {
        view.snapshot.purse[PURSE_GIFT].rials = 50000;
        known = true;
    } else if (strcmp(word, "card-keyless") == 0) {
        view.may_load = false;
        known = true;
    } else if (strcmp(word, "blank-keyless") == 0) {
        view = view_of(CARD_BLANK, (struct snapshot){0});
        view.may_issue = false;
        known = true;
    } else if (strcmp(word, "card-blocked") == 0) {
        view.snapshot.status = CARD_BLOCKED;
        known = true;
    } else if (strcmp(word, "stranger") == 0) {
        view.number += 10;
        known = true;
    } else if (strcmp(word, "seven") == 0) {
        view.snapshot = state_at(7, 9, 42);
        known = true;
    }
    if (known) {
        feed(world, (struct tap_event){.kind = TAP_EVENT_CARD, .view = &view});
    }
    return known;
}

/* looked:twin (one of another card with this UID), looked, looked:seen, looked:higher, looked:fork,
 * looked:nonumber, looked:noted (as the card shows), looked:listed, looked:old-list, looked:own
 * (this tap's intent in doubt), looked:left (the one of an earlier "left:sale", "left:load" ...),
 * looked:old (the same, of long ago), looked:anothers (an issue for somebody else). Each may end in
 * +actions (two of the club's wait), +gap (the next one is not here), +waits (something is wrong
 * with it). */
static bool feed_looked(struct world *world, const char *word)
{
    if (strncmp(word, "looked", 6) != 0) {
        return false;
    }
    char what[CELL_MAX], *more;
    snprintf(what, sizeof what, "%s", word + 6 + (word[6] == ':'));
    more = strchr(what, '+');
    struct tap_look look = {
        .terminal = 17, .sequence = 31, .minute = 2000, .free_number = the_number};
    if (more != NULL) {
        fill_actions(&look, more + 1);
        *more = '\0';
    }
    if (strcmp(what, "seen") == 0 || strcmp(what, "higher") == 0 || strcmp(what, "fork") == 0) {
        look.has_seen = true;
        look.seen = state_at(what[0] == 'h' ? 7 : 5, 9, what[0] == 'h' ? 42 : 40);
        look.seen.points.n += what[0] == 'f';
    } else if (strcmp(what, "unanswered") == 0) {
        look.has_unanswered = true;
        look.unanswered = world->pending;
    } else if (strcmp(what, "noted") == 0) {
        look.has_seen = true;
        look.seen = world->tap.view.snapshot;
    } else if (strcmp(what, "nonumber") == 0) {
        look.free_number = 0;
    } else if (strcmp(what, "listed") == 0) {
        look.listing = LISTING_LOST;
    } else if (strncmp(what, "old-list", 8) == 0) {
        /* The sale pays 100,000 with credit, as much is transferred; the card has 500,000, and 20
         * points of 1,000 rials. */
        look.has_spend_max = true;
        look.spend_max.rials = strcmp(what + 8, "-all") == 0       ? 520000
                               : strcmp(what + 8, "-but-one") == 0 ? 519999
                               : what[8] == '\0'                   ? 99999
                                                                   : 100000;
    } else if (strcmp(what, "facts") == 0 || strcmp(what, "over") == 0) {
        look.minute = MINUTE_OF_1404;
        look.occasion.has_facts = true;
        look.occasion.facts = facts_of(what[0] == 'o');
        look.occasion.has_identity = true;
    } else if (strcmp(what, "unknown") == 0) {
        look.minute = MINUTE_OF_1404;
    } else if (what[0] != '\0') {
        look.has_pending = true;
        look.pending = strcmp(what, "own") == 0 ? world->tap.intent : world->pending;
        if (strcmp(what, "twin") == 0) {
            look.pending.sequence -= 1;
            look.pending.intent.card_number = world->tap.view.number;
        }
        look.is_pending_recent = strcmp(what, "old") != 0;
        look.is_pending_anothers = strcmp(what, "anothers") == 0;
    }
    feed(world, (struct tap_event){.kind = TAP_EVENT_LOOKED, .look = &look});
    return true;
}

/* known, known:over (points expire), known:lost (neither facts nor identity can be had). */
static bool feed_known(struct world *world, const char *word)
{
    if (strncmp(word, "known", 5) != 0) {
        return false;
    }
    bool is_lost = strcmp(word, "known:lost") == 0;
    struct tap_known known = {.has_facts = !is_lost, .has_identity = !is_lost};
    if (!is_lost) {
        known.facts = facts_of(strcmp(word, "known:over") == 0);
        known.identity = (struct card_identity){.number = the_number, .kind = 3, .birthday = 30000};
    }
    feed(world, (struct tap_event){.kind = TAP_EVENT_KNOWN, .known = &known});
    return true;
}

static bool feed_history(struct world *world, const char *word)
{
    if (strncmp(word, "hist:", 5) != 0) {
        return false;
    }
    struct snapshot list[3] = {world->tap.view.snapshot};
    size_t count = 1;
    if (strcmp(word, "hist:paid") == 0) {
        list[1] = state_at(4, 9, 39);
        list[1].points.n -= 4;
        list[1].purse[PURSE_CREDIT].rials += 100000;
        count = 2;
    } else if (strcmp(word, "hist:ours") == 0) {
        list[1] = state_at(7, 9, 42);
        list[2] = world->pending.intent.after;
        count = 3;
    } else if (strcmp(word, "hist:other") == 0) {
        list[1] = state_at(7, 9, 42);
        list[2] = state_at(6, 9, 41);
        count = 3;
    } else if (strcmp(word, "hist:list") == 0) {
        list[1] = state_at(4, 9, 39);
        list[1].points.n -= 4;
        count = 2;
    } else if (strcmp(word, "hist:changed") == 0) {
        list[0] = state_at(4, 9, 39);
    } else if (strcmp(word, "hist:none") == 0) {
        count = 0;
    } else {
        assert_string_equal(word, "hist:short");
    }
    feed(world, (struct tap_event){.kind = TAP_EVENT_HISTORY,
                                   .history = {.snapshots = list, .count = count}});
    return true;
}

static void run_word(struct world *world, const char *word)
{
    if (strcmp(word, "noprogramme") == 0) {
        tap_init(&world->tap, NULL);
    } else if (strcmp(word, "facts") == 0) {
        tap_init(&world->tap, facts_programme());
    } else if (strncmp(word, "left:", 5) == 0) {
        world->pending = intent_of(word + 5);
    } else if (!feed_plain(world, word) && !feed_card(world, word) && !feed_looked(world, word) &&
               !feed_history(world, word) && !feed_known(world, word)) {
        struct tap_request request = request_of(word);
        feed(world, (struct tap_event){.kind = TAP_EVENT_START, .request = &request});
    }
}

/* --- scripts: state, event, when, words ------------------------------------------------------- */

#define OWN     "sale card looked stored gone card looked:own "
#define HELD    "sale card looked stored gone "
#define SENT    "sale card looked stored unwritten "
#define AGAIN   "card looked:own card unwritten "
#define FIVE    SENT AGAIN AGAIN AGAIN AGAIN
#define OVER    "facts sale card looked:over "
#define ACTIONS "sale card looked+actions "
#define ISSUE   "issue blank looked stored "

static const char *const scripts[][4] = {
    {"idle", "start", "sale", "sale"},
    {"wait", "no_card", "-", "sale nocard"},
    {"wait", "gone", "-", "sale gone"},
    {"wait", "reader", "-", "sale reader"},
    {"wait", "time_up", "no card came", "sale nocard timeup"},
    {"wait", "time_up", "the reader is away", "sale reader timeup"},
    {"wait", "card", "member", "sale card"},
    {"wait", "card", "blank, asked to issue", "issue blank"},
    {"wait", "card", "blank", "sale blank"},
    {"wait", "card", "half issued", "balance half"},
    {"wait", "card", "foreign", "issue foreign"},
    {"wait", "card", "medium", "sale medium"},
    {"wait", "card", "damaged", "sale damaged"},
    {"wait", "card", "tampered", "sale tampered"},
    {"look", "looked", "sale", "sale card looked:seen"},
    {"look", "looked", "load", "load card looked"},
    {"look", "looked", "refund", "refund card looked"},
    {"look", "looked", "unload", "unload card looked"},
    {"look", "looked", "sale refused by the plan", "sale-dear card looked"},
    {"look", "looked", "sale, no programme", "noprogramme sale card looked"},
    {"look", "looked", "load, this terminal has no key for it", "load card-keyless looked"},
    {"look", "looked", "issue, this terminal has no key for it", "issue blank-keyless looked"},
    {"look", "looked", "issue on a blank card", "issue half looked"},
    {"look", "looked", "issue, no free number", "issue blank looked:nonumber"},
    {"look", "looked", "issue on a member card", "issue card looked"},
    {"look", "looked", "balance, state seen before", "balance card looked:seen"},
    {"look", "looked", "balance, state not seen before", "balance card looked"},
    {"look", "looked", "history, state seen before", "history card looked:seen"},
    {"look", "looked", "history, state not seen before", "history card looked"},
    {"look", "looked", "sale, done but maybe never answered",
     "left:sale sale after looked:unanswered"},
    {"look", "looked", "an intent in doubt", "left:load sale card looked:left"},
    {"look", "looked", "seen with a higher counter", "sale card looked:higher"},
    {"look", "looked", "seen with another content", "sale card looked:fork"},
    {"look", "looked", "held again, but another card of that UID", HELD "card looked"},
    {"look", "looked", "held again, but another card of that UID, in doubt itself",
     HELD "stranger looked:twin"},
    {"look", "store_failed", "nothing open", "sale card failed"},
    {"look", "store_failed", "in doubt", HELD "card failed"},
    {"confirm", "card", "absent, same tap", OWN "card"},
    {"confirm", "card", "absent, same wish", "left:sale sale card looked:left card"},
    {"confirm", "card", "absent, other wish", "left:sale balance card looked:left card"},
    {"confirm", "card", "issue absent, same wish", "left:issue issue half looked:left half"},
    {"confirm", "card", "issue absent, other opening",
     "left:issue-dear issue half looked:left half"},
    {"confirm", "card", "done, same tap", HELD "after looked:own after"},
    {"confirm", "card", "done, same wish", "left:sale sale after looked:left after"},
    {"confirm", "card", "done, other wish", "left:sale load after looked:left after"},
    {"confirm", "card", "flickers, same tap", OWN "after"},
    {"confirm", "card", "flickers, other wish", "left:sale balance card looked:left after"},
    {"confirm", "card", "issue flickers, balance asked",
     "left:issue balance after looked:left half"},
    {"confirm", "card", "issue flickers, same wish", "left:issue issue after looked:left half"},
    {"confirm", "card", "issue flickers, other opening",
     "left:issue-dear issue after looked:left half"},
    {"confirm", "card", "issue absent, for somebody else",
     "left:issue issue half looked:anothers half"},
    {"confirm", "card", "other", "left:load sale card looked:left other"},
    {"confirm", "card", "beyond", "left:load sale card looked:left beyond"},
    {"confirm", "card", "forged", "left:load sale card looked:left forged"},
    {"confirm", "card", "damaged, other wish", "left:load sale card looked:left damaged"},
    {"confirm", "card", "damaged, same wish", "left:sale sale card looked:left damaged"},
    {"confirm", "card", "rolled back, twice", "sale card looked:higher card"},
    {"confirm", "card", "rolled back, once", "sale card looked:higher seven"},
    {"confirm", "no_card", "nothing open", "left:load sale card looked:left nocard"},
    {"confirm", "no_card", "in doubt", OWN "nocard"},
    {"confirm", "gone", "nothing open", "left:load sale card looked:left gone"},
    {"confirm", "gone", "in doubt", OWN "gone"},
    {"confirm", "reader", "nothing open", "left:load sale card looked:left reader"},
    {"confirm", "reader", "in doubt", OWN "reader"},
    {"trace", "history", "ours is there, same wish",
     "left:sale sale card looked:left beyond hist:ours"},
    {"trace", "history", "ours is there, other wish",
     "left:sale load card looked:left beyond hist:ours"},
    {"trace", "history", "another's is there", "left:sale load card looked:left beyond hist:other"},
    {"trace", "history", "does not reach back, same wish",
     "left:sale sale card looked:left beyond hist:short"},
    {"trace", "history", "does not reach back, other wish",
     "left:sale load card looked:left beyond hist:short"},
    {"trace", "gone", "-", "left:sale load card looked:left beyond gone"},
    {"trace", "reader", "-", "left:sale load card looked:left beyond reader"},
    {"sight", "stored", "balance", "balance card looked stored"},
    {"sight", "stored", "history", "history card looked stored"},
    {"sight", "stored", "rolled back", "sale card looked:higher card stored"},
    {"sight", "stored", "forged, same wish in doubt",
     "left:sale sale card looked:left forged stored"},
    {"sight", "store_failed", "balance", "balance card looked failed"},
    {"sight", "store_failed", "history", "history card looked failed"},
    {"sight", "store_failed", "rolled back", "sale card looked:higher card failed"},
    {"list", "history", "refund", "refund card looked hist:list"},
    {"list", "history", "refund to credit, this terminal has no key for it",
     "refund card-keyless looked hist:paid"},
    {"list", "history", "refund of money only, this terminal has no key for credit",
     "refund card-keyless looked hist:list"},
    {"list", "history", "refund refused by the plan", "refund-lost card looked hist:list"},
    {"list", "history", "history", "history card looked:seen hist:list"},
    {"list", "history", "nothing readable", "history card looked:seen hist:none"},
    {"list", "history", "the newest reads differently now", "refund card looked hist:changed"},
    {"list", "gone", "-", "refund card looked gone"},
    {"list", "reader", "-", "refund card looked reader"},
    {"intent", "stored", "sale", "sale card looked stored"},
    {"intent", "stored", "issue", ISSUE},
    {"intent", "store_failed", "-", "sale card looked failed"},
    {"commit", "written", "-", "sale card looked stored written"},
    {"commit", "written", "an older intent, firm now",
     "left:sale balance card looked:left after written"},
    {"commit", "unwritten", "-", SENT},
    {"commit", "unwritten", "five times", FIVE},
    {"commit", "unwritten", "five times, but it was away in between",
     SENT AGAIN AGAIN AGAIN "nocard " AGAIN},
    {"outcome", "stored", "cannot be written", FIVE "stored"},
    {"outcome", "store_failed", "cannot be written", FIVE "failed"},
    {"commit", "gone", "-", HELD},
    {"commit", "reader", "-", "sale card looked stored reader"},
    {"outcome", "stored", "done", "sale card looked stored written stored"},
    {"outcome", "stored", "not done, go on", "left:sale load card looked:left card stored"},
    {"outcome", "stored", "the same wish of long ago done, go on",
     "left:sale sale after looked:old after stored"},
    {"outcome", "stored", "an older one done, go on",
     "left:sale load after looked:left after stored"},
    {"outcome", "stored", "an older intent, firm now",
     "left:sale balance card looked:left after written stored"},
    {"outcome", "stored", "left, same wish",
     "left:sale sale card looked:left beyond hist:short stored"},
    {"outcome", "stored", "never sent, time over", SENT "timeup stored"},
    {"outcome", "store_failed", "done", "sale card looked stored written failed"},
    {"outcome", "store_failed", "not done, go on", "left:sale load card looked:left card failed"},
    {"outcome", "store_failed", "an older one done, go on",
     "left:sale load after looked:left after failed"},
    {"outcome", "store_failed", "an older intent, firm now",
     "left:sale balance card looked:left after written failed"},
    {"outcome", "store_failed", "left, same wish",
     "left:sale sale card looked:left beyond hist:short failed"},
    {"outcome", "store_failed", "never sent, time over", SENT "timeup failed"},
    {"hold", "card", "member", HELD "card"},
    {"hold", "card", "damaged, in doubt", HELD "damaged"},
    {"hold", "card", "damaged, never sent", SENT "damaged"},
    {"outcome", "stored", "never sent, damaged card", SENT "damaged stored"},
    {"outcome", "store_failed", "never sent, damaged card", SENT "damaged failed"},
    {"hold", "no_card", "-", HELD "nocard"},
    {"hold", "gone", "-", HELD "gone"},
    {"hold", "reader", "-", HELD "reader"},
    {"hold", "time_up", "in doubt", HELD "timeup"},
    {"hold", "time_up", "never sent", SENT "timeup"},
    {"look", "looked", "a listed card", "sale card looked:listed"},
    {"look", "looked", "a listed card, balance", "balance card looked:listed"},
    {"look", "looked", "a listed card that is blocked", "sale card-blocked looked:listed"},
    {"look", "looked", "a listed card that is blocked, balance",
     "balance card-blocked looked:listed"},
    {"look", "looked", "a blocked card that is not listed", "sale card-blocked looked"},
    {"look", "looked", "old list, sale that spends too much", "sale card looked:old-list"},
    {"look", "looked", "old list, sale that spends what may be spent",
     "sale card looked:old-list-more"},
    {"look", "looked", "old list, load", "load card looked:old-list"},
    {"look", "looked", "old list, transfer of too much", "transfer card looked:old-list"},
    {"look", "looked", "old list, transfer of what may leave",
     "transfer card looked:old-list-more"},
    {"know", "known", "sale that spends gift", "facts sale-gift card-gift looked:unknown known"},
    {"know", "known", "sale that spends gift, identity is broken",
     "facts sale-gift card-gift looked:unknown known:lost"},
    {"know", "known", "duplicate, identity is broken", "duplicate card looked known:lost"},
    {"know", "known", "old list, duplicate of too much",
     "duplicate card looked:old-list-but-one known"},
    {"know", "known", "old list, duplicate of what may leave",
     "duplicate card looked:old-list-all known"},
    {"confirm", "card", "block absent, same tap",
     "sale card looked:listed stored gone card looked:own card"},
    {"confirm", "card", "block done, same tap",
     "sale card looked:listed stored gone after looked:own after"},
    {"confirm", "card", "block of an earlier tap done", "left:block sale after looked:left after"},
    {"confirm", "card", "block of an earlier tap absent", "left:block sale card looked:left card"},
    {"intent", "stored", "block", "sale card looked:listed stored"},
    {"intent", "store_failed", "block", "sale card looked:listed failed"},
    {"intent", "store_failed", "block, balance", "balance card looked:listed failed"},
    {"intent", "store_failed", "block, history", "history card looked:listed failed"},
    {"commit", "written", "block", "sale card looked:listed stored written"},
    {"commit", "gone", "block", "sale card looked:listed stored gone"},
    {"outcome", "stored", "blocked", "sale card looked:listed stored written stored"},
    {"outcome", "stored", "blocked, balance", "balance card looked:listed stored written stored"},
    {"outcome", "stored", "blocked, history", "history card looked:listed stored written stored"},
    {"outcome", "stored", "block of an earlier tap done, go on",
     "left:block sale after looked:left after stored"},
    {"outcome", "stored", "block never sent, time over",
     "sale card looked:listed stored unwritten timeup stored"},
    {"outcome", "store_failed", "blocked", "sale card looked:listed stored written failed"},
    {"look", "looked", "sale, facts wanted and known here", "facts sale card looked:facts"},
    {"look", "looked", "sale, facts wanted", "facts sale card looked:unknown"},
    {"look", "looked", "refund, facts wanted", "facts refund card looked:unknown"},
    {"look", "looked", "points are over", "facts sale card looked:over"},
    {"look", "looked", "points are over, balance", "facts balance card looked:over"},
    {"look", "looked", "points are over, a blocked card", "facts sale card-blocked looked:over"},
    {"know", "known", "sale", "facts sale card looked:unknown known"},
    {"know", "known", "sale, facts are lost", "facts sale card looked:unknown known:lost"},
    {"know", "known", "refund", "facts refund card looked:unknown known"},
    {"know", "known", "points are over", "facts sale card looked:unknown known:over"},
    {"know", "gone", "-", "facts sale card looked:unknown gone"},
    {"know", "reader", "-", "facts sale card looked:unknown reader"},
    {"intent", "stored", "points are over", OVER "stored"},
    {"intent", "store_failed", "points are over", OVER "failed"},
    {"commit", "written", "points are over", OVER "stored written"},
    {"commit", "gone", "points are over", OVER "stored gone"},
    {"outcome", "stored", "points are over", OVER "stored written stored"},
    {"outcome", "store_failed", "points are over", OVER "stored written failed"},
    {"confirm", "card", "expiry absent, same tap", OVER "stored gone card looked:own card"},
    {"confirm", "card", "expiry done, same tap", OVER "stored gone after looked:own after"},
    {"confirm", "card", "expiry of an earlier tap done",
     "left:expiry facts sale after looked:left after"},
    {"confirm", "card", "expiry of an earlier tap absent",
     "left:expiry facts sale card looked:left card"},
    {"trace", "history", "expiry, does not reach back",
     OVER "stored gone card looked:own beyond hist:short"},
    {"hold", "time_up", "expiry in doubt", OVER "stored gone timeup"},
    {"hold", "card", "damaged, expiry in doubt", OVER "stored gone damaged"},
    {"look", "looked", "actions wait", "sale card looked+actions"},
    {"look", "looked", "actions wait, balance", "balance card looked:seen+actions"},
    {"look", "looked", "actions wait, history", "history card looked+actions"},
    {"look", "looked", "actions wait, no programme, balance",
     "noprogramme balance card looked+actions"},
    {"look", "looked", "actions wait, a blocked card", "sale card-blocked looked+actions"},
    {"look", "looked", "actions wait, a listed card that is blocked",
     "sale card-blocked looked:listed+actions"},
    {"look", "looked", "actions wait, but not the next one", "sale card looked+gap"},
    {"look", "looked", "an action that is not the club's, balance",
     "balance card looked:seen+waits"},
    {"look", "looked", "actions wait, issue on a member card", "issue card looked+actions"},
    {"look", "looked", "actions wait, balance, a sale that maybe was never answered",
     "left:sale balance after looked:unanswered+actions"},
    {"look", "looked", "actions wait, a sale that maybe was never answered",
     "left:sale sale after looked:unanswered+actions"},
    {"look", "looked", "actions wait, facts wanted", "facts sale card looked:unknown+actions"},
    {"know", "known", "actions wait", "facts sale card looked:unknown+actions known"},
    {"intent", "stored", "actions", ACTIONS "stored"},
    {"intent", "store_failed", "actions", ACTIONS "failed"},
    {"intent", "store_failed", "actions, balance", "balance card looked+actions failed"},
    {"intent", "store_failed", "actions, history", "history card looked+actions failed"},
    {"commit", "written", "actions", ACTIONS "stored written"},
    {"commit", "gone", "actions", ACTIONS "stored gone"},
    {"commit", "unwritten", "actions", ACTIONS "stored unwritten"},
    {"outcome", "stored", "actions", ACTIONS "stored written stored"},
    {"outcome", "stored", "actions, balance", "balance card looked+actions stored written stored"},
    {"outcome", "store_failed", "actions", ACTIONS "stored written failed"},
    {"outcome", "store_failed", "actions, balance",
     "balance card looked+actions stored written failed"},
    {"outcome", "store_failed", "actions, history",
     "history card looked+actions stored written failed"},
    {"confirm", "card", "actions absent, same tap", ACTIONS "stored gone card looked:own card"},
    {"confirm", "card", "actions done, same tap", ACTIONS "stored gone after looked:own after"},
    {"confirm", "card", "actions of an earlier tap done",
     "left:actions sale after looked:left after"},
    {"confirm", "card", "actions of an earlier tap absent",
     "left:actions sale card looked:left card"},
    {"confirm", "card", "actions of an earlier tap overtaken",
     "left:actions sale other looked:left other"},
    {"trace", "history", "actions, does not reach back",
     ACTIONS "stored gone card looked:own beyond hist:short"},
    {"hold", "time_up", "actions in doubt", ACTIONS "stored gone timeup"},
    {"hold", "time_up", "actions never sent", ACTIONS "stored unwritten timeup"},
    {"hold", "card", "damaged, actions in doubt", ACTIONS "stored gone damaged"},
    {"hold", "time_up", "block in doubt", "sale card looked:listed stored gone timeup"},
    {"hold", "card", "damaged, block in doubt", "sale card looked:listed stored gone damaged"},
};
enum { SCRIPTS = sizeof scripts / sizeof *scripts };

/* Runs a script; `states` of the tap before its last word is what the row is about. */
static void run_script(struct world *world, const char *script, enum tap_state *ret_before)
{
    char words[512];
    snprintf(words, sizeof words, "%s", script);
    *world = (struct world){0};
    world->pending = intent_of("sale");
    tap_init(&world->tap, &the_programme);
    *ret_before = TAP_IDLE;
    for (char *at = words, *word; (word = strsep(&at, " ")) != NULL;) {
        if (word[0] == '\0') {
            continue;
        }
        *ret_before = world->tap.state;
        if (world->tap.has_intent) {
            world->pending = world->tap.intent;
        }
        run_word(world, word);
        if (world->next == TAP_REJECTED) {
            fail_msg("%s: rejected at %s", script, word);
        }
    }
}

static void name_act(const struct world *world, char *ret, size_t max)
{
    static const char *const verdicts[] = {
        [VERDICT_DONE] = "done", [VERDICT_NOT_DONE] = "not_done", [VERDICT_LEFT] = "left"};
    const struct tap_act *act = &world->act;
    switch (act->kind) {
    case TAP_ACT_READ:
        snprintf(ret, max, "%s", act->uid_bytes > 0 ? "read again" : "read");
        return;
    case TAP_ACT_LOOK_UP:
        snprintf(ret, max, "look up");
        return;
    case TAP_ACT_HISTORY:
        snprintf(ret, max, "history");
        return;
    case TAP_ACT_KNOW:
        assert_true(act->asks_facts || act->asks_identity);
        snprintf(ret, max, "ask the card");
        return;
    case TAP_ACT_APPEND:
        if (act->entry.kind == ENTRY_OUTCOME) {
            snprintf(ret, max, "append outcome %s", verdicts[act->entry.outcome.verdict]);
        } else {
            snprintf(ret, max, "append %s",
                     act->entry.kind == ENTRY_INTENT ? "intent" : "sighting");
        }
        return;
    case TAP_ACT_INTENT:
        assert_int_equal(act->entry.kind, ENTRY_INTENT);
        assert_memory_equal(&act->snapshot, &act->entry.intent.after, sizeof act->snapshot);
        snprintf(ret, max, "append intent, stage");
        return;
    case TAP_ACT_COMMIT:
        snprintf(ret, max, "commit");
        return;
    case TAP_ACT_ISSUE:
        snprintf(ret, max, "issue");
        return;
    case TAP_ACT_ANSWER:
        snprintf(ret, max, "answer %s%s%s",
                 act->answer.outcome == TAP_DONE         ? "done"
                 : act->answer.outcome == TAP_HOLD_AGAIN ? "hold_again"
                                                         : "not_done",
                 act->answer.outcome == TAP_NOT_DONE ? " " : "",
                 act->answer.outcome == TAP_NOT_DONE ? tap_reason_word(act->answer.reason) : "");
        return;
    case TAP_ACT_NONE:
        break;
    }
    fail_msg("no act");
}

static void every_row_of_the_steps_table_is_what_the_tap_does(void **unused)
{
    (void)unused;
    static struct table table;
    read_table("steps", &table);
    bool is_used[SCRIPTS] = {false};
    for (size_t row = 0; row < table.rows; row++) {
        char(*cell)[CELL_MAX] = table.cell[row];
        size_t n = 0;
        while (n < SCRIPTS &&
               (strcmp(scripts[n][0], cell[0]) != 0 || strcmp(scripts[n][1], cell[1]) != 0 ||
                strcmp(scripts[n][2], cell[2]) != 0)) {
            n++;
        }
        if (n == SCRIPTS) {
            fail_msg("no script for row: %s, %s, %s", cell[0], cell[1], cell[2]);
        }
        is_used[n] = true;
        static struct world world;
        enum tap_state before;
        char act[CELL_MAX];
        run_script(&world, scripts[n][3], &before);
        name_act(&world, act, sizeof act);
        if (before != (enum tap_state)FIND(state_words, cell[0]) ||
            strcmp(world.last, cell[1]) != 0 || strcmp(act, cell[3]) != 0 ||
            world.tap.state != (enum tap_state)FIND(state_words, cell[4])) {
            fail_msg("%s, %s, %s: the page says %s -> %s, the tap did (%s, %s) %s -> %s", cell[0],
                     cell[1], cell[2], cell[3], cell[4], state_words[before], world.last, act,
                     state_words[world.tap.state]);
        }
        assert_int_equal(world.next == TAP_END, world.tap.state == TAP_OVER);
        assert_int_equal(tap_is_waiting(&world.tap),
                         world.tap.state == TAP_WAIT || world.tap.state == TAP_HOLD);
    }
    for (size_t n = 0; n < SCRIPTS; n++) {
        if (!is_used[n]) {
            fail_msg("no row for script: %s, %s, %s", scripts[n][0], scripts[n][1], scripts[n][2]);
        }
    }
    printf("# %zu rows of state x event\n", table.rows);
}

/* Brings a tap into `state`, by the first script that passes through it. */
static void bring_into(struct world *world, enum tap_state state)
{
    enum tap_state before;
    tap_init(&world->tap, &the_programme);
    for (size_t n = 0; state != TAP_IDLE; n++) {
        assert_true(n < SCRIPTS);
        run_script(world, scripts[n][3], &before);
        if (world->tap.state == state) {
            return;
        }
    }
}

static void every_unlisted_pair_is_rejected_and_changes_nothing(void **unused)
{
    (void)unused;
    static struct table table;
    static struct world world;
    static struct tap before;
    read_table("steps", &table);
    int rejected = 0;
    for (int state = 0; state < TAP_STATES; state++) {
        for (int kind = 0; kind < TAP_EVENTS; kind++) {
            bool is_listed = false;
            for (size_t row = 0; row < table.rows; row++) {
                is_listed |= FIND(state_words, table.cell[row][0]) == state &&
                             FIND(event_words, table.cell[row][1]) == kind;
            }
            if (is_listed) {
                continue;
            }
            bring_into(&world, (enum tap_state)state);
            memcpy(&before, &world.tap, sizeof before);
            struct tap_act act = {.kind = TAP_ACT_NONE};
            struct tap_event event = {.kind = (enum tap_event_kind)kind};
            if (tap_step(&world.tap, &event, &act) != TAP_REJECTED) {
                fail_msg("%s takes %s, which the page does not list", state_words[state],
                         event_words[kind]);
            }
            assert_memory_equal(&before, &world.tap, sizeof before);
            assert_int_equal(act.kind, TAP_ACT_NONE);
            rejected++;
        }
    }
    printf("# %d pairs of state x event rejected, of %d\n", rejected, TAP_STATES * TAP_EVENTS);
}

static void every_pair_of_readings_is_judged_as_the_page_says(void **unused)
{
    (void)unused;
    static struct table table;
    read_table("judge", &table);
    assert_int_equal(table.rows, SETTLE_SHOWS);
    for (size_t row = 0; row < SETTLE_SHOWS; row++) {
        for (int column = 0; column < SETTLE_SHOWS; column++) {
            enum settle_shows first = (enum settle_shows)FIND(shows_words, table.cell[row][0]);
            enum settle_verdict verdict =
                (enum settle_verdict)FIND(verdict_words, table.cell[row][column + 1]);
            if (settle_judge(first, (enum settle_shows)column) != verdict) {
                fail_msg("%s then %s is not %s", shows_words[first], shows_words[column],
                         verdict_words[verdict]);
            }
        }
    }
}

static void every_verdict_leads_to_the_act_that_the_page_says(void **unused)
{
    (void)unused;
    static const struct {
        enum settle_asker asker;
        bool is_issue, asks_issue;
    } columns[] = {
        {ASKER_SAME_TAP, false, false},   {ASKER_SAME_WISH, false, false},
        {ASKER_OTHER_WISH, false, false}, {ASKER_SAME_TAP, true, true},
        {ASKER_SAME_WISH, true, true},    {ASKER_OTHER_WISH, true, true},
        {ASKER_OTHER_WISH, true, false},
    };
    static struct table table;
    read_table("act", &table);
    assert_int_equal(table.rows, SETTLE_VERDICTS);
    for (size_t row = 0; row < SETTLE_VERDICTS; row++) {
        enum settle_verdict verdict = (enum settle_verdict)FIND(verdict_words, table.cell[row][0]);
        for (size_t column = 0; column < sizeof columns / sizeof *columns; column++) {
            enum settle_act act = settle_act(verdict, columns[column].asker,
                                             columns[column].is_issue, columns[column].asks_issue);
            assert_string_equal(act_words[act], table.cell[row][column + 1]);
        }
    }
    /* Who asks to issue an issued card's number again is not an issue of another card: a request
     * that is no issue and finds another kind of intent reads the first three columns. */
    assert_int_equal(settle_act(SETTLE_ABSENT, ASKER_OTHER_WISH, false, true), SETTLE_GIVE_UP);
}

static void a_card_shows_what_the_page_says_about_an_intent(void **unused)
{
    (void)unused;
    struct entry sale = intent_of("sale"), issue = intent_of("issue");
    struct card_view view = view_of(CARD_MEMBER, sale.intent.before);
    assert_int_equal(settle_shows(&sale, &view), SHOWS_BEFORE);
    view.snapshot.points.n += 1; /* the same counter with another content */
    assert_int_equal(settle_shows(&sale, &view), SHOWS_FORGED);
    view.snapshot = sale.intent.after;
    assert_int_equal(settle_shows(&sale, &view), SHOWS_AFTER);
    view.snapshot.points.n += 1; /* our name on what we did not write */
    assert_int_equal(settle_shows(&sale, &view), SHOWS_FORGED);
    view.snapshot = sale.intent.after;
    view.snapshot.last.sequence += 1; /* another intent of ours */
    assert_int_equal(settle_shows(&sale, &view), SHOWS_OTHER);
    view.snapshot = state_at(4, 9, 39);
    assert_int_equal(settle_shows(&sale, &view), SHOWS_FORGED);
    view.snapshot = state_at(7, 9, 39);
    assert_int_equal(settle_shows(&sale, &view), SHOWS_BEYOND);
    view.number += 1;
    assert_int_equal(settle_shows(&sale, &view), SHOWS_FORGED);
    assert_int_equal(settle_shows(&issue, &view), SHOWS_OTHER); /* issued by somebody else */
    view = view_of(CARD_HALF_ISSUED, (struct snapshot){0});
    assert_int_equal(settle_shows(&issue, &view), SHOWS_BEFORE);
    assert_int_equal(settle_shows(&sale, &view), SHOWS_NONE);
    view.condition = CARD_DAMAGED;
    assert_int_equal(settle_shows(&issue, &view), SHOWS_NONE);
    view = view_of(CARD_MEMBER, issue.intent.after);
    assert_int_equal(settle_shows(&issue, &view), SHOWS_AFTER);
}

static void the_same_wish_asked_again_is_answered_and_not_done_again(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    run_script(&world, "left:sale sale after looked:left after stored", &before);
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    assert_true(world.act.answer.is_earlier);
    run_script(&world, HELD "after looked:own after stored", &before);
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    assert_false(world.act.answer.is_earlier);
    run_script(&world, "sale card looked stored written failed", &before);
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    assert_true(world.act.answer.is_unsaved);
    run_script(&world, "left:sale balance after looked:left after stored", &before);
    assert_int_equal(world.act.kind, TAP_ACT_LOOK_UP);
    assert_true(world.tap.answer.has_settled);
    assert_int_equal(world.tap.answer.settled, VERDICT_DONE);
}

/* Asks for a sale whose lines go into `receipt`. */
static void ask_with(struct world *world, struct receipt *receipt)
{
    struct tap_request request = request_of("sale");
    request.language = EXPLAIN_FA;
    tap_init(&world->tap, &the_programme);
    world->tap.receipt = receipt;
    feed(world, (struct tap_event){.kind = TAP_EVENT_START, .request = &request});
}

/* The lines of what was planned are in the answer of done, also in the `earlier` of a later tap;
 * not after a restart, and not when something else was planned meanwhile. */
static void an_answer_of_done_has_the_lines_of_its_plan(void **unused)
{
    (void)unused;
    enum { AGAIN_AT_ONCE, AFTER_ANOTHER, AFTER_A_RESTART, TIMES };
    static struct world world;
    static struct receipt receipt;
    world = (struct world){0};
    ask_with(&world, &receipt);
    run_word(&world, "card");
    run_word(&world, "looked");
    run_word(&world, "stored");
    assert_null(world.act.answer.lines);
    run_word(&world, "written");
    run_word(&world, "stored");
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    assert_ptr_equal(world.act.answer.lines, &receipt);
    assert_int_equal(receipt.language, EXPLAIN_FA);
    /* By hand: a rule; basket, paid with credit, to pay, points earned; points, credit. */
    assert_int_equal(receipt.count, 7);

    world.pending = world.tap.intent;
    for (int time = 0; time < TIMES; time++) {
        if (time == AFTER_ANOTHER) {
            receipt.of = state_at(6, 17, 32);
        } else if (time == AFTER_A_RESTART) {
            receipt = (struct receipt){0};
        }
        ask_with(&world, &receipt);
        run_word(&world, "after");
        run_word(&world, "looked:unanswered");
        assert_int_equal(world.act.answer.outcome, TAP_DONE);
        assert_true(world.act.answer.is_earlier);
        assert_ptr_equal(world.act.answer.lines, time == AGAIN_AT_ONCE ? &receipt : NULL);
    }
}

/* While a card is held, the one that lies there may have its UID and another number. */
static void in_doubt_it_is_the_intents_card_that_is_named(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    run_script(&world, HELD "timeup", &before);
    assert_int_equal(world.act.answer.card_number, the_number);
    run_script(&world, HELD "stranger looked timeup", &before);
    assert_int_equal(world.act.answer.outcome, TAP_HOLD_AGAIN);
    assert_int_equal(world.act.answer.card_number, the_number);
}

static void a_wish_is_the_same_only_in_every_part(void **unused)
{
    (void)unused;
    struct entry sale = intent_of("sale"), load = intent_of("load");
    struct wish wish = request_of("sale").wish;
    assert_true(settle_is_same_wish(&sale, &wish, NULL));
    assert_false(settle_is_same_wish(&load, &wish, NULL));
    wish.pay_credit.rials += 1;
    assert_false(settle_is_same_wish(&sale, &wish, NULL));
    wish = request_of("sale").wish;
    wish.redeem.n = 1;
    assert_false(settle_is_same_wish(&sale, &wish, NULL));
    wish = request_of("load").wish;
    assert_true(settle_is_same_wish(&load, &wish, NULL));
    wish.amount.rials += 1;
    assert_false(settle_is_same_wish(&load, &wish, NULL));
}

/* What a listed card is answered, and what of it is journalled and written. */
static void a_listed_card_is_blocked_and_nothing_else_changes(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    struct snapshot blocked = state_at(5, 9, 40);
    blocked.status = CARD_BLOCKED;
    blocked.counter = 6;
    blocked.last = (struct transaction){
        .kind = TRANSACTION_BLOCK, .minute = 2000, .terminal = 17, .sequence = 31};
    run_script(&world, "sale card looked:listed", &before);
    const struct entry_intent *intent = &world.act.entry.intent;
    assert_int_equal(intent->after.last.kind, TRANSACTION_BLOCK);
    assert_true(settle_same(&intent->after, &blocked));
    assert_int_equal(intent->parts.amount.rials, 0);
    assert_int_equal(intent->refers_counter, 0);
    run_script(&world, "sale card looked:listed stored", &before);
    assert_true(settle_same(&world.act.snapshot, &blocked));
    run_script(&world, "sale card looked:listed stored written stored", &before);
    assert_int_equal(world.act.answer.listing, LISTING_LOST);
    assert_true(settle_same(&world.act.answer.snapshot, &blocked));
    assert_false(world.act.answer.has_parts);
    assert_false(world.act.answer.has_settled);
    run_script(&world, "balance card looked:listed stored written stored", &before);
    assert_int_equal(world.act.answer.listing, LISTING_LOST);
    assert_true(settle_same(&world.act.answer.snapshot, &blocked));
    assert_non_null(strstr(world.act.answer.say.say, "blocked"));
    /* A terminal without any programme still blocks it. */
    run_script(&world, "noprogramme sale card looked:listed stored written stored", &before);
    assert_int_equal(world.act.answer.reason, TAP_REASON_HOTLISTED);
    assert_int_equal(world.tap.intent.intent.programme, 0);
    /* What was in doubt before is settled first, and then it is blocked. */
    run_script(&world, "left:sale sale after looked:left after stored", &before);
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    run_script(&world, "left:load sale after looked:left after stored looked:listed", &before);
    assert_int_equal(world.act.kind, TAP_ACT_INTENT);
    assert_int_equal(world.act.entry.intent.after.last.kind, TRANSACTION_BLOCK);
    /* Cut, and back: the same card goes on being blocked within the request. */
    run_script(&world, "sale card looked:listed stored gone card looked:own card written stored",
               &before);
    assert_int_equal(world.act.answer.reason, TAP_REASON_HOTLISTED);
    assert_false(world.act.answer.has_settled);
}

/* In a transaction of their own, in order; then what was asked, in the same tap. */
static void what_the_club_sends_comes_first_and_is_told(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    run_script(&world, ACTIONS, &before);
    const struct entry_intent *intent = &world.act.entry.intent;
    assert_int_equal(intent->after.last.kind, TRANSACTION_ACTION);
    assert_int_equal(intent->after.counter, 6);
    assert_int_equal(intent->after.action, 2);
    assert_int_equal(intent->after.purse[PURSE_CREDIT].rials, 570000);
    assert_int_equal(intent->after.points.n, 50);
    assert_int_equal(intent->occasion.action_count, 2);
    assert_int_equal(intent->occasion.actions[0].amount, 70000);
    run_script(&world, ACTIONS "stored written stored looked stored written stored", &before);
    const struct tap_answer *answer = &world.act.answer;
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_int_equal(answer->snapshot.last.kind, TRANSACTION_SALE);
    assert_int_equal(answer->snapshot.counter, 7);
    assert_int_equal(answer->snapshot.action, 2);
    assert_int_equal(answer->snapshot.purse[PURSE_CREDIT].rials, 470000); /* it pays 100,000 */
    assert_int_equal(answer->arrived_count, 2);
    assert_string_equal(answer->arrived[0].action.text, "Nowruz");
    assert_int_equal(answer->arrived[0].moved, 70000);
    assert_int_equal(answer->arrived[1].moved, 30);
    assert_false(answer->has_settled);

    /* A balance says what it is with them; so does one whose outcome the disk did not take. */
    run_script(&world, "balance card looked+actions stored written stored looked:noted", &before);
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_int_equal(answer->snapshot.purse[PURSE_CREDIT].rials, 570000);
    assert_int_equal(answer->arrived_count, 2);
    run_script(&world, "balance card looked+actions stored written failed", &before);
    assert_int_equal(answer->snapshot.purse[PURSE_CREDIT].rials, 570000);
    assert_int_equal(answer->arrived_count, 2);
    assert_true(answer->is_unsaved);
    run_script(&world, "balance card looked+actions failed", &before);
    assert_int_equal(answer->snapshot.purse[PURSE_CREDIT].rials, 500000);
    assert_int_equal(answer->arrived_count, 0);

    /* What was asked is refused, or the time is up: what came is told all the same. */
    run_script(&world, "sale-dear card looked+actions stored written stored looked", &before);
    assert_int_equal(answer->reason, TAP_REASON_REFUSED);
    assert_int_equal(answer->arrived_count, 2);
    run_script(&world, ACTIONS "stored gone after looked:own after stored looked", &before);
    assert_int_equal(world.act.kind, TAP_ACT_INTENT);
    assert_int_equal(world.act.entry.intent.after.last.kind, TRANSACTION_SALE);
    assert_int_equal(world.tap.answer.arrived_count, 2);
    /* Of an earlier tap that nobody saw the end of: told by the tap that settles it. */
    run_script(&world,
               "left:actions sale after looked:left after stored looked stored written stored",
               &before);
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_int_equal(answer->arrived_count, 2);
    assert_true(answer->has_settled);
}

static void what_does_not_arrive_is_said_and_stops_nothing(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    const struct tap_answer *answer = &world.act.answer;
    run_script(&world, "sale card looked+gap stored written stored", &before);
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_int_equal(answer->snapshot.action, 0);
    assert_non_null(strstr(answer->waits.say.say, "next"));
    assert_false(answer->waits.is_forged);
    run_script(&world, "sale card looked+waits stored written stored", &before);
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_true(answer->waits.is_forged);
    /* Without the key that raises credit: points would come, but not before the credit. */
    run_script(&world, "sale card-keyless looked+actions stored written stored", &before);
    assert_int_equal(answer->outcome, TAP_DONE);
    assert_int_equal(answer->snapshot.action, 0);
    assert_non_null(strstr(answer->waits.say.say, "no key"));
    /* A blocked card takes them, and is refused as before. */
    run_script(&world, "sale card-blocked looked+actions stored written stored looked", &before);
    assert_int_equal(answer->reason, TAP_REASON_REFUSED);
    assert_int_equal(answer->arrived_count, 2);
}

/* What is asked of a card, and what goes into the intent and back onto the card. */
static void facts_come_from_here_or_from_the_card_and_go_back_to_it(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    run_script(&world, "facts sale card looked:unknown", &before);
    assert_true(world.act.asks_facts && world.act.asks_identity);
    run_script(&world, "facts load card looked:unknown", &before);
    assert_true(world.act.asks_facts && !world.act.asks_identity);

    run_script(&world, "facts sale card looked:unknown known", &before);
    const struct occasion *occasion = &world.act.entry.intent.occasion;
    const struct facts facts = facts_of(false);
    assert_true(occasion->has_facts && facts_are_equal(&occasion->facts, &facts));
    assert_true(occasion->has_identity && occasion->kind == 3 && occasion->birthday == 30000);
    run_script(&world, "facts sale card looked:unknown known stored", &before);
    assert_int_equal(world.act.kind, TAP_ACT_COMMIT);
    assert_true(world.act.has_facts);
    assert_int_equal(world.act.facts.counter, 6);
    assert_int_equal(world.act.facts.visits, 4); /* 3, and today */

    /* Lost: nothing of it in the intent, and a new one begins, with every mark set. */
    run_script(&world, "facts sale card looked:unknown known:lost stored", &before);
    assert_false(world.tap.intent.intent.occasion.has_facts);
    assert_true(world.act.has_facts);
    assert_int_equal(world.act.facts.marks_ever, 0x1fff);

    /* A programme that does not look at them leaves the card's checkpoint alone. */
    run_script(&world, "sale card looked stored", &before);
    assert_false(world.act.has_facts);
    /* Nor is one begun anew by whoever did not ask for it, as the block of a listed card. */
    run_script(&world, "facts sale card looked:listed stored", &before);
    assert_false(world.act.has_facts);
}

static void points_that_are_over_go_first_and_then_what_was_asked(void **unused)
{
    (void)unused;
    static struct world world;
    enum tap_state before;
    run_script(&world, OVER, &before);
    const struct entry_intent *intent = &world.act.entry.intent;
    assert_int_equal(intent->after.last.kind, TRANSACTION_EXPIRE);
    assert_int_equal(intent->parts.award.n, 7);
    assert_int_equal(intent->after.points.n, 13);
    assert_int_equal(intent->after.counter, 6);
    run_script(&world, OVER "stored written stored looked:facts", &before);
    intent = &world.act.entry.intent;
    assert_int_equal(intent->after.last.kind, TRANSACTION_SALE);
    assert_int_equal(intent->after.counter, 7);
    run_script(&world, OVER "stored written stored looked:facts stored written stored", &before);
    assert_int_equal(world.act.answer.outcome, TAP_DONE);
    assert_int_equal(world.act.answer.expired.n, 7);
    assert_true(world.act.answer.refresh);
    assert_false(world.act.answer.has_settled);
    /* Cut in between: nothing that was asked has happened, and that is what is said. */
    run_script(&world, OVER "stored gone timeup", &before);
    assert_int_equal(world.act.answer.outcome, TAP_NOT_DONE);
    assert_int_equal(world.act.answer.reason, TAP_REASON_NO_CARD);
    run_script(&world, OVER "stored gone after looked:own after stored", &before);
    assert_int_equal(world.act.kind, TAP_ACT_LOOK_UP);
    assert_int_equal(world.tap.answer.expired.n, 7);
    /* A basket is the sale's, not the expiry's. */
    struct tap_request request = request_of("sale");
    request.basket.line_count = 1;
    request.basket.lines[0] = (struct basket_line){.amount = {300000}, .milli = 1000};
    run_script(&world, "facts", &before);
    feed(&world, (struct tap_event){.kind = TAP_EVENT_START, .request = &request});
    run_word(&world, "card");
    run_word(&world, "looked:over");
    assert_int_equal(world.act.entry.intent.occasion.line_count, 0);
}

static void another_basket_or_code_is_another_wish(void **unused)
{
    (void)unused;
    struct entry sale = intent_of("sale");
    struct wish wish = request_of("sale").wish;
    struct occasion basket = sale.intent.occasion;
    assert_true(settle_is_same_wish(&sale, &wish, &basket));
    basket.code = 1;
    assert_false(settle_is_same_wish(&sale, &wish, &basket));
    sale.intent.occasion.code = 1;
    assert_true(settle_is_same_wish(&sale, &wish, &basket));
    basket.line_count = 1;
    basket.lines[0] = (struct basket_line){.product = 1, .amount = {300000}, .milli = 1000};
    assert_false(settle_is_same_wish(&sale, &wish, &basket));
    sale.intent.occasion = basket;
    assert_true(settle_is_same_wish(&sale, &wish, &basket));
    basket.lines[0].milli += 1;
    assert_false(settle_is_same_wish(&sale, &wish, &basket));
    assert_true(settle_is_same_wish(&sale, &wish, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_come_from_here_or_from_the_card_and_go_back_to_it),
        cmocka_unit_test(points_that_are_over_go_first_and_then_what_was_asked),
        cmocka_unit_test(what_the_club_sends_comes_first_and_is_told),
        cmocka_unit_test(what_does_not_arrive_is_said_and_stops_nothing),
        cmocka_unit_test(another_basket_or_code_is_another_wish),
        cmocka_unit_test(a_listed_card_is_blocked_and_nothing_else_changes),
        cmocka_unit_test(every_row_of_the_steps_table_is_what_the_tap_does),
        cmocka_unit_test(every_unlisted_pair_is_rejected_and_changes_nothing),
        cmocka_unit_test(every_pair_of_readings_is_judged_as_the_page_says),
        cmocka_unit_test(every_verdict_leads_to_the_act_that_the_page_says),
        cmocka_unit_test(a_card_shows_what_the_page_says_about_an_intent),
        cmocka_unit_test(the_same_wish_asked_again_is_answered_and_not_done_again),
        cmocka_unit_test(an_answer_of_done_has_the_lines_of_its_plan),
        cmocka_unit_test(in_doubt_it_is_the_intents_card_that_is_named),
        cmocka_unit_test(a_wish_is_the_same_only_in_every_part),
    };
    return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
