#include "firmware/terminal/service_priv.h"

#include <assert.h>

#include "firmware/engine/media.h"
#include "firmware/terminal/arrivals.h"
#include "firmware/terminal/successors.h"
#include "firmware/terminal/twocards.h"
#include "hal/clock.h"

/* The oldest intent in doubt of the card just read. An issue that was cut left a card without a
 * readable number, so it is found by UID. */
static enum st find_pending(struct terminal *terminal, struct tap_look *look)
{
    struct store *store = terminal->config.store;
    const struct card_view *view = &terminal->tap.view;
    enum st st = ST_REFUSED;
    if (view->condition == CARD_MEMBER) {
        st = journal_pending(store, view->number, &look->pending);
    }
    if (st == ST_REFUSED) {
        st = journal_pending_uid(store, view->uid, view->uid_bytes, &look->pending);
        if (st == ST_OK && look->pending.intent.has_before) {
            return ST_OK; /* of another card that has, or had, this UID */
        }
    }
    look->has_pending = st == ST_OK;
    return st == ST_REFUSED ? ST_OK : st;
}

/* An issue that goes on is for whom it was begun; anybody else's is another wish. */
static enum st look_for_whom(struct terminal *terminal, struct tap_look *look)
{
    const struct tap_request *request = &terminal->tap.request;
    const struct entry_member *member = terminal->has_member ? &terminal->member : NULL;
    struct store *store = terminal->config.store;
    enum st st = ST_OK;
    if (request->what == TAP_ISSUE && look->has_pending &&
        look->pending.intent.after.last.kind == TRANSACTION_ACTIVATE) {
        st = issuing_is_anothers(store, &terminal->issuing, &look->pending, &request->identity,
                                 member, &look->is_pending_anothers);
    }
    if (st == ST_OK && request->what == TAP_ISSUE && look->has_unanswered &&
        look->unanswered.intent.after.last.kind == TRANSACTION_ACTIVATE) {
        st = issuing_is_anothers(store, &terminal->issuing, &look->unanswered, &request->identity,
                                 member, &look->is_unanswered_anothers);
    }
    return st;
}

static enum st look_up(struct terminal *terminal)
{
    struct store *store = terminal->config.store;
    const struct card_view *view = &terminal->tap.view; /* as it stands after what was written */
    struct tap_look look = {.terminal = terminal->standing.terminal};
    enum clock_quality quality;
    int64_t now_s = clock_now_s(&quality);
    look.minute = quality == CLOCK_UNSET ? 0 : snapshot_minute(now_s);
    enum st st = journal_next(store, &look.sequence);
    if (st == ST_OK) {
        st = find_pending(terminal, &look);
        look.is_pending_recent =
            look.has_pending && untold_may_be_asked_again(terminal, &look.pending);
    }
    if (st == ST_OK && view->condition == CARD_MEMBER) {
        st = cards_seen(store, view->number, &look.seen);
        look.has_seen = st == ST_OK;
        st = st == ST_REFUSED ? ST_OK : st;
        if (st == ST_OK) {
            witness_look(&terminal->witness, view->number, look.has_seen ? look.seen.counter : 0);
        }
    }
    if (st == ST_OK && view->condition != CARD_MEMBER) {
        st = standing_free_number(store, &look.free_number);
    }
    if (st == ST_OK) {
        st = twocards_look(store, &terminal->tap.request.wish, &look.untakable);
    }
    look.occasion.merchant = terminal->standing.merchant_no;
    look.occasion.branch = terminal->standing.branch_no;
    if (view->condition == CARD_MEMBER) {
        untold_look(terminal, view->number, &look);
        if (st == ST_OK) {
            st = successors_listing(store, &terminal->hotcheck, view->number, &look.listing);
        }
        look.has_spend_max = terminal->hotcheck.is_old;
        look.spend_max = terminal->hotcheck.spend_max;
        if (st == ST_OK) {
            st = known_fill(&terminal->known, store, terminal->tap.programme, view, &look.occasion);
        }
    }
    if (st == ST_OK) {
        st = look_for_whom(terminal, &look);
    }
    if (st == ST_OK && view->condition == CARD_MEMBER && !look.has_pending) {
        st = arrivals_find(store, view, &look); /* what is in doubt is settled first */
    }
    if (st == ST_OK) {
        const struct quota_about about =
            service_about(terminal, terminal->tap.request.operator_no,
                          terminal->view.condition == CARD_MEMBER ? terminal->view.number : 0);
        st = quota_fill(store, &about, &terminal->quota);
        look.quota = &terminal->quota;
    }
    terminal->look = look;
    return st;
}

/* --- acts ----------------------------------------------------------------------------------- */

