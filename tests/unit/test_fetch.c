/* test_fetch - a bundle on its way: cuts, offers that change, wrong files, little room; the text of
 * a log; and what a device says of itself. The sums were made with Python's hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "sync/device.h"
#include "sync/fetch.h"
#include "sync/logs.h"

enum { BYTES = 600000, RATE = 100000 };

static char folder[] = "/tmp/test_fetch.XXXXXX";
static uint8_t content[BYTES];
static struct wire_update offer_8;
static const struct wire_device nothing_known = {.is_there = false};
static const struct wire_device version_7 = {.is_there = true, .board = "sim", .version = 7};

static int make_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < BYTES; i += 1) {
        content[i] = (uint8_t)(i * 31 + i / 256);
    }
    offer_8 = (struct wire_update){.is_there = true,
                                   .version = 8,
                                   .board = "sim",
                                   .bytes = BYTES,
                                   .from_hour = 2,
                                   .to_hour = 5};
    return hex_decode("042c924eba96259955502ad776f13491147ec620c6f27fd073c471a9e7b85d49",
                      offer_8.sha256, sizeof offer_8.sha256) != ST_OK ||
           mkdtemp(folder) == NULL;
}

static const char *path_of(const char *name)
{
    static char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(const char *name, void *ret, size_t max)
{
    FILE *file = fopen(path_of(name), "rb");
    const size_t size = file == NULL ? 0 : fread(ret, 1, max, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    return size;
}

/* How many files lie in the folder. */
static int files(void)
{
    int count = 0;
    DIR *at = opendir(folder);
    assert_non_null(at);
    for (const struct dirent *entry = readdir(at); entry != NULL; entry = readdir(at)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(at);
    return count;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static struct fetch *open_with(int64_t spare_bytes)
{
    const struct fetch_config config = {.folder = folder, .rate = RATE, .spare_bytes = spare_bytes};
    struct fetch *fetch = NULL;
    struct fault fault;
    assert_int_equal(fetch_open(&config, &fetch, &fault), ST_OK);
    return fetch;
}

static struct fetch *open_here(void)
{
    return open_with(0);
}

static void take(struct fetch *fetch, const struct wire_update *offer, int64_t now_ms)
{
    fetch_take(fetch, offer, &version_7, now_ms);
}

static void withdraw(struct fetch *fetch)
{
    const struct wire_update none = {.is_there = false};
    take(fetch, &none, 0);
    assert_int_equal(files(), 0);
}

/* Brings pieces as the club would until there are `until` bytes. Returns when the last one came. */
static int64_t bring(struct fetch *fetch, int64_t until, int64_t now_ms)
{
    struct fetch_piece piece;
    for (int64_t due_ms = fetch_due_ms(fetch, &piece); due_ms != INT64_MAX && piece.from < until;
         due_ms = fetch_due_ms(fetch, &piece)) {
        const size_t left = (size_t)(BYTES - piece.from);
        assert_int_equal(piece.version, 8);
        assert_int_equal(piece.bytes, RATE);
        now_ms = due_ms;
        fetch_add(fetch, content + piece.from, left < piece.bytes ? left : piece.bytes, now_ms);
    }
    return now_ms;
}

static void says(const struct fetch *fetch, const char *update, int64_t have)
{
    struct wire_device device = {.update = "none"};
    fetch_tell(fetch, &device);
    assert_string_equal(device.update, update);
    assert_int_equal(device.have_bytes, have);
}

static bool is_refused(const struct fetch *fetch, const char *why)
{
    struct wire_device device = {.update = "none"};
    fetch_tell(fetch, &device);
    return strncmp(device.update, "refused 8: ", 11) == 0 && strstr(device.update, why) != NULL;
}

static void a_bundle_comes_at_the_rate_and_gets_its_name_when_it_is_whole(void **state)
{
    (void)state;
    static uint8_t back[BYTES + 1];
    char text[600];
    struct fetch_piece piece;
    struct fetch *fetch = open_here();
    assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
    says(fetch, "none", 0);
    take(fetch, &offer_8, 1000);
    says(fetch, "coming 8", 0);
    text[read_file("offer", text, sizeof text - 1)] = '\0';
    assert_string_equal(text,
                        "version=8\nboard=sim\nbytes=600000\n"
                        "sha256=042c924eba96259955502ad776f13491147ec620c6f27fd073c471a9e7b85d49\n"
                        "from_hour=2\nto_hour=5\n");
    /* Five pieces of 100,000 bytes in front of the last: a second each. */
    assert_int_equal(bring(fetch, BYTES, 1000), 1000 + 5 * 1000);
    says(fetch, "waiting 8", BYTES);
    assert_int_equal(files(), 2);
    assert_int_equal(read_file("8.raucb", back, sizeof back), BYTES);
    assert_memory_equal(back, content, BYTES);
    fetch_close(fetch);

    fetch = open_here(); /* and stays */
    says(fetch, "waiting 8", BYTES);
    take(fetch, &offer_8, 1000);
    assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
    struct wire_device device = {.update = "installing 8"};
    fetch_tell(fetch, &device);
    assert_string_equal(device.update, "installing 8");
    withdraw(fetch);
    says(fetch, "none", 0);
    fetch_close(fetch);
}

/* The process ends after each so many bytes; what was synced is still there, and no more of it is
 * asked for again than one stretch. */
static void a_cut_anywhere_costs_a_stretch_and_nothing_else(void **state)
{
    (void)state;
    for (int64_t cut = 0; cut < BYTES; cut += 50000) {
        struct fetch *fetch = open_here();
        struct fetch_piece piece;
        take(fetch, &offer_8, 0);
        (void)bring(fetch, cut, 0);
        (void)fetch_due_ms(fetch, &piece);
        const int64_t had = piece.from;
        fetch_close(fetch);
        fetch = open_here();
        take(fetch, &offer_8, 0);
        (void)fetch_due_ms(fetch, &piece);
        assert_true(piece.from <= had && piece.from >= had - FETCH_SYNCED);
        (void)bring(fetch, BYTES, 0);
        says(fetch, "waiting 8", BYTES);
        withdraw(fetch);
        fetch_close(fetch);
    }
}

/* Power that went may leave a part that is longer than what was written to it. */
static void what_power_left_behind_the_last_sync_is_not_believed(void **state)
{
    (void)state;
    struct fetch *fetch = open_here();
    struct fetch_piece piece;
    take(fetch, &offer_8, 0);
    (void)bring(fetch, 300000, 0);
    fetch_close(fetch);
    const int fd = open(path_of("part"), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\0\0\0\0", 4, FETCH_SYNCED + 1000), 4);
    assert_int_equal(close(fd), 0);
    fetch = open_here();
    take(fetch, &offer_8, 0);
    (void)fetch_due_ms(fetch, &piece);
    assert_int_equal(piece.from, FETCH_SYNCED);
    (void)bring(fetch, BYTES, 0);
    says(fetch, "waiting 8", BYTES);
    withdraw(fetch);
    fetch_close(fetch);
}

static void a_wrong_sum_deletes_it_and_is_tried_again_later(void **state)
{
    (void)state;
    struct fetch *fetch = open_here();
    struct fetch_piece piece;
    struct wire_update wrong = offer_8;
    wrong.sha256[31] ^= 1;
    take(fetch, &wrong, 0);
    int64_t now_ms = bring(fetch, BYTES, 0);
    assert_true(is_refused(fetch, "SHA-256"));
    assert_int_equal(files(), 0);
    take(fetch, &wrong, now_ms + FETCH_RETRY_MS - 1);
    assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
    now_ms += FETCH_RETRY_MS;
    take(fetch, &wrong, now_ms);
    assert_true(fetch_due_ms(fetch, &piece) == now_ms);
    now_ms = bring(fetch, BYTES, now_ms); /* wrong again: twice as long */
    take(fetch, &wrong, now_ms + 2 * FETCH_RETRY_MS - 1);
    assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
    take(fetch, &offer_8, now_ms); /* the right sum is another offer */
    (void)bring(fetch, BYTES, now_ms);
    says(fetch, "waiting 8", BYTES);
    withdraw(fetch);
    fetch_close(fetch);
}

static void a_file_of_another_length_is_refused(void **state)
{
    (void)state;
    struct fetch *fetch = open_here();
    take(fetch, &offer_8, 0);
    (void)bring(fetch, 500000, 0);
    fetch_add(fetch, content, 100001, 0);
    assert_true(is_refused(fetch, "longer"));
    assert_int_equal(files(), 0);
    fetch_close(fetch);
    fetch = open_here();
    take(fetch, &offer_8, 0);
    fetch_add(fetch, content, 0, 0);
    assert_true(is_refused(fetch, "shorter"));
    assert_int_equal(files(), 0);
    withdraw(fetch);
    says(fetch, "none", 0);
    fetch_close(fetch);
}

static void an_offer_that_changes_begins_anew_and_other_hours_do_not(void **state)
{
    (void)state;
    char text[600];
    struct fetch *fetch = open_here();
    struct fetch_piece piece;
    struct wire_update other = offer_8;
    take(fetch, &offer_8, 0);
    (void)bring(fetch, 300000, 0);
    other.from_hour = 22;
    take(fetch, &other, 0);
    (void)fetch_due_ms(fetch, &piece);
    assert_int_equal(piece.from, 300000);
    text[read_file("offer", text, sizeof text - 1)] = '\0';
    assert_non_null(strstr(text, "\nfrom_hour=22\n"));
    other.version = 9;
    take(fetch, &other, 0);
    (void)fetch_due_ms(fetch, &piece);
    assert_int_equal(piece.version, 9);
    assert_int_equal(piece.from, 0);
    assert_int_equal(read_file("part", text, sizeof text), 0);
    withdraw(fetch);
    fetch_close(fetch);
}

static void what_this_device_cannot_use_is_not_fetched(void **state)
{
    (void)state;
    static const struct {
        struct wire_device device;
        const char *why;
    } cases[] = {
        {{.is_there = true, .board = "other", .version = 7}, "another board"},
        {{.is_there = true, .board = "sim", .version = 8}, "only go up"},
        {{.is_there = true, .board = "sim", .version = 9}, "only go up"},
        {{.is_there = true, .board = "sim", .version = 7, .failed = 8}, "fell back"},
    };
    struct fetch_piece piece;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct fetch *fetch = open_here();
        fetch_take(fetch, &offer_8, &cases[i].device, 0);
        assert_true(is_refused(fetch, cases[i].why));
        assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
        fetch_close(fetch);
    }
    struct fetch *fetch = open_here(); /* a board that would be another line of the offer */
    struct wire_update odd = offer_8;
    (void)snprintf(odd.board, sizeof odd.board, "x\nto_hour=3");
    fetch_take(fetch, &odd, &nothing_known, 0);
    assert_true(is_refused(fetch, "another board"));
    assert_int_equal(files(), 0);
    fetch_close(fetch);
}

static void without_room_nothing_is_fetched_and_what_came_makes_room(void **state)
{
    (void)state;
    struct fetch_piece piece;
    struct fetch *fetch = open_here();
    take(fetch, &offer_8, 0);
    (void)bring(fetch, 300000, 0);
    fetch_close(fetch);
    fetch = open_with(INT64_MAX / 2);
    take(fetch, &offer_8, 0);
    assert_true(is_refused(fetch, "MiB are free"));
    assert_true(fetch_due_ms(fetch, &piece) == INT64_MAX);
    assert_int_equal(files(), 0);
    fetch_close(fetch);
}

static void what_else_lies_in_the_folder_is_deleted_or_not_followed(void **state)
{
    (void)state;
    static const char *const offers[] = {
        "", "version=8\n",
        "version=8\nboard=sim\nbytes=600000\nsha256=00\nfrom_hour=2\nto_hour=5\n",
        "version=8\nboard=sim\nbytes=999999999999\nsha256="
        "042c924eba96259955502ad776f13491147ec620c6f27fd073c471a9e7b85d49\nfrom_hour=2\nto_hour="
        "5\n",
        "version=08\nboard=sim\nbytes=600000\nsha256="
        "042c924eba96259955502ad776f13491147ec620c6f27fd073c471a9e7b85d49\nfrom_hour=2\nto_hour="
        "5\n"};
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i += 1) {
        write_file("offer", offers[i], strlen(offers[i]));
        write_file("part", content, 1000);
        write_file("7.raucb", content, 1000);
        struct fetch *fetch = open_here();
        says(fetch, "none", 0);
        assert_int_equal(files(), 0);
        fetch_close(fetch);
    }
    struct fetch *fetch = open_here();
    take(fetch, &offer_8, 0);
    fetch_close(fetch);
    write_file("8.raucb", content, 1000); /* not as long as it should be */
    write_file("victim", "precious", 8);
    assert_int_equal(unlink(path_of("part")), 0);
    assert_int_equal(symlink("victim", path_of("part")), 0);
    fetch = open_here();
    says(fetch, "none", 0);
    assert_int_equal(files(), 0);
    fetch_close(fetch);
}

/* --- what a device says of itself ------------------------------------------------------------ */

static void a_report_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    static const char whole[] =
        "board=qemu-virt-arm64\nversion=7\nslot=B\ngood=1\nother=6\nfailed=5\n"
        "self_test=reader: no answer at /dev/ttyS0\nclock=set\ndata_free=12345678\nupdate=none\n";
    struct wire_device device;
    struct fault fault;
    assert_int_equal(device_read(path_of("device"), &device, &fault), ST_IO);
    write_file("device", whole, sizeof whole - 1);
    assert_int_equal(device_read(path_of("device"), &device, &fault), ST_OK);
    assert_true(device.is_there && device.is_good);
    assert_string_equal(device.board, "qemu-virt-arm64");
    assert_int_equal(device.version, 7);
    assert_int_equal(device.slot, 'B');
    assert_int_equal(device.other, 6);
    assert_int_equal(device.failed, 5);
    assert_string_equal(device.self_test, "reader: no answer at /dev/ttyS0");
    assert_int_equal(device.free_bytes, 12345678);
    assert_string_equal(device.update, "none");
    /* Each line is needed but for the clock's, whose value goes elsewhere. */
    for (const char *at = whole; *at != '\0'; at = strchr(at, '\n') + 1) {
        char text[sizeof whole];
        const char *next = strchr(at, '\n') + 1;
        (void)snprintf(text, sizeof text, "%.*s%s", (int)(at - whole), whole, next);
        write_file("device", text, strlen(text));
        assert_int_equal(device_read(path_of("device"), &device, &fault),
                         strncmp(at, "clock", 5) == 0 ? ST_OK : ST_FOREIGN);
    }
    static const char *const wrong[] = {
        "version=0\n", "version=-1\n", "version=7x\n",        "slot=C\n",
        "slot=AB\n",   "good=2\n",     "version=2147483648\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i += 1) {
        char text[sizeof whole + 40]; /* the first line of a name counts */
        (void)snprintf(text, sizeof text, "%s%s", wrong[i], whole);
        write_file("device", text, strlen(text));
        assert_int_equal(device_read(path_of("device"), &device, &fault), ST_FOREIGN);
    }
    assert_int_equal(unlink(path_of("device")), 0);
}

