#include "server/fleet_trouble.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/fleet.h"

/* What is said in Persian, in the order of use. */
/* clang-format off */
#define FA_DAY "روز"
#define FA_HOUR "ساعت"
#define FA_MINUTE "دقیقه"
#define FA_SECOND "ثانیه"
#define FA_NEVER "%s پیش پذیرفته شده و هرگز همگام نشده است؛ بازگشت‌ها منتظر آن می‌مانند. آن را راه بیندازید یا به انتظار پایان دهید:"
#define FA_SILENT "%s است که از آن خبری نیست و بازگشت‌ها منتظر آن می‌مانند. %s"
#define FA_DEAD "مدت درازی است: اگر برنمی‌گردد آن را ازدست‌رفته اعلام کنید؛ کارهایش از روی کارت‌ها بازسازی می‌شود:"
#define FA_LINE "برق و خط آن را ببینید؛ اگر برنمی‌گردد:"
#define FA_UNSENT "تراکنش‌های فرستاده‌نشده دارد، کهنه‌ترین از %s پیش، با آن‌که همگام می‌شود. صفحهٔ خودش و پرونده‌ها را ببینید:"
#define FA_CLOCK_UNSET "ساعت آن تنظیم نیست: دستگاه در نخستین تماس ساعت باشگاه را می‌گیرد، لینوکس ساده را همان‌جا تنظیم کنید؛ روزها و سقف‌ها با آن حساب می‌شود."
#define FA_CLOCK "ساعت آن %s %s از ساعت باشگاه است: دستگاه را خاموش و روشن کنید، لینوکس ساده را همان‌جا تنظیم کنید؛ روزها و سقف‌ها با آن حساب می‌شود."
#define FA_BEHIND "عقب‌تر"
#define FA_AHEAD "جلوتر"
#define FA_REFUSED "برنامهٔ تازه را نمی‌پذیرد و با برنامهٔ پیشین کار می‌کند. برنامه را درست کنید و شمارهٔ بالاتری به آن بدهید:"
#define FA_CERT "گواهی آن %s %s و تمدید نشده است: بی‌گواهی همگام نمی‌شود. %s"
#define FA_CERT_ENDS "خط و صفحهٔ خود دستگاه را ببینید."
#define FA_CERT_ENDED "اگر دستگاه سر جای خودش است:"
#define FA_COPY "گواهی پیشین آن %s پیش نشان داده شد: دستگاه دیگری کلید آن را دارد یا حافظه‌اش از نسخه‌ای کهنه برگردانده شده است. فروش‌های آن را ببینید؛ اگر دستگاه خودتان نبود:"
#define FA_CHAIN "%s پیش تراکنش‌هایی جز آن‌چه باشگاه دارد از آن رسید و %s. شاید حافظه‌اش نسخه‌ای کهنه است یا دستگاه دیگری با شمارهٔ آن کار می‌کند. پروندهٔ آن را ببینید و پس از رسیدگی ببندید:"
#define FA_CHAIN_REFUSED "از آن پس چیزی از آن پذیرفته نشده است؛ بازگشت‌ها منتظر آن می‌مانند"
#define FA_CHAIN_TAKEN "از آن پس باز هم از آن پذیرفته شده است"
#define FA_ENDED "پیش پایان یافت"
#define FA_ENDS "دیگر پایان می‌یابد"
#define FA_UNFIT "خودآزمایی آن ناموفق است (%s). آن بخش را درست کنید و دستگاه را دوباره روشن کنید."
#define FA_FELL_BACK "نسخهٔ تازه نصب شد ولی به نسخهٔ پیشین برگشت و دیگر آن‌جا عرضه نمی‌شود. گزارش آن را بخواهید:"
#define FA_DISK "فضای آزاد آن رو به پایان است؛ وقتی پر شود فروش می‌ایستد. ببینید همگام می‌شود و حافظهٔ بزرگ‌تری به آن بدهید."
#define FA_UPDATE "نسخهٔ تازه را نصب نمی‌کند (%s) و با نسخهٔ کنونی کار می‌کند."
#define FA_TRIAL "نسخهٔ تازه %s است که آزمایشی است و هنوز تأیید نشده است."
/* clang-format on */