static enum tap_event_kind event_of_card(enum st st, enum tap_event_kind when_ok)
{
    switch (st) {
    case ST_OK:
        return when_ok;
    case ST_IO:
        return TAP_EVENT_READER;
    case ST_AGAIN:
    case ST_GONE:
    case ST_REFUSED:
    case ST_DENIED:
    case ST_FOREIGN:
    case ST_FULL:
    case ST_CORRUPT:
    case ST_UNSUPPORTED:
        break;
    }
    return TAP_EVENT_GONE;
}

static struct tap_event do_read(struct terminal *terminal, const struct tap_act *act)
{
    const struct card_port *card = &terminal->config.card;
    bool any = act->uid_bytes == 0;
    terminal->has_read = true;
    const uint8_t *uid = any ? NULL : act->uid;
    size_t uid_bytes = act->uid_bytes;
    if (any && terminal->is_turn_of_released && terminal->released_bytes > 0) {
        uid = terminal->released;
        uid_bytes = terminal->released_bytes;
    }
    terminal->is_turn_of_released = any && !terminal->is_turn_of_released;
    enum st st = card->ops->read(card->ctx, uid, uid_bytes, &terminal->view);
    if (st == ST_AGAIN) {
        return (struct tap_event){.kind = TAP_EVENT_NO_CARD};
    }
    return (struct tap_event){.kind = event_of_card(st, TAP_EVENT_CARD), .view = &terminal->view};
}

/* What this terminal's journal says of the sale that a refund names, in `sold`: only a sale that
 * both took and gave credit needs it (plan.h). False: another terminal made the sale, or the entry
 * is not there any more. */
static bool find_sale(struct terminal *terminal, size_t count, struct entry *sold)
{
    const struct tap *tap = &terminal->tap;
    for (size_t i = 0; i < count && tap->request.what == TAP_REFUND; i += 1) {
        const struct snapshot *after = &terminal->history[i];
        if (after->counter == tap->request.wish.refers_counter) {
            return after->last.kind == TRANSACTION_SALE &&
                   after->last.flags == (SALE_PAID_CREDIT | SALE_CASHBACK) &&
                   after->last.terminal == terminal->standing.terminal &&
                   journal_find(terminal->config.store, after->last.sequence, sold) == ST_OK &&
                   sold->kind == ENTRY_INTENT && settle_same(&sold->intent.after, after);
        }
    }
    return false;
}

static struct tap_event do_history(struct terminal *terminal)
{
    const struct card_port *card = &terminal->config.card;
    size_t count = 0;
    enum st st = card->ops->history(card->ctx, terminal->history, CARD_HISTORY_MAX, &count);
    bool is_known = st == ST_OK && find_sale(terminal, count, &terminal->sold);
    return (struct tap_event){
        .kind = event_of_card(st, TAP_EVENT_HISTORY),
        .history = {.snapshots = terminal->history,
                    .count = count,
                    .sale_parts = is_known ? &terminal->sold.intent.parts : NULL}};
}

static struct tap_event do_know(struct terminal *terminal, const struct tap_act *act)
{
    const enum st st = known_ask(&terminal->known, &terminal->config.card, terminal->tap.programme,
                                 act, terminal->tap.view.snapshot.action, &terminal->said);
    if (st == ST_OK && act->asks_identity && !terminal->said.has_identity) {
        service_log(terminal, "T206", "the card's kind and birthday cannot be read");
    }
    if (st == ST_OK && act->asks_facts && !terminal->said.has_facts) {
        service_log(terminal, "T207", "what the card remembers is lost and begun anew");
    }
    return (struct tap_event){.kind = event_of_card(st, TAP_EVENT_KNOWN), .known = &terminal->said};
}

/* An intent on its way to the disk, and the card meanwhile. */
struct intent_work {
    struct terminal *terminal;
    struct entry entry;
    const struct snapshot *next;
    enum st st; /* of the disk */
};

static void intent_to_disk(void *ctx)
{
    struct intent_work *work = ctx;
    work->st = service_append_quietly(work->terminal, &work->entry);
}

static void intent_to_card(void *ctx)
{
    struct intent_work *work = ctx;
    const struct card_port *card = &work->terminal->config.card;
    card->ops->prepare(card->ctx, work->next);
}

static void one_after_the_other(void (*disk)(void *), void (*card)(void *), void *ctx)
{
    disk(ctx);
    card(ctx);
}

/* The commit is another act, after this one: so it is never sent before the intent is durable, and
 * if it does not become so, never at all. */
static struct tap_event do_intent(struct terminal *terminal, const struct tap_act *act)
{
    struct intent_work work = {
        .terminal = terminal, .entry = act->entry, .next = &act->snapshot, .st = ST_AGAIN};
    (terminal->config.overlap != NULL ? terminal->config.overlap
                                      : one_after_the_other)(intent_to_disk, intent_to_card, &work);
    if (work.st != ST_OK) {
        service_log_store(terminal, "append");
        return (struct tap_event){.kind = TAP_EVENT_STORE_FAILED};
    }
    untold_begin(terminal, work.entry.sequence);
    return (struct tap_event){.kind = TAP_EVENT_STORED};
}

