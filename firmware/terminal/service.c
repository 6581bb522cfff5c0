#include "firmware/terminal/service.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/media.h"
#include "firmware/terminal/arrivals.h"
#include "firmware/terminal/known.h"
#include "firmware/terminal/refusals.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/successors.h"
#include "firmware/terminal/twocards.h"
#include "firmware/terminal/witness.h"
#include "hal/clock.h"
#include "storage/actions.h"

enum {
    UNANSWERED_MAX = 8, /* the programs that may be connected could all hang up on one each */
    BEGUN_MAX = 32,
};

/* An intent of this process, by the clock that nobody can set. */
struct begun {
    uint32_t sequence; /* 0: none */
    bool was_told;     /* the till got an answer of done */
    int64_t at_ms;
};

struct terminal {
    struct terminal_config config;
    struct standing standing;
    struct hotcheck hotcheck;
    struct known known;
    struct fault list_said;      /* what was last logged about the hotlist */
    struct fault actions_said;   /* why the last action that was met could not come */
    uint32_t actions;            /* held, when they were last counted */
    struct waiting_sums waiting; /* likewise, of transfers */
    bool was_reader_up;
    bool has_started; /* this process's start entry is in the journal */

    /* Intents that are done and whose answer nobody may have got, one a card, the newest last. */
    struct entry unanswered[UNANSWERED_MAX];
    size_t unanswered_count;
    struct begun begun[BEGUN_MAX]; /* a ring: what this process began lately */
    size_t begun_next;
    bool is_untold_changed;

    bool is_busy, is_cancelled, has_read;
    int64_t deadline_ms;
    struct tap tap;
    struct receipt receipt; /* of the newest plan, also of an earlier request */
    struct tap_act act;     /* the act to do next, or the answer */

    struct session session; /* who is signed in */
    struct quota quota;     /* of the card of the last look */
    bool has_member;        /* the issue under way, or about to begin, brings one */
    struct entry_member member;

    struct witness witness;
    struct refusals refusals;
    struct card_view view; /* of the last reading */
    struct tap_look look;
    struct tap_known said; /* by the card of itself */
    struct snapshot history[CARD_HISTORY_MAX];
    struct entry noted[CARD_HISTORY_MAX]; /* while they are on their way to the journal */
    struct entry sold; /* the sale that a refund names, when find_sale() found it */

    /* The card that was released last. Releasing halts it, so while it still lies there only a
     * select with its UID finds it: every second look for any card is for that one. */
    uint8_t released[CARD_UID_MAX];
    size_t released_bytes;
    bool is_turn_of_released;
};

_Static_assert((int)CARD_HISTORY_MAX <= (int)PLAN_HISTORY_MAX, "a plan takes what a card can hold");

static void log_event(const struct terminal *terminal, const char *event, const char *text)
{
    if (terminal->config.log != NULL) {
        terminal->config.log(terminal->config.log_ctx, event, text);
    }
}

static void log_store(const struct terminal *terminal, const char *what)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s: %s", what, store_fault(terminal->config.store)->say);
    log_event(terminal, "T300", text);
}

/* --- the journal ---------------------------------------------------------------------------- */

/* Fills in what only the journal and the clock know, and appends. An intent has planned its
 * sequence into the card's snapshot already. Uses nothing but the store: it may run beside card
 * work. */
static enum st append_quietly(struct terminal *terminal, struct entry *entry)
{
    struct store *store = terminal->config.store;
    enum clock_quality quality;
    uint32_t sequence = 0;
    enum st st = ST_AGAIN;
    entry->time_s = clock_now_s(&quality);
    entry->clock_quality = (uint8_t)quality;
    entry->terminal = terminal->standing.terminal;
    for (int n = 0; n < TERMINAL_STORE_TRIES && st == ST_AGAIN; n++) {
        st = journal_next(store, &sequence);
        if (st == ST_OK) {
            assert(entry->kind != ENTRY_INTENT || entry->sequence == sequence);
            entry->sequence = sequence;
            st = journal_append(store, entry);
        }
    }
    return st;
}

static enum st append(struct terminal *terminal, struct entry *entry)
{
    enum st st = append_quietly(terminal, entry);
    if (st != ST_OK) {
        log_store(terminal, "append");
    }
    return st;
}

/* The first thing that an enrolled process writes. */
static enum st append_start(struct terminal *terminal)
{
    if (terminal->has_started || terminal->standing.terminal == 0) {
        return ST_OK;
    }
    struct entry entry = {.kind = ENTRY_START};
    (void)snprintf(entry.start.firmware, sizeof entry.start.firmware, "%s",
                   terminal->config.firmware);
    enum st st = append(terminal, &entry);
    terminal->has_started = st == ST_OK;
    return st;
}

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

static struct begun *find_begun(struct terminal *terminal, uint32_t sequence)
{
    for (size_t n = 0; n < BEGUN_MAX; n++) {
        if (sequence > 0 && terminal->begun[n].sequence == sequence) {
            return &terminal->begun[n];
        }
    }
    return NULL;
}

static void note_begun(struct terminal *terminal, uint32_t sequence)
{
    terminal->begun[terminal->begun_next] =
        (struct begun){.sequence = sequence, .at_ms = clock_monotonic_ms()};
    terminal->begun_next = (terminal->begun_next + 1) % BEGUN_MAX;
}

