/* Members at the club: what terminals bring in whatever order becomes one member each; what is
 * sealed for another key waits; what was earned without a card is booked, and given to a card once;
 * card numbers are nobody's twice. Sums are taken again by plain SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/engine/accrual.h"
#include "firmware/engine/media.h"
#include "hal/signed.h"
#include "server/groups.h"
#include "server/ledger.h"
#include "server/members.h"
#include "server/numbers.h"
#include "server/registry.h"
#include "server/schema.h"
#include "tests/bench/posting_model.h"
#include "tests/unit/club_books.h"

enum { ROOM = 256, NOW = 1790001000, TERMINALS = 2, CARDS_A_TERMINAL = 100000 };

/* 936400000000000 + terminal * 100000 + n, and its Luhn digit. */
#define FIRST UINT64_C(936400000000000)

struct club {
    char path[64], dir[32];
    struct db *db;
    struct ledger *ledger;
    struct programme *programme;
    struct box_key *to, *opener;
    struct model_terminal terminals[TERMINALS];
    struct wire_sync batch;
};

static struct box_key *pair(struct box_key **ret_private)
{
    char private_pem[SIGNED_PEM_MAX], public_pem[SIGNED_PEM_MAX];
    struct box_key *key = NULL;
    struct fault fault;
    assert_int_equal(signed_pair_make(private_pem, public_pem), ST_OK);
    assert_int_equal(box_key_read_public(public_pem, &key, &fault), ST_OK);
    assert_int_equal(box_key_read_private(private_pem, ret_private, &fault), ST_OK);
    return key;
}

static int setup(void **state)
{
    struct club *club = calloc(1, sizeof *club);
    struct fault fault = {""};
    static char text[8192];
    assert_non_null(club);
    strcpy(club->dir, "/tmp/vafa-members.XXXXXX");
    assert_non_null(mkdtemp(club->dir));
    (void)snprintf(club->path, sizeof club->path, "%s/club.db", club->dir);
    assert_int_equal(db_open(club->path, true, &club->db, &fault), ST_OK);
    assert_int_equal(schema_make(club->db, &fault), ST_OK);
    assert_int_equal(ledger_open(club->db, &club->ledger), ST_OK);
    FILE *file = fopen("programmes/base.json", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    assert_int_equal(programme_load(text, strlen(text), &club->programme, &fault), ST_OK);
    assert_int_equal(
        registry_programme_put(club->db, club->programme->version, text, "", NOW, &fault), ST_OK);
    for (uint32_t i = 0; i < TERMINALS; i++) {
        uint32_t number = 0;
        assert_int_equal(registry_add_terminal(club->db, "Refah", "Tajrish", &number), ST_OK);
        model_terminal_init(&club->terminals[i], number, ROOM);
    }
    club->to = pair(&club->opener);
    ledger_use_opener(club->ledger, club->opener);
    *state = club;
    return 0;
}

static int teardown(void **state)
{
    struct club *club = *state;
    char name[80];
    ledger_close(club->ledger);
    db_close(club->db);
    box_key_free(club->to);
    box_key_free(club->opener);
    programme_free(club->programme);
    for (int i = 0; i < TERMINALS; i++) {
        model_terminal_finish(&club->terminals[i]);
    }
    static const char *const files[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(name, sizeof name, "%s%s", club->path, files[i]);
        (void)unlink(name);
    }
    (void)rmdir(club->dir);
    free(club);
    return 0;
}

static int64_t number_of(const struct club *club, const char *sql)
{
    return books_number(club->path, sql);
}

static int64_t cases_of(const struct club *club, const char *why)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM tcase WHERE why = '%s'", why);
    return number_of(club, sql);
}

static uint64_t card(int t, unsigned n)
{
    return card_number_make(FIRST + (uint64_t)(t + 1) * CARDS_A_TERMINAL + n);
}

static struct entry head(const struct club *club, int t, enum entry_kind kind)
{
    return (struct entry){.kind = kind,
                          .sequence = club->terminals[t].count + 1,
                          .time_s = NOW,
                          .clock_quality = 2,
                          .terminal = club->terminals[t].number};
}

