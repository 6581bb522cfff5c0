/* Commands about actions and group charges. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/business_day.h"
#include "server/charge.h"
#include "server/command.h"
#include "server/measures.h"
#include "server/settled.h"

/* --- what was given ------------------------------------------------------------------------ */

/* The last second of a day. 0: no day was given. */
static enum st until_of(const char *text, int64_t *ret, struct fault *fault)
{
    int64_t day = 0;
    *ret = 0;
    enum st st = text == NULL ? ST_OK : business_day_read(text, &day, fault);
    if (st == ST_OK && text != NULL) {
        *ret = business_day_end(day);
    }
    return st;
}

static enum st text_of(const char *text, char ret[ACTION_TEXT_BYTES + 1], struct fault *fault)
{
    if (text != NULL && strlen(text) > ACTION_TEXT_BYTES) {
        fault_say(fault, "The text is for a small screen: at most %d bytes.", ACTION_TEXT_BYTES);
        return ST_FOREIGN;
    }
    if (text != NULL) {
        memcpy(ret, text, strlen(text));
    }
    return ST_OK;
}

static bool has_value(enum action_kind kind)
{
    return kind == ACTION_TIER || kind == ACTION_GROUP || kind == ACTION_OFFER ||
           kind == ACTION_STAMPS || kind == ACTION_LAYOUT;
}

/* The amount or value: a whole number, which block and unblock have not. */
static enum st number_for(const char *text, struct action *action, struct fault *fault)
{
    char *end = NULL;
    const long long number = text == NULL ? 0 : strtoll(text, &end, 10);
    const bool is_none = action->kind == ACTION_BLOCK || action->kind == ACTION_UNBLOCK;
    if (is_none != (text == NULL) || (text != NULL && (*end != '\0' || end == text))) {
        fault_say(fault, is_none ? "%s takes no amount." : "%s needs a whole number.",
                  action_kind_word(action->kind));
        return ST_FOREIGN;
    }
    if (has_value(action->kind)) {
        action->value = number >= 0 && number <= UINT16_MAX ? (uint16_t)number : UINT16_MAX;
    } else {
        action->amount = number;
    }
    return ST_OK;
}

/* What every order says: whose it is, by what reference, and what the holder reads. */
static enum st begin_order(struct club *club, struct action_order *ret)
{
    const char *giver = option(club, "--giver"), *origin = option(club, "--origin");
    *ret = (struct action_order){.ref = option(club, "--id"), .giver = giver == NULL ? "" : giver};
    ret->action.card_number = card_of(argument(club, 0), &club->fault);
    ret->action.origin = actions_origin_of(origin);
    if (ret->action.card_number == 0) {
        return ST_FOREIGN;
    }
    if (ret->action.origin == 0) {
        fault_say(&club->fault,
                  "--origin %.20s is none of bank, web, group_charge, prize, refund, correction, "
                  "accrual, import.",
                  origin);
        return ST_FOREIGN;
    }
    const char *own = actions_say_own(ret->action.origin);
    if (own != NULL) {
        fault_say(&club->fault, "%s", own);
        return ST_REFUSED;
    }
    return text_of(option(club, "--text"), ret->action.text, &club->fault);
}

static enum st take_order(struct club *club, struct action_order *ret)
{
    struct action *action = &ret->action;
    enum st st = begin_order(club, ret);
    if (st == ST_OK) {
        action->kind = actions_kind_of(argument(club, 1));
        if (action->kind == 0 || action->kind == ACTION_PARTICULARS) {
            fault_say(&club->fault,
                      "\"%.20s\" is none of credit, gift, voucher, points, take_credit, "
                      "take_points, tier, group, block, unblock, offer, stamps, layout; "
                      "particulars have a "
                      "command of their own.",
                      argument(club, 1));
            return ST_FOREIGN;
        }
        st = number_for(argument(club, 2), action, &club->fault);
    }
    return st == ST_OK ? until_of(option(club, "--until"), &action->until_s, &club->fault) : st;
}