/* True when a request made now may be the one that `intent` was planned for, asked again. The
 * date may be set in between, so it only counts for what an earlier process began; when it was not
 * set then or is not now, the age is not known, and the same basket is not charged twice. */
static bool is_recent(struct terminal *terminal, const struct entry *intent)
{
    const struct begun *begun = find_begun(terminal, intent->sequence);
    if (begun != NULL) {
        return clock_monotonic_ms() - begun->at_ms <= INT64_C(1000) * TERMINAL_SAME_REQUEST_S;
    }
    enum clock_quality quality;
    int64_t age_s = clock_now_s(&quality) - intent->time_s;
    return quality == CLOCK_UNSET || intent->clock_quality == CLOCK_UNSET ||
           (age_s >= -TERMINAL_SAME_REQUEST_S && age_s <= TERMINAL_SAME_REQUEST_S);
}

/* A pending intent whose answer was told all the same (the disk could not take its outcome) is no
 * request that is asked again. */
static bool may_be_asked_again(struct terminal *terminal, const struct entry *pending)
{
    const struct begun *begun = find_begun(terminal, pending->sequence);
    return is_recent(terminal, pending) && (begun == NULL || !begun->was_told);
}

static void find_unanswered_of(struct terminal *terminal, uint64_t number, struct tap_look *look)
{
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        if (terminal->unanswered[n].intent.card_number == number) {
            look->unanswered = terminal->unanswered[n];
            look->has_unanswered = is_recent(terminal, &look->unanswered);
        }
    }
}

/* Whom a request is by, and on what, for its limits. */
static struct quota_about about_of(const struct terminal *terminal, uint32_t operator_no,
                                   uint64_t card_number)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    return (struct quota_about){
        .mandate = terminal->session.has_mandate ? &terminal->session.mandate : NULL,
        .programme = terminal->standing.programme,
        .terminal = terminal->standing.terminal,
        .operator_no = operator_no,
        .card_number = card_number,
        .time_s = now_s,
        .clock_quality = (uint8_t)quality};
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
        look.is_pending_recent = look.has_pending && may_be_asked_again(terminal, &look.pending);
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
        find_unanswered_of(terminal, view->number, &look);
        if (st == ST_OK) {
            st = successors_listing(store, &terminal->hotcheck, view->number, &look.listing);
        }
        look.has_spend_max = terminal->hotcheck.is_old;
        look.spend_max = terminal->hotcheck.spend_max;
        if (st == ST_OK) {
            st = known_fill(&terminal->known, store, terminal->tap.programme, view, &look.occasion);
        }
    }
    if (st == ST_OK && view->condition == CARD_MEMBER && !look.has_pending) {
        st = arrivals_find(store, view, &look); /* what is in doubt is settled first */
    }
    if (st == ST_OK) {
        const struct quota_about about =
            about_of(terminal, terminal->tap.request.operator_no,
                     terminal->view.condition == CARD_MEMBER ? terminal->view.number : 0);
        st = quota_fill(store, &about, &terminal->quota);
        look.quota = &terminal->quota;
    }
    terminal->look = look;
    return st;
}

/* The last intent whose answer was told for sure. Written when the shopper is gone already, so a
 * terminal that dies within those milliseconds tells an answer twice; it never does a thing twice.
 */
static const char setting_told[] = "till.told";

static void note_told(struct terminal *terminal, uint32_t sequence)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%" PRIu32, sequence);
    if (setting_put(terminal->config.store, setting_told, text) != ST_OK) {
        log_store(terminal, "note that it was told");
    }
}

static bool was_told_before(struct terminal *terminal, uint32_t sequence)
{
    char text[16];
    return setting_get(terminal->config.store, setting_told, text, sizeof text) == ST_OK &&
           strtoul(text, NULL, 10) >= sequence;
}

/* The list of those that were not told, for a process that comes after this one: sequence numbers.
 * Kept beside till.told, which is about the last intent only. */
static const char setting_untold[] = "till.untold";

static void save_unanswered(struct terminal *terminal)
{
    char text[UNANSWERED_MAX * 12 + 1] = "";
    size_t size = 0;
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%" PRIu32, n > 0 ? " " : "",
                                 terminal->unanswered[n].sequence);
    }
    if (setting_put(terminal->config.store, setting_untold, text) != ST_OK) {
        log_store(terminal, "note what was not told");
    }
}

/* Takes the card's entry off the list: something newer is on it, or it was told. */
static bool forget_unanswered(struct terminal *terminal, uint64_t number)
{
    size_t kept = 0;
    for (size_t n = 0; n < terminal->unanswered_count; n++) {
        if (terminal->unanswered[n].intent.card_number != number) {
            terminal->unanswered[kept++] = terminal->unanswered[n];
        }
    }
    bool was_there = kept < terminal->unanswered_count;
    terminal->unanswered_count = kept;
    return was_there;
}

static void add_unanswered(struct terminal *terminal, const struct entry *intent)
{
    (void)forget_unanswered(terminal, intent->intent.card_number);
    if (terminal->unanswered_count == UNANSWERED_MAX) {
        (void)forget_unanswered(terminal, terminal->unanswered[0].intent.card_number);
    }
    terminal->unanswered[terminal->unanswered_count++] = *intent;
}