/* Of whom join() makes members. */
static uint8_t consent = CONSENT_MEMBERSHIP;

/* Terminal t makes a member of `account`, with a card unless `card_number` is 0. */
static void join(struct club *club, int t, const struct box_key *to, uint64_t account,
                 uint64_t card_number, const char *code, const char *name)
{
    struct entry entry = head(club, t, ENTRY_MEMBER);
    struct particulars particulars;
    uint8_t image[PARTICULARS_BYTES];
    struct fault fault;
    particulars_init(&particulars);
    particulars.consent = consent;
    assert_int_equal(particulars_set(&particulars, "national_code", code, &fault), ST_OK);
    assert_int_equal(particulars_set(&particulars, "name", name, &fault), ST_OK);
    particulars_encode(&particulars, image);
    entry.member.account = account;
    entry.member.card_number = card_number;
    entry.member.has_box = true;
    box_key_id(to, entry.member.key_id);
    assert_int_equal(box_seal(to, PARTICULARS_INFO, NULL, 0, image, sizeof image, entry.member.box),
                     ST_OK);
    if (code[0] != '\0') { /* any keyed hash does: the club cannot tell */
        entry.member.has_national_code = true;
        memcpy(entry.member.national_code, code, 10);
    }
    model_append(&club->terminals[t], &entry);
}

static void give_card(struct club *club, int t, uint64_t account, uint64_t card_number)
{
    struct entry entry = head(club, t, ENTRY_MEMBER);
    entry.member.account = account;
    entry.member.card_number = card_number;
    model_append(&club->terminals[t], &entry);
}

static void earn(struct club *club, int t, uint64_t number, int64_t rials, int64_t more)
{
    struct entry entry = head(club, t, ENTRY_ACCRUAL);
    struct plan plan;
    entry.accrual = (struct entry_accrual){.number = number,
                                           .medium = MEDIA_PHONE,
                                           .programme = club->programme->version,
                                           .minute = snapshot_minute(NOW),
                                           .amount = {rials}};
    assert_int_equal(
        accrual_make(club->programme, club->terminals[t].number, &entry.accrual, &plan), ST_OK);
    entry.accrual.award.n += more; /* a terminal that lies */
    model_append(&club->terminals[t], &entry);
}

static void sync_from(struct club *club, int t, uint32_t after)
{
    struct fault fault = {""};
    struct ledger_result result;
    model_batch(&club->terminals[t], after, club->terminals[t].count - after, &club->batch);
    if (ledger_take(club->ledger, &club->batch, NOW, &result, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    assert_int_equal(result.answer, LEDGER_TAKEN);
}

static struct member member_of(const struct club *club, uint64_t number)
{
    struct member member;
    bool found = false;
    assert_int_equal(members_get(club->db, "test", number, NOW, &member, &found), ST_OK);
    assert_true(found);
    return member;
}

static void a_member_is_there_once_however_often_it_comes(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), card(0, 0), "0012345679", "Sara");
    sync_from(club, 0, 0);
    sync_from(club, 0, 0);
    const struct member sara = member_of(club, card(0, 0));
    assert_string_equal(sara.particulars.name, "Sara");
    assert_string_equal(sara.particulars.national_code, "0012345679");
    assert_int_equal(sara.card_count, 1);
    assert_int_equal(sara.terminal, 1);
    assert_int_equal(number_of(club, "SELECT count(*) FROM member"), 1);
    assert_int_equal(number_of(club, "SELECT count(*) FROM link WHERE kind = 5"), 1);
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
    assert_int_equal(number_of(club, "SELECT count(*) FROM access WHERE what = 'show'"), 1);
}

static void two_with_one_code_both_stay_and_a_case_is_open(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), card(0, 0), "0012345679", "Sara");
    join(club, 1, club->to, card(1, 0), card(1, 0), "0012345679", "Sara A.");
    sync_from(club, 0, 0);
    sync_from(club, 1, 0);
    sync_from(club, 1, 0);
    assert_int_equal(number_of(club, "SELECT count(*) FROM member"), 2);
    assert_int_equal(cases_of(club, "member"), 1);
    assert_int_equal(number_of(club, "SELECT card_no FROM link WHERE kind = 5"), card(0, 0));
}

