#include "firmware/terminal/service_priv.h"

#include "firmware/engine/calendar.h"
#include "hal/clock.h"
#include "storage/actions.h"
#include "storage/support.h"

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

/* By the programme's time zone; before there is one, by Iran's. */
static int hour_of_day(const struct programme *programme, int64_t now_s, enum clock_quality quality)
{
    enum { MINUTE_S = 60, HOUR_S = 3600, DAY_HOURS = 24 };
    const int64_t zone_s =
        programme != NULL ? (int64_t)programme->utc_offset_minutes * MINUTE_S : CALENDAR_ZONE_S;
    return quality == CLOCK_UNSET || now_s + zone_s < 0
               ? -1
               : (int)((now_s + zone_s) / HOUR_S % DAY_HOURS);
}

/* Who is signed in, and what is left of the allowance. */
static void allowance_status(struct terminal *terminal, struct terminal_status *ret)
{
    if (!terminal->is_busy && service_refresh_session(terminal) != ST_OK) {
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
    struct quota_about about = service_about(terminal, 0, 0);
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
        /* Enrolled while it runs: its journal shows that it takes entries, card or none. */
        st = st == ST_OK ? service_append_start(terminal) : st;
    }
    ret->standing = terminal->standing;
    if (st == ST_OK) {
        st = journal_counts(store, &ret->counts);
    }
    if (st == ST_OK) {
        st = loss_count(store, &terminal->loss);
    }
    ret->loss = terminal->loss;
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
        service_refresh_list(terminal);
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
    setting_or_empty(store, "certificate.say", ret->certificate_say, sizeof ret->certificate_say);
    service_follow_date(terminal);
    ret->reader_say = config->reader_say != NULL ? config->reader_say(config->reader_ctx) : "";
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    ret->support_left_s = support_left_s(store, now_s);
    ret->hour = hour_of_day(terminal->standing.programme, now_s, quality);
    allowance_status(terminal, ret);
}