/* The list that an earlier process left. What does not name an intent is left out. */
static enum st load_unanswered(struct terminal *terminal)
{
    char text[SETTING_VALUE_MAX];
    enum st st = setting_get(terminal->config.store, setting_untold, text, sizeof text);
    char *end = text;
    while (st == ST_OK && *end != '\0') {
        struct entry intent;
        char *at = end;
        unsigned long sequence = strtoul(at, &end, 10);
        if (end == at) {
            break;
        }
        st = journal_find(terminal->config.store, (uint32_t)sequence, &intent);
        if (st == ST_OK && intent.kind == ENTRY_INTENT) {
            add_unanswered(terminal, &intent);
        }
        st = st == ST_REFUSED ? ST_OK : st;
    }
    return st == ST_REFUSED ? ST_OK : st;
}

/* Nobody asks for what comes before a request, so nobody waits for its answer. */
static bool is_asked_for(const struct entry *intent)
{
    const enum transaction_kind kind = intent->intent.after.last.kind;
    return kind != TRANSACTION_ACTION && kind != TRANSACTION_EXPIRE && kind != TRANSACTION_BLOCK;
}

/* What the process before this one did last: if the journal ends with an outcome done, it may have
 * died before it answered. */
static enum st find_unanswered(struct terminal *terminal)
{
    struct store *store = terminal->config.store;
    struct entry entry;
    uint32_t sequence = 0;
    enum st st = journal_next(store, &sequence);
    while (st == ST_OK && --sequence > 0) {
        st = journal_find(store, sequence, &entry);
        if (st == ST_OK && entry.kind == ENTRY_OUTCOME) {
            if (entry.outcome.verdict == VERDICT_DONE) {
                st = journal_find(store, entry.outcome.intent_sequence, &entry);
                if (st == ST_OK && is_asked_for(&entry) &&
                    !was_told_before(terminal, entry.sequence)) {
                    add_unanswered(terminal, &entry);
                    save_unanswered(terminal);
                }
            }
            break;
        }
        if (st == ST_OK && entry.kind == ENTRY_INTENT) {
            break; /* in doubt: settled from the card */
        }
    }
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
        log_event(terminal, "T206", "the card's kind and birthday cannot be read");
    }
    if (st == ST_OK && act->asks_facts && !terminal->said.has_facts) {
        log_event(terminal, "T207", "what the card remembers is lost and begun anew");
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
    work->st = append_quietly(work->terminal, &work->entry);
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
        log_store(terminal, "append");
        return (struct tap_event){.kind = TAP_EVENT_STORE_FAILED};
    }
    note_begun(terminal, work.entry.sequence);
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
        log_store(terminal, "append");
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
                                              : append(terminal, &entry);
    }
    if (st == ST_OK && entry.kind == ENTRY_INTENT) {
        note_begun(terminal, entry.sequence);
    }
    return (struct tap_event){.kind = st == ST_OK ? TAP_EVENT_STORED : TAP_EVENT_STORE_FAILED};
}

/* The member's number on the card: the account's payload, counted from the club's first. */
static uint64_t member_number(const struct terminal *terminal, uint64_t card_number)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    const bool has_account = terminal->has_member && terminal->member.account != 0;
    const uint64_t payload = (has_account ? terminal->member.account : card_number) / 10;
    return payload >= own.first && payload <= own.last ? payload - own.first : 0;
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
    identity.member = is_issue ? member_number(terminal, identity.number) : 0;
    enum st st = is_issue ? card->ops->issue(card->ctx, &identity, &act->snapshot)
                          : card->ops->commit(card->ctx, &act->snapshot);
    if (st == ST_AGAIN || (is_issue && st == ST_FOREIGN)) {
        return (struct tap_event){.kind = TAP_EVENT_UNWRITTEN};
    }
    return (struct tap_event){.kind = event_of_card(st, TAP_EVENT_WRITTEN)};
}