static void a_number_of_another_terminal_is_a_case(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(1, 7), 0, "", "Ali");
    join(club, 0, club->to, card(1, 7), 0, "", "Ali again");
    sync_from(club, 0, 0);
    assert_int_equal(cases_of(club, "number"), 1);
    assert_int_equal(cases_of(club, "member"), 1); /* and nobody becomes somebody else */
    assert_string_equal(member_of(club, card(1, 7)).particulars.name, "Ali");
}

static void what_is_sealed_for_another_key_waits_for_it(void **state)
{
    struct club *club = *state;
    struct box_key *safe = NULL, *to_safe = pair(&safe);
    uint32_t opened = 0, left = 0;
    join(club, 0, to_safe, card(0, 0), 0, "0012345679", "Sara");
    join(club, 0, to_safe, card(0, 1), 0, "", "Ali");
    sync_from(club, 0, 0);
    assert_true(member_of(club, card(0, 0)).is_sealed);
    assert_string_equal(member_of(club, card(0, 0)).particulars.name, "");
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
    assert_int_equal(members_open(club->db, "test", club->opener, NOW, &opened, &left), ST_OK);
    assert_int_equal(opened, 0);
    assert_int_equal(left, 2);
    assert_int_equal(members_open(club->db, "test", safe, NOW, &opened, &left), ST_OK);
    assert_int_equal(opened, 2);
    assert_int_equal(left, 0);
    assert_false(member_of(club, card(0, 0)).is_sealed);
    assert_string_equal(member_of(club, card(0, 0)).particulars.national_code, "0012345679");
    box_key_free(safe);
    box_key_free(to_safe);
}

static void a_box_that_does_not_open_is_a_case(void **state)
{
    struct club *club = *state;
    struct entry entry;
    join(club, 1, club->to, card(1, 0), 0, "", "Ali");
    assert_int_equal(entry_decode(club->terminals[1].entries[0].bytes,
                                  club->terminals[1].entries[0].size, &entry),
                     ST_OK);
    entry.member.box[100] ^= 1;
    entry.terminal = club->terminals[0].number;
    entry.member.account = card(0, 0);
    model_append(&club->terminals[0], &entry);
    sync_from(club, 0, 0);
    assert_int_equal(cases_of(club, "member"), 1);
    assert_true(member_of(club, card(0, 0)).is_sealed);
}

/* Points at the merchant, kept, pending, on cards: all of one book, in one row. */
static void assert_points(const struct club *club, int64_t issued, int64_t accrued, int64_t pending)
{
    assert_int_equal(number_of(club, "SELECT sum(amount) FROM jrn WHERE purse = 0 AND acct = 4"),
                     -issued);
    assert_int_equal(number_of(club, "SELECT sum(amount) FROM jrn WHERE purse = 0 AND acct = 17"),
                     accrued);
    assert_int_equal(number_of(club, "SELECT sum(amount) FROM jrn WHERE purse = 0 AND acct = 13"),
                     pending);
    assert_int_equal(number_of(club, "SELECT sum(amount) FROM jrn"), 0);
}

static void what_is_earned_waits_and_goes_to_the_card_once(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "0012345679", "Leila");
    earn(club, 0, card(0, 0), 2500000, 0); /* 20 points: 10 for each full million */
    sync_from(club, 0, 0);
    assert_points(club, 20, 20, 0);
    earn(club, 1, card(0, 0), 1000000, 0);
    sync_from(club, 1, 0);
    assert_points(club, 30, 30, 0);
    give_card(club, 0, card(0, 0), card(0, 1));
    sync_from(club, 0, 0);
    sync_from(club, 0, 1);
    assert_points(club, 30, 0, 30);
    assert_int_equal(number_of(club, "SELECT count(*) FROM action WHERE kind = 5 AND amount = 30"),
                     1);
    assert_int_equal(number_of(club, "SELECT card_no FROM action"), card(0, 1));
    earn(club, 1, card(0, 1), 3000000, 0); /* found by the card's number now */
    sync_from(club, 1, 0);
    assert_points(club, 60, 0, 60);
    assert_int_equal(number_of(club, "SELECT count(*) FROM accrual WHERE given = 0"), 0);
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
}