/* All four are said, so that none is lost by being forgotten. */
static enum st take_particulars(struct club *club, struct action_particulars *ret)
{
    char *end = NULL;
    const char *given = option(club, "--card-kind");
    const long kind = strtol(given, &end, 10);
    if (end == given || *end != '\0' || kind < 0 || kind > 15) {
        fault_say(&club->fault, "--card-kind is a number from 0 to 15: the programme's.");
        return ST_FOREIGN;
    }
    ret->kind = (uint8_t)kind;
    enum st st = business_day_read_card(option(club, "--birthday"), &ret->birthday, &club->fault);
    if (st == ST_OK) {
        st = business_day_read_card(option(club, "--wedding"), &ret->wedding, &club->fault);
    }
    return st == ST_OK
               ? business_day_read_card(option(club, "--last-day"), &ret->expires, &club->fault)
               : st;
}

/* --- with the key -------------------------------------------------------------------------- */

struct sealing {
    struct signer *signer;
    struct actions *actions;
};

static enum st sealing_open(struct club *club, struct sealing *ret)
{
    *ret = (struct sealing){NULL, NULL};
    enum st st = signer_open(club->data, option(club, "--key"), &ret->signer, &club->fault);
    return st == ST_OK ? actions_open(club->db, ret->signer, &ret->actions) : st;
}

static void sealing_close(struct sealing *sealing)
{
    actions_close(sealing->actions);
    signer_close(sealing->signer);
}

static enum st make_order(struct club *club, const struct action_order *order)
{
    struct action_made made = {0};
    struct sealing sealing = {NULL, NULL};
    enum st st = sealing_open(club, &sealing);
    if (st == ST_OK) {
        st = actions_make(sealing.actions, order, 1, club->now_s, &made, &club->fault);
    }
    sealing_close(&sealing);
    if (st == ST_OK) {
        printf("%s action %u of card %016" PRIu64 "%s\n",
               made.is_new ? "Made:" : "It was here:", made.number, order->action.card_number,
               made.number == 0 ? "; it is sealed when every terminal has synced, for the club was "
                                  "restored."
               : made.is_new    ? "; terminals have it from their next sync on."
                                : ".");
    }
    return st;
}

static enum st club_action(struct club *club)
{
    struct action_order order;
    const enum st st = take_order(club, &order);
    return st == ST_OK ? make_order(club, &order) : st;
}

static enum st club_action_particulars(struct club *club)
{
    struct action_order order;
    struct action_particulars particulars;
    enum st st = begin_order(club, &order);
    if (st == ST_OK) {
        st = take_particulars(club, &particulars);
    }
    if (st == ST_OK) {
        order.action.kind = ACTION_PARTICULARS;
        order.action.amount = action_particulars_pack(&particulars);
        st = make_order(club, &order);
    }
    return st;
}

static enum st club_action_withdraw(struct club *club)
{
    const enum action_origin origin = actions_origin_of(option(club, "--origin"));
    struct sealing sealing = {NULL, NULL};
    if (origin == 0) {
        fault_say(&club->fault, "There is no origin \"%.40s\".", option(club, "--origin"));
        return ST_FOREIGN;
    }
    enum st st = sealing_open(club, &sealing);
    if (st == ST_OK) {
        st = actions_withdraw(sealing.actions, origin, option(club, "--id"), club->now_s,
                              &club->fault);
    }
    sealing_close(&sealing);
    if (st == ST_OK) {
        printf("Withdrawn. Its money goes back when every terminal has synced since.\n");
    }
    return st;
}

static enum st club_action_seal(struct club *club)
{
    struct sealing sealing;
    size_t steps = ACTIONS_TEND_MAX, all = 0;
    enum st st = sealing_open(club, &sealing);
    while (st == ST_OK && steps == ACTIONS_TEND_MAX) {
        st = actions_tend(sealing.actions, club->now_s, &steps, &club->fault);
        all += steps;
    }
    sealing_close(&sealing);
    if (st == ST_OK) {
        printf("%zu actions were due.\n", all);
    }
    return st;
}