static struct tap_event do_act(struct terminal *terminal, const struct tap_act *act)
{
    switch (act->kind) {
    case TAP_ACT_READ:
        return do_read(terminal, act);
    case TAP_ACT_LOOK_UP:
        if (look_up(terminal) != ST_OK) {
            log_store(terminal, "look up");
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

/* --- requests ------------------------------------------------------------------------------- */

static bool sells(const struct tap_request *request)
{
    return request->what != TAP_BALANCE && request->what != TAP_HISTORY;
}

static enum right right_of(enum tap_do what)
{
    switch (what) {
    case TAP_SALE:
        return RIGHT_SELL;
    case TAP_LOAD:
    case TAP_TRANSFER:
        return RIGHT_LOAD;
    case TAP_REFUND:
    case TAP_UNLOAD:
        return RIGHT_REFUND;
    case TAP_ISSUE:
        return RIGHT_ISSUE;
    case TAP_DUPLICATE:
    case TAP_TAKE_OVER:
        return RIGHT_REPLACE;
    case TAP_BALANCE:
    case TAP_HISTORY:
        break;
    }
    return RIGHT_READ;
}

/* Notes what happened to an operator. Number 0: nothing did. */
static enum st append_operator(struct terminal *terminal, const struct entry_operator *event)
{
    if (event->number == 0) {
        return ST_OK;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "operator=%" PRIu32 " %s", event->number,
                   operator_event_word(event->event));
    log_event(terminal, "T601", text);
    struct entry entry = {.kind = ENTRY_OPERATOR,
                          .operator_no = terminal->session.operator_no,
                          .operator_event = *event};
    const enum st st = append_start(terminal);
    return st == ST_OK ? append(terminal, &entry) : st;
}

/* Brings the session up to date; who is signed out by that is noted, if the disk takes it. */
static enum st refresh_session(struct terminal *terminal)
{
    struct entry_operator out;
    const enum st st =
        session_refresh(&terminal->session, terminal->config.store, clock_monotonic_ms(), &out);
    const enum st noted = append_operator(terminal, &out);
    return st != ST_OK ? st : noted == ST_CORRUPT ? noted : ST_OK;
}

enum st terminal_admit(struct terminal *terminal, enum right right, uint32_t *operator_no,
                       struct tap_answer *ret_refusal)
{
    *ret_refusal = (struct tap_answer){.outcome = TAP_NOT_DONE, .reason = TAP_REASON_DISK};
    if (refresh_session(terminal) != ST_OK) {
        ret_refusal->say = *store_fault(terminal->config.store);
        log_store(terminal, "session");
        return ST_REFUSED;
    }
    ret_refusal->reason = TAP_REASON_SIGN_IN;
    return session_admit(&terminal->session, right, clock_monotonic_ms(), operator_no,
                         &ret_refusal->say);
}

/* What is known of the hotlist now, and a line in the log when that has changed. */
static void refresh_list(struct terminal *terminal)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    hotcheck_refresh(&terminal->hotcheck, now_s, quality);
    if (strcmp(terminal->hotcheck.say.say, terminal->list_said.say) != 0) {
        terminal->list_said = terminal->hotcheck.say;
        const bool is_well = terminal->list_said.say[0] == '\0';
        log_event(terminal, "T310", is_well ? "the hotlist is there" : terminal->list_said.say);
    }
}

/* Whether a request may begin at all. No card has been touched yet. */
static enum st may_begin(struct terminal *terminal, const struct tap_request *request,
                         struct tap_answer *refusal)
{
    struct store *store = terminal->config.store;
    enum st st = standing_load(store, &terminal->standing);
    refusal->reason = TAP_REASON_DISK;
    if (st == ST_OK && terminal->standing.terminal == 0) {
        refusal->reason = TAP_REASON_PROGRAMME;
        fault_say(&refusal->say, "This terminal is not enrolled: ask the club for a code and run "
                                 "vafa-sync enrol.");
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        /* A reading goes on without; but it may block a listed card, and the start comes first. */
        enum st started = append_start(terminal);
        st = sells(request) ? started : ST_OK;
    }
    if (st == ST_OK && sells(request)) {
        st = store_ready(store);
    }
    if (st != ST_OK) {
        refusal->say = *store_fault(store);
        log_store(terminal, "not ready");
        return ST_REFUSED;
    }
    if (sells(request) && terminal->standing.programme == NULL) {
        refusal->reason = TAP_REASON_PROGRAMME;
        say_reason(TAP_REASON_PROGRAMME, &refusal->say);
        if (terminal->standing.programme_say.say[0] != '\0') {
            refusal->say = terminal->standing.programme_say;
        }
        return ST_REFUSED;
    }
    return ST_OK;
}

enum st terminal_begin(struct terminal *terminal, const struct tap_request *request,
                       const struct basket *basket, unsigned wait_ms,
                       struct tap_answer *ret_refusal)
{
    struct tap_request resolved = *request;
    assert(!terminal->is_busy);
    assert(wait_ms > 0 && wait_ms <= TERMINAL_WAIT_MS_MAX);
    struct tap_answer refusal = {.outcome = TAP_NOT_DONE};
    if (may_begin(terminal, request, &refusal) != ST_OK) {
        terminal->has_member = false;
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    if (terminal_admit(terminal, right_of(request->what), &resolved.operator_no, &refusal) !=
        ST_OK) {
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    if (basket != NULL && request->what == TAP_SALE &&
        basket_resolve(basket, terminal->standing.programme, &resolved.basket, &refusal.say) !=
            ST_OK) {
        refusal.reason = TAP_REASON_REFUSED;
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    refresh_list(terminal);
    tap_init(&terminal->tap, terminal->standing.programme);
    terminal->tap.receipt = &terminal->receipt;
    witness_begin(&terminal->witness);
    terminal->is_busy = true;
    terminal->is_cancelled = false;
    terminal->has_read = false;
    terminal->is_turn_of_released = false;
    terminal->deadline_ms = clock_monotonic_ms() + wait_ms;
    const struct tap_event start = {.kind = TAP_EVENT_START, .request = &resolved};
    enum tap_next next = tap_step(&terminal->tap, &start, &terminal->act);
    assert(next == TAP_GO);
    return ST_OK;
}

static bool is_time_up(const struct terminal *terminal)
{
    if (!tap_is_waiting(&terminal->tap)) {
        return false;
    }
    if (terminal->is_cancelled && terminal->tap.state == TAP_WAIT) {
        return true;
    }
    return terminal->has_read && clock_monotonic_ms() >= terminal->deadline_ms;
}

static void log_arrivals(struct terminal *terminal, const struct tap_answer *answer)
{
    char text[320];
    for (size_t n = 0; n < answer->arrived_count; n++) {
        const struct action *action = &answer->arrived[n].action;
        (void)snprintf(
            text, sizeof text, "card=*%04" PRIu64 " action=%u kind=%s from=%s moved=%" PRId64,
            action->card_number % 10000, (unsigned)action->number, action_kind_word(action->kind),
            action_origin_word(action->origin), answer->arrived[n].moved);
        log_event(terminal, "T209", text);
    }
    if (answer->arrived_count > 0 || answer->waits.say.say[0] != '\0') {
        terminal->actions_said = answer->waits.say;
    }
    if (answer->waits.say.say[0] != '\0') {
        (void)snprintf(text, sizeof text, "card=*%04" PRIu64 " %s", answer->card_number % 10000,
                       answer->waits.say.say);
        log_event(terminal, answer->waits.is_forged ? "T211" : "T210", text);
    }
}

static void log_answer(struct terminal *terminal)
{
    static const char *const events[] = {
        [TAP_DONE] = "T201", [TAP_NOT_DONE] = "T202", [TAP_HOLD_AGAIN] = "T203"};
    const struct tap_answer *answer = &terminal->act.answer;
    char text[320];
    int size =
        snprintf(text, sizeof text, "card=*%04" PRIu64 " counter=%" PRIu32 " reason=%s %s",
                 answer->card_number % 10000, answer->has_snapshot ? answer->snapshot.counter : 0,
                 tap_reason_word(answer->reason), answer->say.say);
    assert(size > 0);
    log_event(terminal, events[answer->outcome], text);
    if (answer->has_settled) {
        (void)snprintf(text, sizeof text, "intent=%" PRIu32 " verdict=%d",
                       answer->settled_intent.sequence, (int)answer->settled);
        log_event(terminal, "T204", text);
    }
    log_arrivals(terminal, answer);
    if (answer->is_unsaved) {
        log_event(terminal, "T205", "the card carries it; its outcome is not in the journal yet");
    }
}

enum terminal_progress terminal_step(struct terminal *terminal)
{
    assert(terminal->is_busy);
    if (terminal->act.kind == TAP_ACT_ANSWER) {
        return TERMINAL_OVER;
    }
    struct tap_event event = is_time_up(terminal) ? (struct tap_event){.kind = TAP_EVENT_TIME_UP}
                                                  : do_act(terminal, &terminal->act);
    enum tap_next next = tap_step(&terminal->tap, &event, &terminal->act);
    assert(next != TAP_REJECTED);
    if (next == TAP_END) {
        log_answer(terminal);
        return TERMINAL_OVER;
    }
    bool is_quiet = event.kind == TAP_EVENT_NO_CARD || event.kind == TAP_EVENT_READER ||
                    event.kind == TAP_EVENT_GONE;
    return is_quiet ? TERMINAL_WAITING : TERMINAL_WORKING;
}

enum tap_say terminal_meanwhile(const struct terminal *terminal)
{
    return terminal->act.say;
}

const struct tap_answer *terminal_answer(const struct terminal *terminal)
{
    assert(terminal->act.kind == TAP_ACT_ANSWER);
    return &terminal->act.answer;
}

bool terminal_is_busy(const struct terminal *terminal)
{
    return terminal->is_busy;
}

const struct card_view *terminal_view(const struct terminal *terminal)
{
    return &terminal->tap.view;
}

uint8_t terminal_listing(struct terminal *terminal, uint64_t card_number)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    uint8_t listing = LISTING_NONE;
    refresh_list(terminal);
    if (successors_listing(terminal->config.store, &terminal->hotcheck, card_number, &listing) !=
        ST_OK) {
        log_store(terminal, "look for a report");
    }
    return listing;
}

bool terminal_list_is_old(struct terminal *terminal)
{
    refresh_list(terminal);
    return terminal->hotcheck.is_old;
}

const struct card_identity *terminal_identity(const struct terminal *terminal)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    return terminal->said.has_identity ? &terminal->said.identity : NULL;
}

enum st terminal_append_link(struct terminal *terminal, const struct entry_link *link,
                             uint32_t operator_no, uint32_t *ret_sequence, struct fault *fault)
{
    struct entry entry = {.kind = ENTRY_LINK, .operator_no = operator_no, .link = *link};
    const enum st st = terminal_append(terminal, &entry, fault);
    if (st == ST_OK) {
        *ret_sequence = entry.sequence;
    }
    return st;
}

enum st terminal_append(struct terminal *terminal, struct entry *entry, struct fault *fault)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    enum st st = append_start(terminal);
    if (st == ST_OK) {
        st = append(terminal, entry);
    }
    if (st != ST_OK) {
        *fault = *store_fault(terminal->config.store);
    }
    return st;
}

enum st terminal_within_limits(struct terminal *terminal, const struct entry *entry,
                               struct fault *ret_why)
{
    struct quota_about about = about_of(terminal, entry->operator_no, limits_card(entry));
    struct quota quota;
    struct limit_use more;
    about.is_no_card = about.card_number == 0;
    const enum st st = quota_fill(terminal->config.store, &about, &quota);
    if (st != ST_OK) {
        *ret_why = *store_fault(terminal->config.store);
        return st;
    }
    limits_use(entry, &more);
    return quota_stops(&quota, &more, ret_why) ? ST_REFUSED : ST_OK;
}

/* --- operators ------------------------------------------------------------------------------ */

/* What an operator's request came to; `is_in` is the caller's word for done. */
static void answer_operator(struct terminal *terminal, bool is_done, enum st st,
                            const struct fault *say, struct tap_answer *ret)
{
    *ret = (struct tap_answer){.outcome = is_done ? TAP_DONE : TAP_NOT_DONE,
                               .reason = is_done            ? TAP_REASON_NONE
                                         : st == ST_REFUSED ? TAP_REASON_SIGN_IN
                                                            : TAP_REASON_DISK,
                               .say = *say};
    if (!is_done && st != ST_REFUSED) {
        ret->say = *store_fault(terminal->config.store);
        log_store(terminal, "operator");
    }
}

void terminal_sign_in(struct terminal *terminal, const struct keystore *keys, uint64_t card_number,
                      const char *pin, struct tap_answer *ret)
{
    struct entry_operator event = {.number = 0}, out = {.number = 0};
    struct fault say = {""};
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    enum st st = standing_load(terminal->config.store, &terminal->standing);
    st = st == ST_OK ? refresh_session(terminal) : st;
    if (st == ST_OK && terminal_listing(terminal, card_number) != LISTING_NONE) {
        fault_say(&say, "The club refuses this operator card: keep it back and call the club.");
        st = ST_REFUSED;
    } else if (st == ST_OK) {
        st = session_try(&terminal->session, terminal->config.store, keys, card_number, pin, &event,
                         &say);
    }
    const bool is_in = st == ST_OK;
    if (is_in) { /* whoever was signed in before is not any more */
        session_end(&terminal->session, &out);
        st = append_operator(terminal, &out);
    }
    if (st == ST_OK || st == ST_REFUSED) {
        const enum st noted = append_operator(terminal, &event);
        st = noted != ST_OK ? noted : st;
    }
    if (is_in && st == ST_OK) {
        session_begin(&terminal->session, &event, clock_monotonic_ms());
    }
    answer_operator(terminal, is_in && st == ST_OK, st, &say, ret);
}

void terminal_sign_out(struct terminal *terminal, struct tap_answer *ret)
{
    struct entry_operator out;
    struct fault say;
    session_end(&terminal->session, &out);
    fault_say(&say, out.number == 0 ? "Nobody was signed in." : "Signed out.");
    const enum st st = append_operator(terminal, &out);
    answer_operator(terminal, st == ST_OK, st, &say, ret);
}

void terminal_unlock(struct terminal *terminal, uint32_t number, struct tap_answer *ret)
{
    struct entry_operator event = {.number = 0};
    struct fault say = {""};
    enum st st = refresh_session(terminal);
    if (st == ST_OK) {
        st = session_unlock(&terminal->session, terminal->config.store, number, &event, &say);
    }
    if (st == ST_OK) {
        st = append_operator(terminal, &event);
    }
    answer_operator(terminal, st == ST_OK, st, &say, ret);
}

const struct standing *terminal_standing(struct terminal *terminal)
{
    if (!terminal->is_busy && standing_load(terminal->config.store, &terminal->standing) != ST_OK) {
        log_store(terminal, "standing"); /* the old one is as good as it was */
    }
    return &terminal->standing;
}

void terminal_attach_member(struct terminal *terminal, const struct entry_member *member)
{
    assert(!terminal->is_busy);
    terminal->has_member = true;
    terminal->member = *member;
}

void terminal_cancel(struct terminal *terminal)
{
    terminal->is_cancelled = true;
}

void terminal_hurry(struct terminal *terminal)
{
    terminal->is_cancelled = true;
    terminal->has_read = true;
    terminal->deadline_ms = clock_monotonic_ms();
}

void terminal_idle(struct terminal *terminal)
{
    const char *say = terminal->config.reader_say != NULL
                          ? terminal->config.reader_say(terminal->config.reader_ctx)
                          : "";
    bool is_up = say[0] == '\0';
    if (is_up != terminal->was_reader_up) {
        log_event(terminal, is_up ? "T401" : "T402", is_up ? "the reader is up" : say);
        terminal->was_reader_up = is_up;
    }
    if (terminal->session.operator_no != 0 && refresh_session(terminal) != ST_OK) {
        log_store(terminal, "session");
    }
}

/* What was done is now told, or not: in memory at once ... */
static void note_answer(struct terminal *terminal, bool was_told)
{
    struct entry *intent = &terminal->tap.intent;
    if (intent->time_s == 0) { /* of this request: only the journal's copy has its time */
        enum clock_quality quality;
        intent->time_s = clock_now_s(&quality);
        intent->clock_quality = (uint8_t)quality;
    }
    struct begun *begun = find_begun(terminal, intent->sequence);
    if (begun != NULL) {
        begun->was_told = was_told;
    }
    terminal->is_untold_changed |=
        forget_unanswered(terminal, intent->intent.card_number) || !was_told;
    if (!was_told) {
        add_unanswered(terminal, intent);
    }
}

/* ... and on the disk when the card is released. */
static void save_answer(struct terminal *terminal, bool was_told)
{
    if (terminal->is_untold_changed) {
        save_unanswered(terminal);
        terminal->is_untold_changed = false;
    }
    if (was_told) {
        note_told(terminal, terminal->tap.intent.sequence);
    }
}

void terminal_untell(struct terminal *terminal, uint32_t sequence)
{
    struct entry intent;
    if (journal_find(terminal->config.store, sequence, &intent) != ST_OK) {
        log_store(terminal, "find what was not told");
        return;
    }
    assert(intent.kind == ENTRY_INTENT);
    struct begun *begun = find_begun(terminal, sequence);
    if (begun != NULL) {
        begun->was_told = false;
    }
    add_unanswered(terminal, &intent);
    save_unanswered(terminal);
}

/* --- what the card tells of others ---------------------------------------------------------- */

/* The ring may be read: the tap is over, and nothing of this card is in doubt. */
static bool may_witness(const struct terminal *terminal)
{
    const struct tap_answer *answer = &terminal->act.answer;
    const struct card_view *view = &terminal->tap.view;
    return view->condition == CARD_MEMBER && view->number == terminal->witness.number &&
           (answer->outcome == TAP_DONE ||
            (answer->outcome == TAP_NOT_DONE &&
             (answer->reason == TAP_REASON_REFUSED || answer->reason == TAP_REASON_HOTLISTED)));
}

/* Numbers the sightings and appends them together: one sync of the disk for all. */
static enum st append_sightings(struct terminal *terminal, struct entry *entries, size_t count)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    uint32_t sequence = 0;
    enum st st = journal_next(terminal->config.store, &sequence);
    for (size_t i = 0; i < count; i++) {
        entries[i].sequence = sequence + (uint32_t)i;
        entries[i].terminal = terminal->standing.terminal;
        entries[i].operator_no = terminal->tap.request.operator_no;
        entries[i].time_s = now_s;
        entries[i].clock_quality = (uint8_t)quality;
    }
    return st == ST_OK ? journal_append_sightings(terminal->config.store, entries, count) : st;
}

/* Reads the card's ring as far as it tells of transactions that are not in the journal, and notes
 * them. Nobody waits for it; what fails is owed until the card comes again. */
static void witness_card(struct terminal *terminal)
{
    const struct card_port *card = &terminal->config.card;
    const struct tap_answer *answer = &terminal->act.answer;
    const struct card_view *view = &terminal->tap.view;
    struct snapshot seen = {.counter = 0};
    if (!may_witness(terminal)) {
        if (terminal->witness.number != 0) {
            witness_end(&terminal->witness, false, 0, 0);
        }
        return;
    }
    enum st st = cards_seen(terminal->config.store, view->number, &seen);
    if (st != ST_OK && st != ST_REFUSED) {
        return;
    }
    const uint32_t own = terminal->standing.terminal;
    const struct snapshot *newest = answer->has_snapshot ? &answer->snapshot : &view->snapshot;
    size_t count = witness_wants(&terminal->witness, newest, seen.counter, own);
    if (count == 0) {
        witness_end(&terminal->witness, true, 0, 0);
        return;
    }
    size_t read = 0;
    const enum st whole = card->ops->history(card->ctx, terminal->history, count, &read);
    count = witness_make(&terminal->witness, view, terminal->history, read, seen.counter, own,
                         terminal->noted);
    st = count == 0 ? ST_OK : append_sightings(terminal, terminal->noted, count);
    witness_end(&terminal->witness, whole == ST_OK && st == ST_OK,
                st == ST_OK && read > 0 ? terminal->history[read - 1].counter : 0,
                terminal->history[0].counter);
    if (st == ST_OK && count > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "card=*%04" PRIu64 " noted=%zu", view->number % 10000,
                       count);
        log_event(terminal, "T208", text);
    }
}