static const char *const words[FLEET_TROUBLES] = {
    "copy",      "chain", "self_test", "never",     "dead",   "silent", "unsent",
    "fell_back", "disk",  "clock",     "programme", "update", "trial",  "certificate"};

const char *fleet_trouble_word(enum fleet_trouble_kind kind)
{
    return words[kind];
}

/* --- spans and sizes ----------------------------------------------------------------------- */

static const struct {
    int64_t seconds;
    const char *one, *many, *fa;
} units[] = {
    {86400, "day", "days", FA_DAY},
    {3600, "hour", "hours", FA_HOUR},
    {60, "minute", "minutes", FA_MINUTE},
    {1, "second", "seconds", FA_SECOND},
};

/* The largest unit of which there are two, or seconds. */
static size_t unit_of(int64_t seconds)
{
    size_t i = 0;
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds) {
        i++;
    }
    return i;
}

void fleet_span(int64_t seconds, char ret[FLEET_SPAN_BYTES])
{
    const size_t unit = unit_of(seconds);
    const int64_t count = seconds / units[unit].seconds;
    (void)snprintf(ret, FLEET_SPAN_BYTES, "%" PRId64 " %s", count,
                   count == 1 ? units[unit].one : units[unit].many);
}

void fleet_span_fa(int64_t seconds, char ret[FLEET_SPAN_BYTES])
{
    const size_t unit = unit_of(seconds);
    char digits[24];
    size_t at = 0;
    (void)snprintf(digits, sizeof digits, "%" PRId64, seconds / units[unit].seconds);
    for (const char *digit = digits; *digit != '\0' && at < 20; digit++) {
        if (*digit >= '0' && *digit <= '9') { /* U+06F0..U+06F9 */
            ret[at++] = (char)0xdb;
            ret[at++] = (char)(0xb0 + (*digit - '0'));
        }
    }
    (void)snprintf(ret + at, FLEET_SPAN_BYTES - at, " %s", units[unit].fa);
}

void fleet_bytes(int64_t bytes, char ret[FLEET_SPAN_BYTES])
{
    const double size = (double)bytes;
    if (bytes >= 1000000000) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "%.1f GB", size / 1e9);
    } else if (bytes >= 1000000) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "%.0f MB", size / 1e6);
    } else {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "%" PRId64 " B", bytes);
    }
}

/* --- the sentences ------------------------------------------------------------------------- */

/* What has been found so far. */
struct finding {
    const struct fleet_facts *facts;
    struct fleet_trouble *list;
    size_t count;
};

static struct fleet_trouble *begin(struct finding *finding, enum fleet_trouble_kind kind)
{
    struct fleet_trouble *trouble = &finding->list[finding->count++];
    *trouble = (struct fleet_trouble){.kind = kind};
    return trouble;
}

static void write(char *ret, size_t max, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write(char *ret, size_t max, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(ret, max, format, values);
    va_end(values);
}

#define SAY(trouble, ...)     write((trouble)->say, sizeof(trouble)->say, __VA_ARGS__)
#define FA(trouble, ...)      write((trouble)->fa, sizeof(trouble)->fa, __VA_ARGS__)
#define COMMAND(trouble, ...) write((trouble)->command, sizeof(trouble)->command, __VA_ARGS__)

/* It calls, and nothing is taken: that is no silence. */
static bool is_refused(const struct fleet_facts *facts)
{
    return facts->chain_at != 0 && facts->chain_at >= facts->seen_at;
}

static void find_never(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t age_s = facts->now_s - facts->approved_at;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->seen_at != 0 || facts->approved_at == 0 || age_s < FLEET_NEVER_S ||
        is_refused(facts)) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_NEVER);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "Approved %s ago and never synced; returns and releases wait for it. Start it up, or end "
        "the wait:",
        span);
    FA(trouble, FA_NEVER, fa);
    COMMAND(trouble, "vafa-club terminal forget %u", facts->terminal);
}