static enum st club_action_list(struct club *club)
{
    struct actions_filter filter = {.is_open = has_option(club, "--open")};
    const char *card = option(club, "--card"), *charge = option(club, "--charge");
    enum st st = ST_OK;
    if (card != NULL) {
        filter.card = card_of(card, &club->fault);
        st = filter.card == 0 ? ST_FOREIGN : ST_OK;
    }
    if (st == ST_OK && charge != NULL) {
        st = charge_find(club->db, charge, &filter.charge, &club->fault);
    }
    return st == ST_OK ? actions_write(club->db, &filter, has_option(club, "--json"), stdout) : st;
}

/* --- charges ------------------------------------------------------------------------------- */

static void show_progress(const struct charge_result *result)
{
    fprintf(stderr, "\r%" PRIu64 " cards looked at, %" PRIu64 " charged", result->seen,
            result->made);
}

static enum st take_charge(struct club *club, struct charge_order *ret,
                           char text[ACTION_TEXT_BYTES + 1])
{
    const char *kind = option(club, "--kind"), *giver = option(club, "--giver");
    char *end = NULL;
    const char *given = option(club, "--group");
    const long group = strtol(given, &end, 10);
    *ret = (struct charge_order){.ref = option(club, "--id"),
                                 .kind = kind == NULL ? ACTION_CREDIT : actions_kind_of(kind),
                                 .amount = number_of(argument(club, 0)),
                                 .text = text,
                                 .giver = giver == NULL ? "" : giver};
    if (end == given || *end != '\0' || group < 0 || group > UINT8_MAX) {
        fault_say(&club->fault, "--group is a number from 0 to 255.");
        return ST_FOREIGN;
    }
    ret->group = (int)group;
    if (ret->amount == 0) {
        fault_say(&club->fault, "The amount is a whole number of rials from 1.");
        return ST_FOREIGN;
    }
    enum st st = text_of(option(club, "--text"), text, &club->fault);
    return st == ST_OK ? until_of(option(club, "--until"), &ret->until_s, &club->fault) : st;
}

static enum st make_charge(struct club *club, const struct charge_order *order,
                           struct charge_result *ret)
{
    struct sealing sealing = {NULL, NULL};
    *ret = (struct charge_result){0};
    enum st st = sealing_open(club, &sealing);
    if (st == ST_OK) {
        st = charge_run(sealing.actions, order, club->now_s, show_progress, ret, &club->fault);
    }
    sealing_close(&sealing);
    if (ret->seen > 0) {
        fputs("\n", stderr);
    }
    if (st == ST_OK && ret->was_done) {
        printf("Charge %s was made before; see `charge list`.\n", order->ref);
    }
    return st;
}

static enum st club_charge(struct club *club)
{
    struct charge_order order;
    struct charge_result result = {0};
    char text[ACTION_TEXT_BYTES + 1] = "";
    enum st st = take_charge(club, &order, text);
    if (st == ST_OK) {
        st = make_charge(club, &order, &result);
    }
    if (st == ST_OK && !result.was_done) {
        printf("Charge %s: %" PRIu64 " cards of group %d; %" PRIu64
               " left out (closed, or on the hotlist).\n",
               order.ref, result.made, order.group, result.left_out);
    }
    return st;
}

static enum st club_convert(struct club *club)
{
    struct charge_result result = {0};
    const struct charge_order order = {.ref = option(club, "--id"),
                                       .group = CHARGE_EVERY,
                                       .kind = ACTION_LAYOUT,
                                       .amount = number_of(argument(club, 0)),
                                       .text = "",
                                       .giver = ""};
    const enum st st = make_charge(club, &order, &result);
    if (st == ST_OK && !result.was_done) {
        printf("%s: %" PRIu64 " cards go over to layout %" PRId64 " at their next tap; %" PRIu64
               " left out (closed, or on the hotlist).\n",
               order.ref, result.made, order.amount, result.left_out);
    }
    return st;
}

static enum st club_charge_list(struct club *club)
{
    return charge_write(club->db, has_option(club, "--json"), stdout);
}

/* --- measures ------------------------------------------------------------------------------- */