/* Tells the club of an action that was refused in this tap. Nobody waits for it; what the disk does
 * not take is told at the next one. */
static void note_refused(struct terminal *terminal)
{
    const struct entry_refused *refused = &terminal->tap.look.refused;
    struct entry entry = {.kind = ENTRY_REFUSED,
                          .operator_no = terminal->tap.request.operator_no,
                          .refused = *refused};
    if (refusals_are_new(&terminal->refusals, refused) && append_start(terminal) == ST_OK &&
        append(terminal, &entry) == ST_OK) {
        refusals_keep(&terminal->refusals, refused);
    }
}

/* What the card remembers is kept for later programmes, too: those that look at it have it
 * refreshed with the card. */
static void keep_facts(struct terminal *terminal)
{
    const struct card_port *card = &terminal->config.card;
    const struct programme *programme = terminal->tap.programme;
    if (programme != NULL && (programme->uses & USES_FACTS) == 0) {
        const struct facts_rules rules = known_rules(programme);
        card->ops->keep_facts(card->ctx, &rules);
    }
}

void terminal_finish(struct terminal *terminal, bool was_told)
{
    assert(terminal->is_busy && terminal->act.kind == TAP_ACT_ANSWER);
    const struct tap_answer *answer = &terminal->act.answer;
    if (answer->outcome == TAP_DONE && answer->has_parts) {
        note_answer(terminal, was_told);
    }
    const struct card_port *card = &terminal->config.card;
    if (terminal->act.answer.refresh) {
        card->ops->refresh(card->ctx);
    }
    if (answer->outcome == TAP_DONE && answer->has_parts) {
        save_answer(terminal, was_told);
    }
    if (terminal->act.answer.refresh) {
        keep_facts(terminal);
    }
    witness_card(terminal);
    note_refused(terminal);
    card->ops->release(card->ctx);
    if (terminal->tap.view.uid_bytes > 0) {
        memcpy(terminal->released, terminal->tap.view.uid, sizeof terminal->released);
        terminal->released_bytes = terminal->tap.view.uid_bytes;
    }
    terminal->is_busy = terminal->has_member = false;
    /* Nobody waits now: the store may tidy up. What it says is asked again before the next tap. */
    if (store_ready(terminal->config.store) != ST_OK) {
        log_store(terminal, "no more is sold");
    }
}