/* What the club gave before it was restored: points for the sales up to that entry of terminal 2.
 */
static void give_before(struct club *club, unsigned sequence, int64_t points)
{
    struct actions *actions = NULL;
    struct action_made made;
    struct fault fault = {""};
    char ref[32];
    (void)snprintf(ref, sizeof ref, "%u/%u/points", club->terminals[1].number, sequence);
    const struct action_order order = {.action = {.kind = ACTION_POINTS,
                                                  .origin = ORIGIN_ACCRUAL,
                                                  .card_number = card(0, 1),
                                                  .amount = points,
                                                  .text = "بدون کارت"},
                                       .ref = ref,
                                       .giver = "",
                                       .is_unseen_fine = true};
    assert_int_equal(actions_open(club->db, NULL, &actions), ST_OK);
    assert_int_equal(db_begin_write(club->db), ST_OK);
    assert_int_equal(actions_make_within(actions, &order, NOW, &made, &fault), ST_OK);
    assert_int_equal(db_commit(club->db), ST_OK);
    actions_close(actions);
}

/* A restored club has the action before all the sales that it was made of: it waits for the rest,
 * and holds up no terminal. */
static void what_was_given_before_waits_for_all_its_sales(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "0012345679", "Leila");
    give_card(club, 0, card(0, 0), card(0, 1));
    sync_from(club, 0, 0);
    give_before(club, 1, 30);
    earn(club, 1, card(0, 0), 1000000, 0);
    sync_from(club, 1, 0);
    assert_points(club, 10, -20, 30); /* 10 came, 30 are on their way */
    assert_int_equal(cases_of(club, "kept"), 1);
    earn(club, 0, card(0, 0), 2500000, 0);
    sync_from(club, 0, 2);
    assert_points(club, 30, 0, 30);
    assert_int_equal(number_of(club, "SELECT count(*) FROM accrual WHERE given = 0"), 0);
    assert_int_equal(number_of(club, "SELECT count(*) FROM action"), 1);
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase WHERE closed_at = 0"), 0);
}

/* Two sales were given one by one; the restored club has both before it knows of the card. */
static void sales_that_wait_together_are_given_as_they_were_before(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "0012345679", "Leila");
    sync_from(club, 0, 0);
    give_before(club, 1, 10);
    give_before(club, 2, 20);
    earn(club, 1, card(0, 0), 1000000, 0);
    earn(club, 1, card(0, 0), 2500000, 0);
    sync_from(club, 1, 0);
    assert_points(club, 30, 0, 30);
    give_card(club, 0, card(0, 0), card(0, 1));
    sync_from(club, 0, 1);
    assert_int_equal(number_of(club, "SELECT count(*) FROM accrual WHERE given = 0"), 0);
    earn(club, 1, card(0, 0), 1000000, 0);
    sync_from(club, 1, 2);
    assert_points(club, 40, 0, 40);
    assert_int_equal(number_of(club, "SELECT count(*) FROM action"), 3);
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
}

/* While the club does not know what it had given, it gives nothing; then all of it. */
static void nothing_is_given_while_the_club_does_not_know_what_it_gave(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "0012345679", "Leila");
    give_card(club, 0, card(0, 0), card(0, 1));
    sync_from(club, 0, 0);
    assert_int_equal(db_exec(club->db, "UPDATE club SET value = 1790001000 WHERE name = 'forgot'"),
                     ST_OK);
    assert_int_equal(db_exec(club->db, "INSERT INTO cert (term_id, fingerprint, issued_at,"
                                       " revoked_at) VALUES (1, x'01', 0, 0), (2, x'02', 0, 0)"),
                     ST_OK);
    earn(club, 1, card(0, 0), 1000000, 0);
    sync_from(club, 1, 0);
    assert_points(club, 10, 10, 0);
    give_before(club, 2, 30); /* is heard of before its sale, which names the order */
    earn(club, 1, card(0, 0), 2500000, 0);
    sync_from(club, 1, 1);
    assert_points(club, 30, 0, 30);
    earn(club, 1, card(0, 0), 3000000, 0);
    sync_from(club, 1, 2);
    assert_points(club, 60, 30, 30);
    assert_int_equal(db_exec(club->db, "UPDATE club SET value = 0 WHERE name = 'forgot'"), ST_OK);
    sync_from(club, 0, 2);
    assert_points(club, 60, 0, 60);
    assert_int_equal(number_of(club, "SELECT value FROM club WHERE name = 'kept'"), 0);
    assert_int_equal(number_of(club, "SELECT count(*) FROM action"), 2);
}