static enum st club_measure_set(struct club *club)
{
    const char *points = argument(club, 1);
    const bool is_digits = points[strspn(points, "0123456789")] == '\0';
    return measures_set(club->db, argument(club, 0), is_digits ? number_of(points) : 0, club->now_s,
                        &club->fault);
}

static enum st club_measure_drop(struct club *club)
{
    return measures_drop(club->db, argument(club, 0), &club->fault);
}

static enum st club_measure_list(struct club *club)
{
    return measures_write(club->db, has_option(club, "--json"), stdout);
}

/* The measure's points, with its name as what the member reads. */
static enum st club_measure_give(struct club *club)
{
    const char *name = argument(club, 0), *giver = option(club, "--giver");
    struct action_order order = {.ref = option(club, "--id"), .giver = giver == NULL ? "" : giver};
    struct action *action = &order.action;
    action->kind = ACTION_POINTS;
    action->origin = ORIGIN_PRIZE;
    action->card_number = card_of(argument(club, 1), &club->fault);
    if (action->card_number == 0) {
        return ST_FOREIGN;
    }
    enum st st = measures_given(club->db, name, order.ref, &action->amount, &club->fault);
    if (st == ST_OK) {
        st = text_of(name, action->text, &club->fault);
    }
    return st == ST_OK ? make_order(club, &order) : st;
}

static enum st club_restored(struct club *club)
{
    enum st st = db_begin_write(club->db);
    if (st == ST_OK) {
        st = settled_forgot(club->db, club->now_s);
    }
    if (st == ST_OK) {
        st = db_commit(club->db);
    }
    if (st != ST_OK) {
        db_rollback(club->db);
        return st;
    }
    printf("New actions are sealed when every terminal has synced from now on. No update goes on "
           "before update resume.\n" SETTLED_SAY_AGAIN "\n");
    return ST_OK;
}

const struct command commands_actions[] = {
    {"action list", "[--card CARD] [--charge ID] [--open] [--json]",
     "actions: " ACTIONS_STATES "; --open: those that are not over", club_action_list, false},
    {"action withdraw", "--origin WORD --id ID [--key FILE]",
     "take one back that no card has taken yet", club_action_withdraw, false},
    {"action seal", "[--key FILE]",
     "do what is due: seal what waits for the club's key, end, give back", club_action_seal, false},
    {"action particulars",
     "CARD --card-kind N --birthday DAY|none --wedding DAY|none --last-day DAY|none --origin WORD "
     "--id ID [--text TEXT] [--giver NAME] [--key FILE]",
     "what a card says of itself, written at its next tap; name and number stay",
     club_action_particulars, false},
    {"action",
     "CARD KIND [NUMBER] --origin WORD --id ID [--text TEXT] [--until DAY] [--giver NAME] "
     "[--key FILE]",
     "do something to a card at its next tap (credit, gift, voucher, points, take_credit, "
     "take_points, tier, group, block, unblock, offer, stamps, layout); the same origin and ID is "
     "made "
     "once",
     club_action, false},
    {"restored", "", "say so before the first start after club.db was restored from a backup",
     club_restored, false},
    {"convert", "LAYOUT --id ID [--key FILE]",
     "take every card over to a layout at its next tap (docs/card-layout.md); cut short, the same "
     "command goes on",
     club_convert, false},
    {"charge list", "[--json]", "group charges: how many have collected them", club_charge_list,
     false},
    {"charge",
     "AMOUNT --group GROUP --id ID [--kind KIND] [--text TEXT] [--until DAY] "
     "[--giver NAME] [--key FILE]",
     "give every card of a group an amount at its next tap; cut short, the same command goes on",
     club_charge, false},
    {"measure set", "NAME POINTS",
     "what the club gives points for beside sales, such as 'profile filled in' 20",
     club_measure_set, false},
    {"measure drop", "NAME", "take a measure off the list; what was given stays", club_measure_drop,
     false},
    {"measure list", "[--json]", "the measures and their points", club_measure_list, false},
    {"measure give", "NAME CARD --id ID [--giver NAME] [--key FILE]",
     "give a card a measure's points at its next tap, under the measure's name; the same ID is "
     "given once",
     club_measure_give, false},
    {0},
};