void terminal_forget_released(struct terminal *terminal)
{
    assert(!terminal->is_busy);
    terminal->released_bytes = 0;
}

/* --- opening, status ------------------------------------------------------------------------ */

enum st terminal_open(const struct terminal_config *config, struct terminal **ret,
                      struct fault *fault)
{
    struct terminal *terminal = calloc(1, sizeof *terminal);
    if (terminal == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    terminal->config = *config;
    const bool is_told = config->list_hours_max > 0;
    hotcheck_init(&terminal->hotcheck, config->database,
                  is_told ? config->list_hours_max : HOTCHECK_HOURS_DEFAULT,
                  is_told ? config->list_spend_max : (struct money){HOTCHECK_SPEND_DEFAULT});
    enum st st = standing_load(config->store, &terminal->standing);
    if (st == ST_OK) {
        st = load_unanswered(terminal);
    }
    if (st == ST_OK) {
        st = find_unanswered(terminal);
    }
    if (st == ST_OK) {
        st = append_start(terminal);
    }
    if (st != ST_OK && st != ST_FULL && st != ST_AGAIN) {
        *fault = *store_fault(config->store);
        standing_finish(&terminal->standing);
        free(terminal);
        return st;
    }
    /* A full disk or a busy database may pass: the terminal starts, says so and sells nothing. */
    *ret = terminal;
    return ST_OK;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    terminal->config.card.ops->release(terminal->config.card.ctx);
    hotcheck_finish(&terminal->hotcheck);
    standing_finish(&terminal->standing);
    free(terminal);
}

static void setting_or_empty(struct store *store, const char *name, char *ret, size_t max)
{
    if (setting_get(store, name, ret, max) != ST_OK) {
        ret[0] = '\0';
    }
}

/* Seconds since `time_s`, -1 when that or the clock was not set. */
static int64_t age_of(int64_t time_s)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    return quality == CLOCK_UNSET || snapshot_minute(time_s) == 0 || now_s < time_s
               ? -1
               : now_s - time_s;
}