/* The intent of an issue, and the member whose card it is going to be. */
static enum st append_issue(struct terminal *terminal, struct entry *intent)
{
    struct entry member = {.kind = ENTRY_MEMBER, .member = terminal->member};
    enum clock_quality quality;
    member.member.card_number = intent->intent.card_number;
    if (member.member.account == 0) {
        member.member.account = intent->intent.card_number;
    }
    intent->time_s = member.time_s = clock_now_s(&quality);
    intent->clock_quality = member.clock_quality = (uint8_t)quality;
    intent->terminal = member.terminal = terminal->standing.terminal;
    member.operator_no = intent->operator_no;
    member.sequence = intent->sequence + 1;
    const enum st st = journal_append_issue(terminal->config.store, intent, &member);
    if (st != ST_OK) {
        service_log_store(terminal, "append");
    }
    return st;
}

static struct tap_event do_append(struct terminal *terminal, const struct tap_act *act)
{
    struct entry entry = act->entry;
    bool is_issue = entry.kind == ENTRY_INTENT && !entry.intent.has_before;
    enum st st = ST_OK;
    if (is_issue) {
        st = standing_use_number(terminal->config.store, entry.intent.card_number);
    }
    if (st == ST_OK) {
        st = is_issue && terminal->has_member ? append_issue(terminal, &entry)
                                              : service_append(terminal, &entry);
    }
    if (st == ST_OK && entry.kind == ENTRY_INTENT) {
        untold_begin(terminal, entry.sequence);
    }
    if (st == ST_OK && is_issue) {
        issuing_note(&terminal->issuing, entry.sequence, terminal->tap.request.identity.name);
    }
    return (struct tap_event){.kind = st == ST_OK ? TAP_EVENT_STORED : TAP_EVENT_STORE_FAILED};
}

/* The member's number on the card, as the journal has it with the intent: the account's payload,
 * counted from the club's first. */
static enum st find_member_number(struct terminal *terminal, uint64_t *ret)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    const struct entry *intent = &terminal->tap.intent;
    uint64_t account = 0;
    const enum st st = issuing_account(terminal->config.store, intent, &account);
    const uint64_t payload = (account != 0 ? account : intent->intent.card_number) / 10;
    *ret = payload >= own.first && payload <= own.last ? payload - own.first : 0;
    return st;
}

static struct tap_event do_write(struct terminal *terminal, const struct tap_act *act)
{
    const struct card_port *card = &terminal->config.card;
    bool is_issue = act->kind == TAP_ACT_ISSUE;
    if (act->has_facts) {
        card->ops->remember(card->ctx, &act->facts);
    }
    if (act->has_particulars) {
        card->ops->amend(card->ctx, &act->particulars);
    }
    struct card_identity identity = act->identity;
    if (is_issue && find_member_number(terminal, &identity.member) != ST_OK) {
        service_log_store(terminal, "look for the member");
        return (struct tap_event){.kind = TAP_EVENT_UNWRITTEN};
    }
    enum st st = is_issue ? card->ops->issue(card->ctx, &identity, &act->snapshot)
                          : card->ops->commit(card->ctx, &act->snapshot);
    if (st == ST_AGAIN || (is_issue && st == ST_FOREIGN)) {
        return (struct tap_event){.kind = TAP_EVENT_UNWRITTEN};
    }
    return (struct tap_event){.kind = event_of_card(st, TAP_EVENT_WRITTEN)};
}

struct tap_event service_do(struct terminal *terminal, const struct tap_act *act)
{
    switch (act->kind) {
    case TAP_ACT_READ:
        return do_read(terminal, act);
    case TAP_ACT_LOOK_UP:
        if (look_up(terminal) != ST_OK) {
            service_log_store(terminal, "look up");
            return (struct tap_event){.kind = TAP_EVENT_STORE_FAILED};
        }
        return (struct tap_event){.kind = TAP_EVENT_LOOKED, .look = &terminal->look};
    case TAP_ACT_HISTORY:
        return do_history(terminal);
    case TAP_ACT_KNOW:
        return do_know(terminal, act);
    case TAP_ACT_APPEND:
        return do_append(terminal, act);
    case TAP_ACT_INTENT:
        return do_intent(terminal, act);
    case TAP_ACT_COMMIT:
    case TAP_ACT_ISSUE:
        return do_write(terminal, act);
    case TAP_ACT_NONE:
    case TAP_ACT_ANSWER:
        break;
    }
    assert(false && "not an act to do");
    return (struct tap_event){.kind = TAP_EVENTS};
}