static void a_card_that_comes_before_its_member_is_theirs(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "", "Leila");
    earn(club, 0, card(0, 0), 1000000, 0);
    give_card(club, 1, card(0, 0), card(1, 0));
    sync_from(club, 1, 0);
    sync_from(club, 0, 0);
    const struct member leila = member_of(club, card(1, 0));
    assert_string_equal(leila.particulars.name, "Leila");
    assert_int_equal(leila.cards[0], card(1, 0));
    assert_points(club, 10, 0, 10);
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
}

/* Terminal t takes back its entry `sequence`, `more` points than that gave. */
static void take_back(struct club *club, int t, uint32_t sequence, int64_t more)
{
    struct entry entry = head(club, t, ENTRY_ACCRUAL), sale;
    const struct wire_entry *sent = &club->terminals[t].entries[sequence - 1];
    assert_int_equal(entry_decode(sent->bytes, sent->size, &sale), ST_OK);
    accrual_make_back(&sale.accrual, sequence, snapshot_minute(NOW), &entry.accrual);
    entry.accrual.award.n += more;
    model_append(&club->terminals[t], &entry);
}

static void what_goes_back_is_taken_from_where_it_is_once(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "0012345679", "Leila");
    earn(club, 0, card(0, 0), 2500000, 0); /* entry 2: 20 points, which wait */
    take_back(club, 0, 2, 0);
    sync_from(club, 0, 0);
    assert_points(club, 0, 0, 0);
    earn(club, 0, card(0, 0), 1000000, 0); /* entry 4: 10, which a card gets */
    give_card(club, 0, card(0, 0), card(0, 1));
    sync_from(club, 0, 3);
    assert_points(club, 10, 0, 10);
    assert_int_equal(number_of(club, "SELECT amount FROM action WHERE kind = 5"), 10);
    take_back(club, 0, 4, 0);
    sync_from(club, 0, 5);
    assert_points(club, 0, -10, 10);
    assert_int_equal(number_of(club, "SELECT amount FROM action WHERE kind = 7"), 10);
    assert_int_equal(number_of(club, "SELECT card_no FROM action WHERE kind = 7"), card(0, 1));
    assert_int_equal(number_of(club, "SELECT count(*) FROM tcase"), 0);
    /* A terminal that does it again, more, or of something else. */
    take_back(club, 0, 4, 0);
    earn(club, 0, card(0, 0), 1000000, 0); /* entry 8 */
    take_back(club, 0, 8, 1);
    sync_from(club, 0, 6);
    assert_int_equal(cases_of(club, "differs"), 2);
    assert_points(club, 10, -10, 20);
    assert_int_equal(number_of(club, "SELECT count(*) FROM action WHERE kind = 7"), 1);
}

static void a_terminal_that_gives_too_much_is_a_case(void **state)
{
    struct club *club = *state;
    join(club, 0, club->to, card(0, 0), 0, "", "Leila");
    earn(club, 0, card(0, 0), 1000000, 1);
    sync_from(club, 0, 0);
    assert_int_equal(cases_of(club, "differs"), 1);
}