/* Who is signed in, and what is left of the allowance. */
static void allowance_status(struct terminal *terminal, struct terminal_status *ret)
{
    if (!terminal->is_busy && refresh_session(terminal) != ST_OK) {
        return;
    }
    const struct session *session = &terminal->session;
    const struct mandate_operator *of = session_operator(session);
    ret->operator_no = session->operator_no;
    ret->operator_role = of == NULL ? "" : role_word(of->role);
    ret->requires_sign_in = session->has_mandate && session->mandate.requires_sign_in;
    ret->mandate_version = session->has_mandate ? session->mandate.version : 0;
    ret->mandate_say = session->mandate_say;
    if (session->mandate_st == ST_OK) {
        ret->mandate_say.say[0] = '\0';
    }
    struct quota_about about = about_of(terminal, 0, 0);
    about.programme = NULL; /* the club's grants alone */
    ret->has_quota = quota_fill(terminal->config.store, &about, &ret->quota) == ST_OK;
}

void terminal_status(struct terminal *terminal, struct terminal_status *ret)
{
    struct store *store = terminal->config.store;
    const struct terminal_config *config = &terminal->config;
    *ret = (struct terminal_status){0};
    enum st st = ST_OK;
    if (!terminal->is_busy) { /* a tap under way keeps the programme that it began with */
        st = standing_load(store, &terminal->standing);
    }
    ret->standing = terminal->standing;
    if (st == ST_OK) {
        st = journal_counts(store, &ret->counts);
    }
    if (st == ST_OK) {
        st = loss_count(store, &ret->loss);
    }
    ret->oldest_unsent_age_s = age_of(ret->counts.oldest_unsent_s);
    if (st == ST_OK) {
        st = standing_numbers_left(store, &ret->card_numbers_left);
    }
    if (st == ST_OK && !terminal->is_busy) { /* it walks a table: not while a card waits */
        st = actions_count(store, &terminal->actions);
    }
    if (st == ST_OK && !terminal->is_busy) {
        st = twocards_each(store, NULL, NULL, &terminal->waiting);
    }
    if (st == ST_OK && !terminal->is_busy) {
        st = store_ready(store);
    }
    ret->disk = st;
    if (st != ST_OK) {
        ret->disk_say = *store_fault(store);
    }
    const struct hotcheck *list = &terminal->hotcheck;
    if (!terminal->is_busy) {
        refresh_list(terminal);
    }
    ret->list_version = list->head.version;
    ret->list_cards = list->head.cards;
    ret->list_age_s = list->age_s;
    ret->list_is_old = list->is_old;
    ret->list_spend_max = list->spend_max;
    ret->list_say = list->say;
    ret->actions = terminal->actions;
    ret->actions_say = terminal->actions_said;
    ret->waiting = terminal->waiting;
    setting_or_empty(store, "sync.last_ok", ret->sync_last_ok, sizeof ret->sync_last_ok);
    setting_or_empty(store, "sync.say", ret->sync_say, sizeof ret->sync_say);
    ret->reader_say = config->reader_say != NULL ? config->reader_say(config->reader_ctx) : "";
    allowance_status(terminal, ret);
}