/* Silent; and proposed to be dead after the club's days. */
static void find_silent(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t age_s = facts->now_s - facts->seen_at;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->seen_at == 0 || age_s < FLEET_SILENT_S || is_refused(facts)) {
        return;
    }
    const bool is_dead = facts->dead_days != 0 && age_s >= facts->dead_days * 86400;
    struct fleet_trouble *trouble = begin(finding, is_dead ? TROUBLE_DEAD : TROUBLE_SILENT);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "Not heard of for %s, with %" PRId64 " %s unsent then; returns and releases wait for it. "
        "%s",
        span, facts->unsent, facts->unsent == 1 ? "entry" : "entries",
        is_dead ? "That is long: if it does not come back, declare it dead. What it did, cards "
                  "tell:"
                : "Look at its power and line; if it will not come back:");
    FA(trouble, FA_SILENT, fa, is_dead ? FA_DEAD : FA_LINE);
    COMMAND(trouble, "vafa-club terminal dead %u", facts->terminal);
}

static void find_unsent(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t age_s = facts->now_s - facts->oldest_at;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    const bool is_heard = facts->seen_at != 0 && facts->now_s - facts->seen_at < FLEET_SILENT_S;
    if (!is_heard || facts->unsent == 0 || facts->oldest_at == 0 || age_s < FLEET_UNSENT_S) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_UNSENT);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "%" PRId64 " entries are unsent, the oldest for %s, though it is heard of. See what it "
        "says on its screen, and its cases:",
        facts->unsent, span);
    FA(trouble, FA_UNSENT, fa);
    COMMAND(trouble, "vafa-club cases");
}

static void find_clock(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t error_s = facts->clock_error_s;
    const int64_t size_s = error_s < 0 ? -error_s : error_s;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->is_clock_unset) {
        struct fleet_trouble *trouble = begin(finding, TROUBLE_CLOCK);
        SAY(trouble,
            "Its clock is not set: a device sets it at its first contact, a plain Linux is "
            "set there; days, vouchers and limits go by it.");
        FA(trouble, FA_CLOCK_UNSET);
    } else if (facts->has_clock && size_s > FLEET_CLOCK_S) {
        struct fleet_trouble *trouble = begin(finding, TROUBLE_CLOCK);
        fleet_span(size_s, span);
        fleet_span_fa(size_s, fa);
        SAY(trouble,
            "Its clock is %s %s the club's: turn the device off and on, a plain Linux is set "
            "there; "
            "days, vouchers and limits go by it.",
            span, error_s < 0 ? "behind" : "ahead of");
        FA(trouble, FA_CLOCK, fa, error_s < 0 ? FA_BEHIND : FA_AHEAD);
    }
}

static void find_programme(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    if (facts->refused == 0) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_REFUSED);
    SAY(trouble,
        "It does not take programme %" PRId64 ": %s It goes on with the one before. Correct the "
        "programme and give it a higher version:",
        facts->refused,
        facts->refused_say[0] == '\0' ? "it does not say why." : facts->refused_say);
    FA(trouble, FA_REFUSED);
    COMMAND(trouble, "vafa-club programme FILE");
}

static void find_certificate(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t left_s = facts->cert_ends_at - facts->now_s;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->cert_ends_at == 0 || left_s >= FLEET_CERT_S) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_CERT);
    fleet_span(left_s < 0 ? -left_s : left_s, span);
    fleet_span_fa(left_s < 0 ? -left_s : left_s, fa);
    if (left_s > 0) {
        SAY(trouble,
            "Its certificate ends in %s, and the terminal has not renewed it: without one it "
            "cannot sync. Look at its line, and what its own screen says.",
            span);
        FA(trouble, FA_CERT, fa, FA_ENDS, FA_CERT_ENDS);
        return;
    }
    SAY(trouble,
        "Its certificate ended %s ago: it cannot sync. If the terminal is where it should be, let "
        "it get another one:",
        span);
    FA(trouble, FA_CERT, fa, FA_ENDED, FA_CERT_ENDED);
    COMMAND(trouble, "vafa-club terminal renew %u", facts->terminal);
}