static void members_are_added_changed_and_listed_by_name(void **state)
{
    struct club *club = *state;
    struct particulars particulars;
    struct fault fault = {""};
    uint64_t account = 0, other = 0;
    particulars_init(&particulars);
    particulars.route = ROUTE_WEB;
    particulars.consent = CONSENT_MEMBERSHIP;
    (void)strcpy(particulars.name, "100% Sara_");
    (void)strcpy(particulars.national_code, "0012345679");
    assert_int_equal(members_add(club->db, "web", &particulars, NOW, &account, &fault), ST_OK);
    assert_true(account / 10 >= FIRST + (UINT64_C(1) << 19) * CARDS_A_TERMINAL);
    assert_int_equal(members_add(club->db, "web", &particulars, NOW, &other, &fault), ST_REFUSED);
    assert_int_equal(other, account);
    particulars.national_code[0] = '\0';
    (void)strcpy(particulars.name, "1000 Sarah");
    assert_int_equal(members_add(club->db, "web", &particulars, NOW, &other, &fault), ST_OK);
    assert_int_equal(other / 10, account / 10 + 1);
    assert_int_equal(
        members_set(club->db, "web", other, "national_code", "0012345679", NOW, &fault),
        ST_REFUSED);
    assert_int_equal(members_set(club->db, "web", other, "phone", "12", NOW, &fault), ST_FOREIGN);
    assert_int_equal(members_set(club->db, "web", other, "phone", "09121234567", NOW, &fault),
                     ST_OK);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const struct members_filter percent = {.text = "0% sara_"}; /* no pattern, in either case */
    assert_int_equal(members_write(club->db, "web", &percent, true, NOW, out), ST_OK);
    (void)fclose(out);
    assert_non_null(strstr(text, "100% Sara_"));
    assert_null(strstr(text, "Sarah"));
    free(text);
    assert_int_equal(number_of(club, "SELECT count(*) FROM access WHERE who = 'web'"), 4);
}

/* What a terminal takes without consent the club does not keep: neither it nor what finds them. */
static void who_has_not_agreed_is_not_kept(void **state)
{
    struct club *club = *state;
    struct box_key *safe = NULL, *elsewhere = pair(&safe);
    uint32_t opened = 0, left = 0;
    consent = 0;
    join(club, 0, club->to, card(0, 0), card(0, 0), "0012345679", "Sara");
    join(club, 0, elsewhere, card(0, 1), 0, "", "Leila"); /* opened later */
    consent = CONSENT_MEMBERSHIP;
    sync_from(club, 0, 0);
    assert_int_equal(members_open(club->db, "safe", safe, NOW, &opened, &left), ST_OK);
    assert_int_equal(opened, 1);
    for (unsigned n = 0; n < 2; n += 1) {
        const struct member member = member_of(club, card(0, n));
        assert_string_equal(member.particulars.name, "");
        assert_string_equal(member.particulars.national_code, "");
    }
    assert_int_equal(member_of(club, card(0, 0)).card_count, 1); /* a member all the same */
    assert_int_equal(number_of(club, "SELECT count(*) FROM link"), 0);
    assert_int_equal(cases_of(club, "member"), 1);
    const int64_t traces = number_of(club, "SELECT count(*) FROM member WHERE instr(box, x'00') > 0"
                                           " OR name <> ''");
    assert_int_equal(traces, 0);
    box_key_free(safe);
    box_key_free(elsewhere);
}

static void who_takes_the_consent_back_is_forgotten(void **state)
{
    struct club *club = *state;
    struct particulars particulars;
    struct fault fault = {""};
    uint64_t account = 0;
    particulars_init(&particulars);
    (void)strcpy(particulars.name, "Sara");
    (void)strcpy(particulars.phone, "09121234567");
    particulars.group = 9;
    for (uint8_t without = 0; without <= CONSENT_MESSAGES; without += CONSENT_MESSAGES) {
        particulars.consent = without;
        account = 1;
        assert_int_equal(members_add(club->db, "web", &particulars, NOW, &account, &fault),
                         ST_REFUSED);
        assert_int_equal(account, 0);
    }
    particulars.consent = CONSENT_ALL;
    assert_int_equal(members_add(club->db, "web", &particulars, NOW, &account, &fault), ST_OK);
    assert_int_equal(members_set(club->db, "web", account, "consent", "messages", NOW, &fault),
                     ST_OK);
    const struct member member = member_of(club, account);
    assert_string_equal(member.particulars.name, "");
    assert_string_equal(member.particulars.phone, "");
    assert_int_equal(member.particulars.group, 9);
    assert_int_equal(members_set(club->db, "web", account, "name", "Sara", NOW, &fault),
                     ST_REFUSED);
    assert_int_equal(members_set(club->db, "web", account, "consent", "membership", NOW, &fault),
                     ST_OK);
    assert_int_equal(members_set(club->db, "web", account, "name", "Sara", NOW, &fault), ST_OK);
    assert_string_equal(member_of(club, account).particulars.name, "Sara");
}

