/* See till_print.h. */
#include "firmware/terminal/till_print.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t number(const json_t *answer, const char *field)
{
    return json_integer_value(json_object_get(answer, field));
}

static const char *text(const json_t *answer, const char *field)
{
    const char *value = json_string_value(json_object_get(answer, field));
    return value != NULL ? value : "";
}

static void print_history(const json_t *history)
{
    size_t n;
    const json_t *row;
    (void)printf("  %7s %-9s %14s %9s %14s\n", "counter", "what", "amount", "points", "credit");
    json_array_foreach(history, n, row)
    {
        (void)printf("  %7" PRId64 " %-9s %14" PRId64 " %9" PRId64 " %14" PRId64 "\n",
                     number(row, "counter"), text(row, "kind"), number(row, "amount"),
                     number(row, "points"), number(row, "credit"));
    }
}

/* What has to be done about it first. */
static const char *waiting_note(const json_t *row)
{
    const bool is_card = strcmp(text(row, "what"), "card") == 0;
    return strcmp(text(row, "state"), "in_doubt") == 0 ? "  (a card has to be held again)"
           : strcmp(text(row, "state"), "club") == 0   ? "  (the club knows; hand it over)"
           : is_card ? "  (all of it: duplicate --from this number)"
                     : "";
}

static void print_waiting(const json_t *waiting)
{
    size_t n;
    const json_t *row;
    json_array_foreach(waiting, n, row)
    {
        const time_t since = (time_t)number(row, "since");
        char when[32] = "";
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime(&since));
        (void)printf("  %8" PRId64 "  %s  %14" PRId64 " rials  from card %s",
                     number(row, "sequence"), when, number(row, "amount"), text(row, "card"));
        if (text(row, "into")[0] != '\0') {
            (void)printf(" into card %s", text(row, "into"));
        }
        (void)printf("%s\n", waiting_note(row));
    }
}

static void print_allowance(const json_t *allowance)
{
    size_t n;
    const json_t *row;
    json_array_foreach(allowance, n, row)
    {
        (void)printf("  %s %s, %s: %" PRId64 " granted, %" PRId64 " used, %" PRId64 " left\n",
                     text(row, "what"), text(row, "unit"),
                     strcmp(text(row, "span"), "day") == 0 ? "a day" : "in all",
                     number(row, "granted"), number(row, "used"), number(row, "left"));
    }
}

static void print_status(const json_t *answer)
{
    (void)printf("  terminal %" PRId64 "  %s  %s  programme %" PRId64 "\n",
                 number(answer, "terminal"), text(answer, "merchant"), text(answer, "branch"),
                 number(answer, "programme"));
    (void)printf("  journal %" PRId64 " entries, %" PRId64 " not sent, %" PRId64 " in doubt\n",
                 number(answer, "entries"), number(answer, "unsent"), number(answer, "pending"));
    (void)printf("  reader %s  disk %s  card numbers left %" PRId64 "\n", text(answer, "reader"),
                 text(answer, "disk"), number(answer, "card_numbers_left"));
    (void)printf("  from the club for cards: %" PRId64 " held%s%s\n", number(answer, "actions"),
                 text(answer, "actions_say")[0] != '\0' ? "; " : "", text(answer, "actions_say"));
    if (number(answer, "transfers") != 0) {
        (void)printf("  %" PRId64 " transfers of %" PRId64
                     " rials wait here: vafa-till transfers\n",
                     number(answer, "transfers"), number(answer, "transfers_amount"));
    }
    (void)printf("  if it died now: %s\n", text(answer, "if_it_died_now"));
    (void)printf("  if it were stolen: %s\n", text(answer, "if_stolen"));
    print_allowance(json_object_get(answer, "allowance"));
    if (number(answer, "operator") != 0) {
        (void)printf("  signed in: operator %" PRId64 ", %s\n", number(answer, "operator"),
                     text(answer, "role"));
    } else if (json_is_true(json_object_get(answer, "sign_in"))) {
        (void)printf("  nobody is signed in: vafa-till sign-in\n");
    }
    if (text(answer, "mandate_say")[0] != '\0') {
        (void)printf("  the club's mandate: %s\n", text(answer, "mandate_say"));
    }
    if (number(answer, "support") > 0) {
        (void)printf("  support is on, for %" PRId64
                     " minutes more: the club may take this device's log; vafa-till support off\n",
                     (number(answer, "support") + 59) / 60);
    }
    if (text(answer, "sync_say")[0] != '\0') {
        (void)printf("  sync: %s\n", text(answer, "sync_say"));
    }
    if (text(answer, "certificate_say")[0] != '\0') {
        (void)printf("  %s\n", text(answer, "certificate_say"));
    }
}