static void find_copy(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t age_s = facts->now_s - facts->cert_late_at;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->cert_late_at == 0 || age_s >= FLEET_COPY_S) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_COPY);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "A certificate that it had before was shown %s ago: another machine has its key, or its "
        "disk was put back from a copy. Look at what it sold; if it was no machine of yours:",
        span);
    FA(trouble, FA_COPY, fa);
    COMMAND(trouble, "vafa-club revoke %u", facts->terminal);
}

static void find_chain(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    const int64_t age_s = facts->now_s - facts->chain_at;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    if (facts->chain_at == 0) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_CHAIN);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "%s ago it sent other entries than the club holds, and %s. Its disk may be an old copy, or "
        "another machine has its number. See its case, and close it when that is mended:",
        span,
        is_refused(facts) ? "nothing was taken since; returns and releases wait for it"
                          : "more was taken since");
    FA(trouble, FA_CHAIN, fa, is_refused(facts) ? FA_CHAIN_REFUSED : FA_CHAIN_TAKEN);
    COMMAND(trouble, "vafa-club cases");
}

/* --- what a device says -------------------------------------------------------------------- */

static void find_unfit(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    if (!fleet_has_failed_test(facts->self_test)) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_UNFIT);
    SAY(trouble, "Its self-test failed: %s. Mend that part, and start it again.", facts->self_test);
    FA(trouble, FA_UNFIT, facts->self_test);
}

static void find_fell_back(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    if (facts->failed <= facts->version) {
        return; /* it has gone past that */
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_FELL_BACK);
    SAY(trouble,
        "Version %u was installed and fell back to %u: it is not offered there again. Its log says "
        "more:",
        facts->failed, facts->version);
    FA(trouble, FA_FELL_BACK);
    COMMAND(trouble, "vafa-club logs ask %u --by NAME", facts->terminal);
}

static void find_disk(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    char size[FLEET_SPAN_BYTES];
    if (facts->free_bytes >= FLEET_FREE_BYTES) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_DISK);
    fleet_bytes(facts->free_bytes, size);
    SAY(trouble,
        "Only %s are free on it: it stops selling when nothing is. See that it syncs, and have a "
        "technician give it a larger card.",
        size);
    FA(trouble, FA_DISK);
}

static void find_update(struct finding *finding)
{
    const char *update = finding->facts->update;
    if (strncmp(update, "refused ", 8) != 0) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_UPDATE);
    SAY(trouble, "It does not install version %s. It goes on with the one that runs.", update + 8);
    FA(trouble, FA_UPDATE, update + 8);
}

static void find_trial(struct finding *finding)
{
    const struct fleet_facts *facts = finding->facts;
    char span[FLEET_SPAN_BYTES], fa[FLEET_SPAN_BYTES];
    const int64_t age_s = facts->now_s - facts->version_at;
    if (facts->is_good || age_s < FLEET_TRIAL_S) {
        return;
    }
    struct fleet_trouble *trouble = begin(finding, TROUBLE_TRIAL);
    fleet_span(age_s, span);
    fleet_span_fa(age_s, fa);
    SAY(trouble,
        "Version %u is on trial for %s: it is marked good after its self-test, or falls back at "
        "its next start.",
        facts->version, span);
    FA(trouble, FA_TRIAL, fa);
}

size_t fleet_troubles(const struct fleet_facts *facts, struct fleet_trouble ret[FLEET_TROUBLES])
{
    static const struct {
        void (*find)(struct finding *);
        bool needs_device;
    } finders[] = {
        {find_copy, false},        {find_chain, false},  {find_unfit, true},
        {find_never, false},       {find_silent, false}, {find_unsent, false},
        {find_fell_back, true},    {find_disk, true},    {find_clock, false},
        {find_programme, false},   {find_update, true},  {find_trial, true},
        {find_certificate, false},
    };
    struct finding finding = {.facts = facts, .list = ret};
    for (size_t i = 0; i < sizeof finders / sizeof finders[0]; i++) {
        if (facts->has_device || !finders[i].needs_device) {
            finders[i].find(&finding);
        }
    }
    return finding.count;
}