static enum st count(void *ctx, const struct member *member)
{
    (void)member;
    *(int *)ctx += 1;
    return ST_OK;
}

static void messages_go_to_who_agreed_to_them(void **state)
{
    struct club *club = *state;
    static const uint8_t consents[] = {CONSENT_MEMBERSHIP, CONSENT_ALL, CONSENT_ALL};
    static const char *const phones[] = {"09121234567", "09121234568", ""};
    const struct members_filter filter = {.may_be_written_to = true}, all = {.group = 0};
    struct fault fault = {""};
    int found = 0, members = 0;
    for (size_t n = 0; n < 3; n += 1) {
        struct particulars particulars;
        uint64_t account = 0;
        particulars_init(&particulars);
        particulars.consent = consents[n];
        (void)strcpy(particulars.phone, phones[n]);
        assert_int_equal(members_add(club->db, "web", &particulars, NOW, &account, &fault), ST_OK);
    }
    assert_int_equal(members_each(club->db, "web", &filter, NOW, count, &found), ST_OK);
    assert_int_equal(members_each(club->db, "web", &all, NOW, count, &members), ST_OK);
    assert_int_equal(found, 1);
    assert_int_equal(members, 3);
}

/* Whoever is 60 is in group 6, by the rules; 9 is filled by hand. */
static void put_groups(struct club *club, uint32_t version)
{
    static char text[8192], changed[9216];
    struct fault fault = {""};
    FILE *file = fopen("programmes/base.json", "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    char *at = strstr(text, "\"version\": 1,"), *groups = strstr(text, "\"groups\": []");
    assert_true(at != NULL && groups > at);
    *at = *groups = '\0';
    (void)snprintf(changed, sizeof changed,
                   "%s\"version\": %u,%s\"groups\": [{\"id\": \"old\", \"number\": 6, \"when\":"
                   " {\">=\": [{\"var\": \"member.age\"}, 60]}},"
                   " {\"id\": \"friends\", \"number\": 9}]%s",
                   text, version, at + strlen("\"version\": 1,"),
                   groups + strlen("\"groups\": []"));
    assert_int_equal(registry_programme_put(club->db, version, changed, "", NOW, &fault), ST_OK);
}

/* NOW is 2026-09-21. 1966-01-01 is 24106 days after 1900-01-01, 1976-01-01 27758: 60 years, 50. */
enum { BORN_1966 = 24106, BORN_1976 = 27758 };

static uint64_t add_born(struct club *club, uint16_t birthday)
{
    struct particulars particulars;
    struct fault fault = {""};
    uint64_t account = 0;
    particulars_init(&particulars);
    particulars.birthday = birthday;
    particulars.consent = CONSENT_MEMBERSHIP;
    assert_int_equal(members_add(club->db, "web", &particulars, NOW, &account, &fault), ST_OK);
    return account;
}

static int64_t group_of(struct club *club, uint64_t account)
{
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT grp FROM member WHERE account = %llu",
                   (unsigned long long)account);
    return number_of(club, sql);
}