static void a_sentence_of_the_device_is_cut_and_is_always_text(void **state)
{
    (void)state;
    char text[1000];
    struct wire_device device;
    struct fault fault;
    (void)snprintf(text, sizeof text,
                   "update=\xd9\x85 refused\nself_test=%0400d\nboard=sim\nversion=7\nslot=A\n"
                   "good=0\nother=0\nfailed=0\ndata_free=0\n",
                   1);
    write_file("device", text, strlen(text));
    assert_int_equal(device_read(path_of("device"), &device, &fault), ST_OK);
    assert_string_equal(device.update, "?? refused");
    assert_int_equal(strlen(device.self_test), WIRE_SAY_MAX);
    assert_int_equal(unlink(path_of("device")), 0);
}

/* --- what is hidden in a log ------------------------------------------------------------------ */

static void numbers_and_keys_are_hidden_in_a_log_and_the_rest_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hidden;
    } cases[] = {
        {"card 9364000001000018 left", "card ################ left"},
        {"card 9364 0000 0100 0018.", "card ###################."},
        {"9364-0000-0100-0018", "###################"},
        {"phone 09123456789", "phone ###########"},
        {"code 0012345678,", "code ##########,"},
        {"card=*0018 counter=7", "card=*#### counter=7"},
        {"[ 123.456] sync: 26800000 bytes", "[ 123.456] sync: 26800000 bytes"},
        {"123456789 is short", "123456789 is short"},
        {"key 000102030405060708090a0b0c0d0e0f!", "key ################################!"},
        {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
         "############################################"},
        {"MHcCAQEEIAGuVQN8fDwt245K4M2nb/yutuiwopKBG6/kqX",
         "##############################################"},
        {"a_key-of-22-characters", "a_key-of-22-characters"},
        {"AAECAwQFBgcICQoLDA0ODw==", "########################"},
        {"/usr/lib/vafa/update says: no", "/usr/lib/vafa/update says: no"},
        {"a\tb\x01\xd9\x85\n", "a?b???\n"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        char text[100];
        (void)snprintf(text, sizeof text, "%s", cases[i].text);
        logs_hide(text, strlen(text));
        assert_string_equal(text, cases[i].hidden);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_comes_at_the_rate_and_gets_its_name_when_it_is_whole),
        cmocka_unit_test(a_cut_anywhere_costs_a_stretch_and_nothing_else),
        cmocka_unit_test(what_power_left_behind_the_last_sync_is_not_believed),
        cmocka_unit_test(a_wrong_sum_deletes_it_and_is_tried_again_later),
        cmocka_unit_test(a_file_of_another_length_is_refused),
        cmocka_unit_test(an_offer_that_changes_begins_anew_and_other_hours_do_not),
        cmocka_unit_test(what_this_device_cannot_use_is_not_fetched),
        cmocka_unit_test(without_room_nothing_is_fetched_and_what_came_makes_room),
        cmocka_unit_test(what_else_lies_in_the_folder_is_deleted_or_not_followed),
        cmocka_unit_test(a_report_is_read_whole_or_not_at_all),
        cmocka_unit_test(a_sentence_of_the_device_is_cut_and_is_always_text),
        cmocka_unit_test(numbers_and_keys_are_hidden_in_a_log_and_the_rest_is_not),
    };
    return cmocka_run_group_tests_name("fetch", tests, make_folder, remove_folder);
}
