/* Tests of firmware/terminal/session.h and storage/mandates.h on a real store and key store: who is
 * let in, when he is signed out, which mandate is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/terminal/session.h"
#include "hal/keystore_admin.h"
#include "hal/pin.h"
#include "hal/signed.h"
#include "storage/mandates.h"
#include "storage/operators.h"
#include "storage/store.h"

enum { TERMINAL = 7, ALI = 3, SARA = 4, MINUTE = 60000 };

static char folder[64], private_pem[SIGNED_PEM_MAX];
static struct store *store;
static struct keystore *keys;
static char verifier[PIN_VERIFIER_MAX]; /* of 739105 */

static int open_world(void **state)
{
    struct keystore_entry media = {.master = MASTER_MEDIA, .version = 1, .key = {1, 2, 3}};
    char path[96], public_pem[SIGNED_PEM_MAX];
    struct fault fault;
    (void)state;
    strcpy(folder, "/tmp/vafa-test-session-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    bool is_good = keystore_add(path, &media, 1, &fault) == ST_OK &&
                   keystore_open(path, &keys, &fault) == ST_OK &&
                   pin_make(keys, "739105", verifier, &fault) == ST_OK;
    (void)snprintf(path, sizeof path, "%s/db", folder);
    const struct store_config config = {.path = path, .create = true};
    is_good = is_good && store_open(&config, &store, &fault) == ST_OK &&
              signed_pair_make(private_pem, public_pem) == ST_OK &&
              setting_put(store, "programme.key", public_pem) == ST_OK &&
              setting_put(store, "terminal", "7") == ST_OK;
    return is_good ? 0 : -1;
}

static int close_world(void **state)
{
    char command[96];
    (void)state;
    store_close(store);
    keystore_close(keys);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static uint64_t card_of(uint32_t number)
{
    return card_number_make(UINT64_C(936400000000000) + number);
}

/* Ali, a cashier, and Sara, a manager. */
static struct mandate mandate_of(int64_t version)
{
    struct mandate mandate = {.terminal = TERMINAL,
                              .version = version,
                              .requires_sign_in = true,
                              .idle_minutes = 10,
                              .operator_count = 2};
    mandate.operators[0] = (struct mandate_operator){
        .number = ALI, .role = ROLE_CASHIER, .name = "Ali", .card_number = card_of(ALI)};
    mandate.operators[1] = (struct mandate_operator){
        .number = SARA, .role = ROLE_MANAGER, .name = "سارا", .card_number = card_of(SARA)};
    strcpy(mandate.operators[0].pin, verifier);
    strcpy(mandate.operators[1].pin, verifier);
    mandate.operators[1].day.of[LIMIT_REFUND][LIMIT_RIALS] = (struct limit){true, 5000};
    mandate.total.of[LIMIT_LOAD][LIMIT_RIALS] = (struct limit){true, LIMIT_MAX};
    mandate.day.of[LIMIT_EARN][LIMIT_COUNT] = (struct limit){true, 0};
    return mandate;
}

/* Signs it with `pem` and has the store take it. */
static enum st take(const struct mandate *mandate, const char *pem)
{
    char *text = NULL, *jws = NULL;
    struct fault fault = {""};
    assert_int_equal(mandate_write(mandate, &text), ST_OK);
    assert_int_equal(signed_make(pem, MANDATE_TYP, text, strlen(text), &jws, &fault), ST_OK);
    const enum st st = mandate_take(store, jws, &fault);
    assert_true(st == ST_OK || fault.say[0] != '\0');
    free(text);
    free(jws);
    return st;
}

static void append(const struct entry_operator *event)
{
    uint32_t sequence = 0;
    if (event->number == 0) {
        return;
    }
    assert_int_equal(journal_next(store, &sequence), ST_OK);
    const struct entry entry = {.kind = ENTRY_OPERATOR,
                                .sequence = sequence,
                                .time_s = 1795329000,
                                .clock_quality = 1,
                                .terminal = TERMINAL,
                                .operator_event = *event};
    assert_int_equal(journal_append(store, &entry), ST_OK);
}

static enum st attempt(struct session *session, uint32_t number, const char *pin, uint8_t event)
{
    struct entry_operator entry;
    struct fault say;
    const enum st st = session_try(session, store, keys, card_of(number), pin, &entry, &say);
    assert_int_equal(entry.number == 0 ? 0 : entry.event, event);
    append(&entry);
    if (st == ST_OK) {
        session_begin(session, &entry, 0);
    }
    return st;
}

static void only_the_clubs_own_newer_mandate_for_this_terminal_is_taken(void **state)
{
    (void)state;
    struct mandate mandate = mandate_of(100), read;
    char other_pem[SIGNED_PEM_MAX], unused[SIGNED_PEM_MAX];
    struct fault fault;
    assert_int_equal(mandate_load(store, &read, &fault), ST_REFUSED);
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    assert_int_equal(take(&mandate, private_pem), ST_REFUSED); /* not newer */
    mandate.version = 99;
    assert_int_equal(take(&mandate, private_pem), ST_REFUSED);
    mandate.version = 101;
    mandate.terminal = TERMINAL + 1;
    assert_int_equal(take(&mandate, private_pem), ST_REFUSED);
    mandate.terminal = TERMINAL;
    assert_int_equal(signed_pair_make(other_pem, unused), ST_OK);
    assert_int_equal(take(&mandate, other_pem), ST_DENIED);
    assert_int_equal(mandate_take(store, "{}", &fault), ST_FOREIGN);

    assert_int_equal(mandate_load(store, &read, &fault), ST_OK);
    const struct mandate right = mandate_of(100);
    assert_int_equal(read.version, 100);
    assert_int_equal(read.operator_count, 2);
    assert_string_equal(read.operators[1].name, "سارا");
    assert_true(read.operators[1].card_number == card_of(SARA));
    assert_memory_equal(&read.total, &right.total, sizeof read.total);
    assert_memory_equal(&read.day, &right.day, sizeof read.day);
    assert_memory_equal(&read.operators[1].day, &right.operators[1].day, sizeof right.day);
    assert_true(read.requires_sign_in && read.idle_minutes == 10);
}

/* Each is a good one with one thing changed. */
static void a_mandate_with_a_field_that_is_wrong_is_foreign(void **state)
{
    static const char *const changes[][2] = {
        {"\"vafa_mandate\":1", "\"vafa_mandate\":\"1\""},
        {"\"terminal\":7", "\"terminal\":0"},
        {"\"version\":1,", "\"version\":0,"},
        {"\"sign_in\":true", "\"sign_in\":1"},
        {"\"idle_minutes\":10", "\"idle_minutes\":0"},
        {"\"idle_minutes\":10", "\"idle_minutes\":10,\"more\":1"},
        {"\"load\":", "\"lend\":"},
        {"\"points\":0", "\"points\":-1"},
        {"\"number\":4", "\"number\":3"},
        {"\"number\":4", "\"number\":65536"},
        {"\"role\":\"manager\"", "\"role\":\"boss\""},
        {"\"blocked\":false", "\"blocked\":0"},
        {"\"card\":\"9364000000000", "\"card\":\"9364000000001"},
        {"\"pin\":\"1.", "\"pin\":\"73910"},
    };
    struct mandate mandate = mandate_of(1), read;
    char *text = NULL;
    struct fault fault;
    (void)state;
    assert_int_equal(mandate_write(&mandate, &text), ST_OK);
    assert_int_equal(mandate_read(text, strlen(text), &read, &fault), ST_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i += 1) {
        static char changed[8192];
        const char *at = strstr(text, changes[i][0]);
        if (at == NULL) {
            fail_msg("%s is not there", changes[i][0]);
        }
        (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, changes[i][1],
                       at + strlen(changes[i][0]));
        if (mandate_read(changed, strlen(changed), &read, &fault) != ST_FOREIGN) {
            fail_msg("%s is taken", changes[i][1]);
        }
    }
    free(text);
    static const char later[] = "{\"vafa_mandate\":2}";
    assert_int_equal(mandate_read(later, sizeof later - 1, &read, &fault), ST_UNSUPPORTED);
}

static struct session fresh_session(void)
{
    struct session session = {.has_mandate = false};
    struct entry_operator out;
    assert_int_equal(session_refresh(&session, store, 0, &out), ST_OK);
    assert_true(session.has_mandate && out.number == 0);
    return session;
}

static void who_is_idle_is_signed_out_and_who_works_is_not(void **state)
{
    (void)state;
    struct session session = fresh_session();
    struct entry_operator out;
    struct fault why;
    uint32_t operator_no = 99;
    assert_int_equal(session_admit(&session, RIGHT_SELL, 0, &operator_no, &why), ST_REFUSED);
    assert_int_equal(session_admit(&session, RIGHT_READ, 0, &operator_no, &why), ST_OK);
    assert_int_equal(operator_no, 99);
    assert_int_equal(attempt(&session, ALI, "739105", OPERATOR_IN), ST_OK);
    assert_int_equal(session_admit(&session, RIGHT_SELL, 9 * MINUTE, &operator_no, &why), ST_OK);
    assert_int_equal(operator_no, ALI);
    assert_int_equal(session_admit(&session, RIGHT_REFUND, 9 * MINUTE, &operator_no, &why),
                     ST_REFUSED);
    assert_int_equal(session_refresh(&session, store, 19 * MINUTE, &out), ST_OK);
    assert_int_equal(out.number, 0);
    assert_int_equal(session_refresh(&session, store, 19 * MINUTE + 1, &out), ST_OK);
    assert_int_equal(out.number, ALI);
    assert_int_equal(out.event, OPERATOR_OUT);
    assert_int_equal(session_admit(&session, RIGHT_SELL, 19 * MINUTE, &operator_no, &why),
                     ST_REFUSED);
}

static void three_wrong_pins_lock_until_manager_or_club_unlocks(void **state)
{
    (void)state;
    struct session session = fresh_session();
    struct entry_operator entry;
    struct operator_state locked;
    struct fault say;
    assert_int_equal(attempt(&session, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&session, ALI, "739105", OPERATOR_IN), ST_OK); /* begins anew */
    assert_int_equal(attempt(&session, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&session, ALI, "2222", OPERATOR_WRONG), ST_REFUSED);
    struct session restarted = fresh_session();
    assert_int_equal(attempt(&restarted, ALI, "3333", OPERATOR_LOCKED), ST_REFUSED);
    assert_int_equal(attempt(&restarted, ALI, "739105", 0), ST_REFUSED);
    assert_int_equal(operators_state(store, ALI, &locked), ST_OK);
    assert_true(locked.is_locked && locked.wrong == 3);

    assert_int_equal(session_unlock(&restarted, store, ALI, &entry, &say), ST_REFUSED);
    assert_int_equal(attempt(&restarted, SARA, "739105", OPERATOR_IN), ST_OK);
    assert_int_equal(session_unlock(&restarted, store, ALI, &entry, &say), ST_OK);
    append(&entry);
    assert_int_equal(session_unlock(&restarted, store, ALI, &entry, &say), ST_REFUSED);
    assert_int_equal(attempt(&restarted, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&restarted, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&restarted, ALI, "1111", OPERATOR_LOCKED), ST_REFUSED);

    /* The club's unlock opens this lock, once: three more lock again. */
    struct mandate mandate = mandate_of(200);
    mandate.operators[0].unlocks = 1;
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    struct session unlocked = fresh_session();
    assert_int_equal(attempt(&unlocked, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&unlocked, ALI, "1111", OPERATOR_WRONG), ST_REFUSED);
    assert_int_equal(attempt(&unlocked, ALI, "1111", OPERATOR_LOCKED), ST_REFUSED);
    assert_int_equal(attempt(&unlocked, ALI, "739105", 0), ST_REFUSED);
}

static void a_new_mandate_signs_out_whom_it_lacks_or_blocks(void **state)
{
    (void)state;
    struct session session = fresh_session();
    struct entry_operator out;
    struct mandate mandate = mandate_of(300);
    assert_int_equal(attempt(&session, SARA, "739105", OPERATOR_IN), ST_OK);
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    assert_int_equal(session_refresh(&session, store, 1, &out), ST_OK);
    assert_int_equal(out.number, 0);
    mandate.version = 301;
    mandate.operators[1].is_blocked = true;
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    assert_int_equal(session_refresh(&session, store, 2, &out), ST_OK);
    assert_int_equal(out.number, SARA);
    assert_int_equal(session.operator_no, 0);
    assert_int_equal(attempt(&session, SARA, "739105", 0), ST_REFUSED);
}

/* The bound of operators, each with the longest of everything: the last one signs in. */
static void a_chain_of_operators_fits(void **state)
{
    static struct mandate mandate;
    (void)state;
    struct session session = fresh_session();
    struct entry_operator out;
    mandate = mandate_of(400);
    mandate.operator_count = MANDATE_OPERATORS_MAX;
    for (uint32_t i = 0; i < MANDATE_OPERATORS_MAX; i += 1) {
        struct mandate_operator *of = &mandate.operators[i];
        *of = (struct mandate_operator){.number = UINT16_MAX - i,
                                        .role = ROLE_TECHNICIAN,
                                        .card_number = card_of(UINT16_MAX - i),
                                        .unlocks = UINT32_MAX};
        memset(of->name, 'x', sizeof of->name - 1);
        strcpy(of->pin, verifier);
        for (int n = 0; n < LIMIT_WHATS * LIMIT_UNITS; n += 1) {
            of->day.of[n / LIMIT_UNITS][n % LIMIT_UNITS] = (struct limit){true, LIMIT_MAX};
        }
    }
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    assert_int_equal(session_refresh(&session, store, 1, &out), ST_OK);
    assert_int_equal(session.mandate.operator_count, MANDATE_OPERATORS_MAX);
    const uint32_t last = UINT16_MAX - MANDATE_OPERATORS_MAX + 1;
    assert_int_equal(attempt(&session, last, "739105", OPERATOR_IN), ST_OK);
    mandate.version = 401; /* he was removed */
    mandate.operator_count -= 1;
    assert_int_equal(take(&mandate, private_pem), ST_OK);
    assert_int_equal(session_refresh(&session, store, 2, &out), ST_OK);
    assert_true(out.number == last && out.event == OPERATOR_OUT);
    assert_int_equal(attempt(&session, last, "739105", 0), ST_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_clubs_own_newer_mandate_for_this_terminal_is_taken),
        cmocka_unit_test(a_mandate_with_a_field_that_is_wrong_is_foreign),
        cmocka_unit_test(who_is_idle_is_signed_out_and_who_works_is_not),
        cmocka_unit_test(three_wrong_pins_lock_until_manager_or_club_unlocks),
        cmocka_unit_test(a_new_mandate_signs_out_whom_it_lacks_or_blocks),
        cmocka_unit_test(a_chain_of_operators_fits),
    };
    return cmocka_run_group_tests_name("session", tests, open_world, close_world);
}