static void rules_of_groups_move_whom_nobody_moved_by_hand(void **state)
{
    struct club *club = *state;
    struct actions *actions = NULL;
    struct groups_result result;
    struct fault fault = {""};
    FILE *out = fopen("/dev/null", "we");
    assert_non_null(out);
    assert_int_equal(actions_open(club->db, NULL, &actions), ST_OK);
    const uint64_t early = add_born(club, BORN_1966); /* before there were groups */
    const uint64_t friend = add_born(club, BORN_1966);
    assert_int_equal(groups_apply(club->db, actions, "me", NOW, false, out, &result, &fault),
                     ST_REFUSED);
    put_groups(club, 2);
    const uint64_t old = add_born(club, BORN_1966), young = add_born(club, BORN_1976);
    assert_int_equal(group_of(club, early), 0);
    assert_int_equal(group_of(club, old), 6);
    assert_int_equal(group_of(club, young), 0);
    assert_int_equal(members_move(club->db, actions, "me", friend, 9, NOW, &fault), ST_OK);
    assert_int_equal(members_move(club->db, actions, "me", young, 6, NOW, &fault), ST_OK);

    assert_int_equal(groups_apply(club->db, actions, "me", NOW, true, out, &result, &fault), ST_OK);
    assert_true(result.seen == 3 && result.moved == 2 && result.sealed == 0);
    assert_int_equal(group_of(club, early), 0); /* a trial */
    assert_int_equal(groups_apply(club->db, actions, "me", NOW, false, out, &result, &fault),
                     ST_OK);
    assert_true(result.seen == 3 && result.moved == 2);
    assert_int_equal(group_of(club, early), 6);
    assert_int_equal(group_of(club, young), 0); /* the group is the rule's */
    assert_int_equal(group_of(club, friend), 9);
    assert_int_equal(groups_apply(club->db, actions, "me", NOW, false, out, &result, &fault),
                     ST_OK);
    assert_int_equal(result.moved, 0);
    actions_close(actions);
    (void)fclose(out);
}

static void numbers_are_nobodys_twice(void **state)
{
    struct club *club = *state;
    struct wire_numbers_have have = {.is_there = true, .left = 90000};
    struct wire_numbers first, second, again;
    bool is_of = false;
    numbers_first(1, &first);
    have.last = first.last;
    assert_int_equal(numbers_news(club->db, 1, &have, NOW, &second), ST_OK);
    assert_false(second.is_there); /* it has plenty */
    have.left = NUMBERS_LOW - 1;
    assert_int_equal(numbers_news(club->db, 1, &have, NOW, &second), ST_OK);
    assert_true(second.is_there);
    assert_int_equal(numbers_news(club->db, 1, &have, NOW, &again), ST_OK);
    assert_int_equal(again.first, second.first); /* it did not arrive */
    have.last = second.last;
    have.left += CARDS_A_TERMINAL;
    assert_int_equal(numbers_news(club->db, 1, &have, NOW, &again), ST_OK);
    assert_false(again.is_there);
    assert_int_equal(numbers_are_of(club->db, 1, card_number_make(second.first + 5), &is_of),
                     ST_OK);
    assert_true(is_of);
    assert_int_equal(numbers_are_of(club->db, 2, card_number_make(second.first + 5), &is_of),
                     ST_OK);
    assert_false(is_of);
    assert_int_equal(numbers_are_of(club->db, 1, card_number_make(first.first), &is_of), ST_OK);
    assert_true(is_of);
    /* The club is restored from a backup of before; the terminal says what it has. */
    assert_int_equal(db_exec(club->db, "DELETE FROM reserved"), ST_OK);
    have.left = 5;
    assert_int_equal(numbers_news(club->db, 1, &have, NOW, &again), ST_OK);
    assert_true(again.is_there && again.first != second.first);
    assert_int_equal(number_of(club, "SELECT count(*) FROM reserved WHERE term_id = 1"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_member_is_there_once_however_often_it_comes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_with_one_code_both_stay_and_a_case_is_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_number_of_another_terminal_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sealed_for_another_key_waits_for_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_box_that_does_not_open_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_given_before_waits_for_all_its_sales, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sales_that_wait_together_are_given_as_they_were_before,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_given_while_the_club_does_not_know_what_it_gave,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_earned_waits_and_goes_to_the_card_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_goes_back_is_taken_from_where_it_is_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_card_that_comes_before_its_member_is_theirs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_terminal_that_gives_too_much_is_a_case, setup, teardown),
        cmocka_unit_test_setup_teardown(members_are_added_changed_and_listed_by_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_has_not_agreed_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(who_takes_the_consent_back_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_go_to_who_agreed_to_them, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_of_groups_move_whom_nobody_moved_by_hand, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(numbers_are_nobodys_twice, setup, teardown),
    };
    return cmocka_run_group_tests_name("club_members", tests, NULL, NULL);
}