/* As vafa-programme try prints them. */
static void print_lines(const json_t *lines)
{
    size_t n;
    const json_t *line;
    json_array_foreach(lines, n, line)
    {
        const char *kind = text(line, "kind"), *rule = text(line, "rule");
        bool has_name =
            rule[0] != '\0' && (strcmp(kind, "rule") == 0 || strcmp(kind, "aside") == 0);
        const char *result = text(line, "result");
        (void)printf("  %s%s%s%s%s\n", has_name ? rule : "", has_name ? ": " : "",
                     text(line, "text"), result[0] == '\0' ? "" : " = ", result);
    }
}

static void print_figures(const char *what, const json_t *figures, const char *more)
{
    (void)printf("  %s: points %" PRId64 "  credit %" PRId64 "  gift %" PRId64 "  voucher %" PRId64
                 " rials%s\n",
                 what, number(figures, "points"), number(figures, "credit"),
                 number(figures, "gift"), number(figures, "voucher"), more);
}

/* What a replacement comes to, before it is confirmed. */
static void print_replacement(const json_t *answer)
{
    static const char *const sources[][2] = {{"unknown", "nobody here"},
                                             {"seen", "this terminal"},
                                             {"told", "the club, not settled"},
                                             {"settled", "the club, for certain"}};
    const json_t *known = json_object_get(answer, "known"), *loss = json_object_get(answer, "loss");
    const time_t as_of = (time_t)number(known, "as_of");
    struct tm tm;
    char when[64] = "", more[128];
    for (size_t n = 0; n < sizeof sources / sizeof *sources; n++) {
        if (strcmp(text(known, "source"), sources[n][0]) == 0) {
            if (as_of > 0 && localtime_r(&as_of, &tm) != NULL) {
                (void)strftime(when, sizeof when, ", as of %Y-%m-%d %H:%M", &tm);
            }
            (void)snprintf(more, sizeof more, "  (%s%s)", sources[n][1], when);
            print_figures("known", known, more);
        }
    }
    print_figures("now on the new card", json_object_get(answer, "now"), "");
    (void)printf("  worst loss of the club: %" PRId64 " rials of credit, %" PRId64
                 " points worth %" PRId64 " rials\n",
                 number(loss, "credit"), number(loss, "points"), number(loss, "points_value"));
}

void till_print(const json_t *answer, bool is_final)
{
    static const char *const states[][2] = {
        {"done", "DONE"}, {"not_done", "NOT DONE"}, {"hold_again", "HOLD AGAIN"}};
    const char *state = "...";
    for (size_t n = 0; is_final && n < sizeof states / sizeof *states; n++) {
        if (strcmp(text(answer, "state"), states[n][0]) == 0) {
            state = states[n][1];
        }
    }
    (void)printf("%s  %s\n", state, text(answer, "say"));
    if (!is_final) {
        return;
    }
    const json_t *settled = json_object_get(answer, "settled");
    if (settled != NULL) {
        (void)printf("  An earlier %s of %" PRId64 " rials, in doubt until now: %s.\n",
                     text(settled, "kind"), number(settled, "amount"), text(settled, "verdict"));
    }
    if (json_object_get(answer, "expired") != NULL) {
        (void)printf("  Before that, %" PRId64 " points expired by their date.\n",
                     number(answer, "expired"));
    }
    if (json_object_get(answer, "credit") != NULL) {
        const char *card = text(answer, "card");
        (void)printf("  card *%s  points %" PRId64 "  credit %" PRId64 " rials  counter %" PRId64
                     "\n",
                     strlen(card) > 4 ? card + strlen(card) - 4 : card, number(answer, "points"),
                     number(answer, "credit"), number(answer, "counter"));
    }
    print_lines(json_object_get(answer, "lines"));
    print_waiting(json_object_get(answer, "waiting"));
    if (json_object_get(answer, "known") != NULL) {
        print_replacement(answer);
    }
    if (json_object_get(answer, "history") != NULL) {
        print_history(json_object_get(answer, "history"));
    }
    if (json_object_get(answer, "entries") != NULL) {
        print_status(answer);
    }
}
