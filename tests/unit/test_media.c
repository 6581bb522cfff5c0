/* Tests of firmware/engine/media.h. Payment card numbers are the schemes' published test numbers;
 * Iranian ones are made here from a published issuer number and a Luhn digit. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/media.h"
#include "firmware/engine/media_line.h"
#include "firmware/engine/snapshot.h"

enum { RANDOM_BYTES = 100000 };

static const struct media_range club = MEDIA_RANGE_CLUB;

static enum st classify(enum media_source source, const char *text, struct identifier *ret)
{
    struct fault fault = {0};
    *ret = (struct identifier){0};
    /* An exact copy, so that the address sanitizer sees a read past the end. */
    const size_t size = strlen(text);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    char *exact = size > 0 ? realloc(copy, size) : copy;
    assert_non_null(exact);
    const enum st st = media_classify(source, exact, size, &club, ret, &fault);
    free(exact);
    if (st == ST_OK) {
        assert_true(ret->text[0] != '\0' && strlen(ret->text) <= MEDIA_TEXT_MAX);
    } else {
        assert_true(fault.say[0] != '\0' && fault.say[strlen(fault.say) - 1] == '.');
        assert_int_equal(ret->kind, 0);
    }
    return st;
}

static void assert_is(enum media_source source, const char *text, enum media_kind kind,
                      const char *canonical)
{
    struct identifier id;
    if (classify(source, text, &id) != ST_OK) {
        fail_msg("'%s' is not taken", text);
    }
    assert_int_equal(id.kind, kind);
    assert_string_equal(id.text, canonical);
}

static void assert_not(enum media_source source, const char *text, enum st expected)
{
    struct identifier id;
    const enum st st = classify(source, text, &id);
    if (st != expected) {
        fail_msg("'%s' from %d is %s, not %s", text, (int)source, st_word(st), st_word(expected));
    }
}

static void own_number(char ret[17])
{
    (void)snprintf(ret, 17, "%llu", (unsigned long long)card_number_make(936400100000000));
}

static void a_national_code_needs_its_check_digit(void **state)
{
    (void)state;
    /* 0*10+1*9+2*8+3*7+4*6+5*5+6*4+7*3+8*2 = 156, 156 mod 11 = 2, 11 - 2 = 9. */
    assert_is(MEDIA_SOURCE_KEYS, "0123456789", MEDIA_NATIONAL_CODE, "0123456789");
    assert_is(MEDIA_SOURCE_KEYS, "012-345678-9", MEDIA_NATIONAL_CODE, "0123456789");
    for (char c = '0'; c < '9'; c++) {
        char text[] = "0123456780";
        text[9] = c;
        assert_not(MEDIA_SOURCE_KEYS, text, ST_FOREIGN);
    }
    /* Remainders 0 and 1 are their own check digits: 3*10+2*4+... by exhaustive count below. */
    unsigned good = 0, of_rest[11] = {0};
    for (unsigned n = 123450000; n < 123460000; n++) {
        char text[11], digits[11];
        (void)snprintf(text, sizeof text, "%09u0", n);
        unsigned sum = 0, taken = 0;
        for (unsigned i = 0; i < 9; i++) {
            sum += (10 - i) * (unsigned)(text[i] - '0');
        }
        for (char c = '0'; c <= '9'; c++) {
            text[9] = c;
            if (media_national_code(text, 10, digits, NULL) == ST_OK) {
                const unsigned check = (unsigned)(c - '0');
                assert_true(sum % 11 < 2 ? check == sum % 11 : (sum + check) % 11 == 0);
                assert_string_equal(digits, text);
                taken++;
            }
        }
        assert_int_equal(taken, 1);
        of_rest[sum % 11]++;
        good++;
    }
    for (unsigned rest = 0; rest < 11; rest++) {
        assert_true(of_rest[rest] > 0);
    }
    assert_int_equal(good, 10000);
}

static void a_mistyped_digit_of_a_national_code_is_found(void **state)
{
    (void)state;
    for (size_t at = 0; at < 10; at++) {
        for (char c = '0'; c <= '9'; c++) {
            char text[] = "0123456789";
            if (text[at] != c) {
                text[at] = c;
                assert_not(MEDIA_SOURCE_KEYS, text, ST_FOREIGN);
            }
        }
    }
    for (size_t at = 0; at + 1 < 10; at++) { /* two neighbours swapped */
        char text[] = "0123456789";
        text[at] = "0123456789"[at + 1];
        text[at + 1] = "0123456789"[at];
        assert_not(MEDIA_SOURCE_KEYS, text, ST_FOREIGN);
    }
}

static void ten_equal_digits_are_no_national_code(void **state)
{
    (void)state;
    for (char c = '0'; c <= '9'; c++) {
        char text[11] = {0};
        memset(text, c, 10);
        assert_not(MEDIA_SOURCE_KEYS, text, ST_FOREIGN);
    }
}

static void a_national_code_has_ten_digits(void **state)
{
    (void)state;
    assert_not(MEDIA_SOURCE_KEYS, "123456789", ST_FOREIGN); /* without its leading zero */
    assert_not(MEDIA_SOURCE_KEYS, "01234567890", ST_FOREIGN);
    assert_not(MEDIA_SOURCE_KEYS, "012345678a", ST_FOREIGN);
    assert_not(MEDIA_SOURCE_KEYS, "", ST_FOREIGN);
    assert_not(MEDIA_SOURCE_KEYS, "----------", ST_FOREIGN);
}

static void persian_and_arabic_digits_are_digits(void **state)
{
    (void)state;
    assert_is(MEDIA_SOURCE_KEYS, "۰۱۲۳۴۵۶۷۸۹", MEDIA_NATIONAL_CODE, "0123456789");
    assert_is(MEDIA_SOURCE_KEYS, "٠١٢٣٤٥٦٧٨٩", MEDIA_NATIONAL_CODE, "0123456789");
    assert_is(MEDIA_SOURCE_KEYS, "۰۹۱۲۳۴۵۶۷۸۹", MEDIA_PHONE, "09123456789");
    assert_is(MEDIA_SOURCE_KEYS, "+٩٨٩١٢٣٤٥٦٧٨٩", MEDIA_PHONE, "09123456789");
    assert_is(MEDIA_SOURCE_SCANNER, "عضو ۱۲", MEDIA_BARCODE, "عضو 12");
    assert_not(MEDIA_SOURCE_KEYS, "۰۱۲۳۴۵۶۷۸\xDB", ST_FOREIGN); /* a digit cut in half */
}

static void a_phone_number_is_written_in_many_ways(void **state)
{
    (void)state;
    static const char *const same[] = {
        "09123456789",         "+989123456789",        "00989123456789",
        "989123456789",        "+98 912 345 6789",     "0912-345-6789",
        "(0912) 345 67 89",    "+98 (0) 912 345 6789", "\xE2\x80\xAA+98 912 345 6789\xE2\x80\xAC",
        "0912\302\2403456789",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_is(MEDIA_SOURCE_KEYS, same[i], MEDIA_PHONE, "09123456789");
    }
    static const char *const wrong[] = {"0912345678",
                                        "091234567890",
                                        "02112345678",
                                        "+449123456789",
                                        "+98912345678",
                                        "+9809",
                                        "+98912345678x",
                                        "09",
                                        "00",
                                        "+",
                                        "+98"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_not(MEDIA_SOURCE_KEYS, wrong[i], ST_FOREIGN);
    }
    char digits[MEDIA_PHONE_DIGITS + 1] = "same";
    assert_int_equal(media_phone("0123", 4, digits, NULL), ST_FOREIGN);
    assert_string_equal(digits, "same");
}

static void our_card_number_may_be_typed_swiped_or_scanned(void **state)
{
    (void)state;
    char own[17], text[128];
    struct identifier id;
    own_number(own);
    assert_is(MEDIA_SOURCE_KEYS, own, MEDIA_CARD_NUMBER, own);
    (void)snprintf(text, sizeof text, "%.4s %.4s-%.4s %.4s", own, own + 4, own + 8, own + 12);
    assert_is(MEDIA_SOURCE_KEYS, text, MEDIA_CARD_NUMBER, own);
    assert_is(MEDIA_SOURCE_SCANNER, own, MEDIA_BARCODE, own);
    assert_int_equal(classify(MEDIA_SOURCE_SCANNER, own, &id), ST_OK);
    assert_int_equal(id.number, strtoull(own, NULL, 10));

    static const char *const swipes[] = {
        "%s",
        ";%s?",
        ";%s?7",
        ";%s",
        ";%s=2512?",
        ";%s=25121010000000000?",
        "%s=25121011",
        ";%s==101?",
        "%%B%s^VAFA/MEMBER^25121010000?",
        "B%s^VAFA^2512",
        "%%E?;%s?",
    };
    for (size_t i = 0; i < sizeof swipes / sizeof swipes[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(text, sizeof text, swipes[i], own);
#pragma GCC diagnostic pop
        assert_is(MEDIA_SOURCE_MAGSTRIPE, text, MEDIA_MAGSTRIPE, own);
    }
    (void)snprintf(text, sizeof text, "%%B%s^VAFA/MEMBER^2512?;%s=2512?+E?", own, own);
    assert_is(MEDIA_SOURCE_MAGSTRIPE, text, MEDIA_MAGSTRIPE, own);
}

static void a_wrong_digit_in_our_card_number_is_found(void **state)
{
    (void)state;
    for (size_t at = 0; at < 16; at++) {
        char text[20], own[17];
        own_number(own);
        own[at] = own[at] == '9' ? '0' : (char)(own[at] + 1);
        (void)snprintf(text, sizeof text, ";%s?", own);
        assert_not(MEDIA_SOURCE_KEYS, own, ST_FOREIGN);
        assert_not(MEDIA_SOURCE_MAGSTRIPE, text, ST_REFUSED); /* a track, and not ours */
    }
}

static void the_range_has_ends(void **state)
{
    (void)state;
    assert_true(media_number_is_own(card_number_make(club.first), &club));
    assert_true(media_number_is_own(card_number_make(club.last), &club));
    assert_false(media_number_is_own(card_number_make(club.first - 1), &club));
    assert_false(media_number_is_own(card_number_make(club.last + 1), &club));
    assert_false(media_number_is_own(card_number_make(club.first) + 1, &club));
    assert_false(media_number_is_own(0, &club));
    assert_false(media_number_is_own(UINT64_MAX, &club));
}

/* Whatever the source and however it is wrapped. */
static void assert_refused_everywhere(const char *text)
{
    static const enum media_source sources[] = {MEDIA_SOURCE_KEYS, MEDIA_SOURCE_MAGSTRIPE,
                                                MEDIA_SOURCE_SCANNER, MEDIA_SOURCE_EM4100};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        assert_not(sources[i], text, ST_REFUSED);
    }
    assert_true(media_is_bank_card(text, strlen(text), &club));
}

static const char *const payment_cards[] = {
    "4111111111111111", "4012888888881881", "5555555555554444",    "5105105105105100",
    "2223003122003222", "378282246310005",  "30569309025904",      "38520000023237",
    "3530111333300000", "6011111111111117", "6200000000000005",    "6759649826438453",
    "2200000000000004", "6304000000000000", "6205500000000000004",
};

static void payment_cards_are_refused_as_bare_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payment_cards / sizeof payment_cards[0]; i++) {
        assert_refused_everywhere(payment_cards[i]);
    }
    assert_refused_everywhere("4111 1111 1111 1111");
    assert_refused_everywhere("4111-1111-1111-1111");
    assert_refused_everywhere("card 4111 1111 1111 1111 please");
    assert_refused_everywhere("https://pay.example/?to=4111111111111111&x=1");
    assert_refused_everywhere("0912 4111 1111 1111 1111");
    assert_refused_everywhere("۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱");
}

static void iranian_bank_cards_are_refused(void **state)
{
    (void)state;
    static const uint32_t issuers[] = {603799, 589210, 627648, 207177, 627961, 603770, 628023,
                                       627760, 502908, 627412, 622106, 502229, 627488, 621986,
                                       639346, 639607, 636214, 502806, 502938, 603769, 610433,
                                       991975, 585983, 589463, 627381, 639370, 505785, 505416,
                                       504172, 505801, 606256, 507677, 606373, 636949, 170019};
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        char text[80];
        const uint64_t pan = card_number_make(issuers[i] * UINT64_C(1000000000) + 123456789);
        (void)snprintf(text, sizeof text, "%016llu", (unsigned long long)pan);
        assert_refused_everywhere(text);
        (void)snprintf(text, sizeof text, ";%016llu=0506120012345678?", (unsigned long long)pan);
        assert_refused_everywhere(text);
    }
}

static void bank_tracks_are_refused_even_with_a_wrong_check_digit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payment_cards / sizeof payment_cards[0]; i++) {
        char text[160];
        const char *pan = payment_cards[i];
        (void)snprintf(text, sizeof text, "%%B%s^DOE/JOHN^25121011000000000000?", pan);
        assert_refused_everywhere(text);
        (void)snprintf(text, sizeof text, ";%s=25121011000000000000?", pan);
        assert_refused_everywhere(text);
        (void)snprintf(text, sizeof text, "%s=25121011000", pan);
        assert_refused_everywhere(text);
        (void)snprintf(text, sizeof text, "%sD25121011000", pan);
        assert_refused_everywhere(text);
    }
    assert_refused_everywhere("%B4111111111111112^DOE/JOHN^2512101?");
    assert_refused_everywhere("%B4111 1111 1111 1112^DOE/JOHN^2512101?");
    assert_refused_everywhere("B4111111111111112^DOE/JOHN^2512101");
    assert_refused_everywhere(";4111111111111112=2512101?");
    assert_refused_everywhere("4111111111111112D2512101");
    assert_refused_everywhere("4111111111111112=2512");
    assert_refused_everywhere(";4111111111111112=?");
    assert_refused_everywhere(";12345678=2512101?");             /* another club's */
    assert_refused_everywhere("+014111111111111112=0505000?");   /* track 3, ISO/IEC 4909 */
    assert_refused_everywhere("+01411111111111111112345=0505?"); /* longer than any number */
}

static void one_bank_track_among_ours_is_refused(void **state)
{
    (void)state;
    char own[17], text[128];
    own_number(own);
    (void)snprintf(text, sizeof text, "%%B%s^VAFA^2512?;4111111111111111=2512101?", own);
    assert_refused_everywhere(text);
    (void)snprintf(text, sizeof text, ";%s=2512?%%B4111111111111111^DOE/J^2512101?", own);
    assert_refused_everywhere(text);
    (void)snprintf(text, sizeof text, ";%s=2512101?;%llu=2512101?", own,
                   (unsigned long long)card_number_make(936400200000000)); /* two of ours */
    assert_not(MEDIA_SOURCE_MAGSTRIPE, text, ST_REFUSED);
}

static void a_refusal_never_quotes_the_card(void **state)
{
    (void)state;
    static const char *const texts[] = {";4111111111111111=25121011000000000000?",
                                        "%B4111111111111111^DOE/JOHN^2512101?",
                                        "4111111111111111",
                                        ";4111111111111",
                                        ";41111111",
                                        "%B411111"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (int source = MEDIA_SOURCE_KEYS; source <= (int)MEDIA_SOURCE_EM4100; source++) {
            struct identifier id, before;
            struct fault fault = {0};
            memset(&id, 0x5A, sizeof id);
            before = id;
            if (source == (int)MEDIA_SOURCE_SCANNER && i > 2) {
                continue; /* too little to be a card: a scanner's text like any other */
            }
            assert_int_not_equal(media_classify((enum media_source)source, texts[i],
                                                strlen(texts[i]), &club, &id, &fault),
                                 ST_OK);
            assert_null(strstr(fault.say, "4111"));
            assert_null(strstr(fault.say, "DOE"));
            assert_memory_equal(&id, &before, sizeof id);
        }
    }
}

/* What a thread did lies in its stack after its end, dead frames included. */
enum { STACK_BYTES = 1 << 18 };
static _Alignas(4096) uint8_t stack[STACK_BYTES];

enum {
    CALL_NATIONAL_CODE = 4,
    CALL_PHONE,
    CALL_IS_BANK_CARD,
    CALLS
}; /* below: enum media_source */

struct swipe {
    const char *text;
    int call;       /* one only: the next one would write over what it left */
    bool is_copied; /* the control: leave a copy behind */
};

static void *judge_on_own_stack(void *argument)
{
    const struct swipe *swipe = argument;
    const size_t size = strlen(swipe->text);
    char digits[MEDIA_PHONE_DIGITS + 1];
    bool is_taken = false;
    if (swipe->call == CALL_NATIONAL_CODE) {
        is_taken = media_national_code(swipe->text, size, digits, NULL) == ST_OK;
    } else if (swipe->call == CALL_PHONE) {
        is_taken = media_phone(swipe->text, size, digits, NULL) == ST_OK;
    } else if (swipe->call == CALL_IS_BANK_CARD) {
        is_taken = !media_is_bank_card(swipe->text, size, &club);
    } else {
        struct identifier id;
        is_taken = media_classify((enum media_source)swipe->call, swipe->text, size, &club, &id,
                                  NULL) != ST_REFUSED;
    }
    if (swipe->is_copied) {
        volatile char copy[64];
        for (size_t i = 0; i < size && i < sizeof copy; i++) {
            copy[i] = swipe->text[i];
        }
    }
    return is_taken ? NULL : argument;
}

static bool leaves_trace(const struct swipe *swipe, const char *digits)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *result = NULL;
    memset(stack, 0, sizeof stack);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, sizeof stack), 0);
    assert_int_equal(pthread_create(&thread, &attributes, judge_on_own_stack, (void *)swipe), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
    assert_non_null(result);
    return memmem(stack, sizeof stack, digits, strlen(digits)) != NULL;
}

static void a_judged_bank_card_leaves_no_trace_on_the_stack(void **state)
{
    (void)state;
    assert_true(leaves_trace(&(struct swipe){";4111111111111111=2512101?", 0, true}, "41111111"));
    static const char *const swipes[] = {
        "4111111111111111",
        "card 4111-1111-1111-1111.",
        ";4111111111111111=25121011000000000000?",
        "%B4111111111111111^DOE/JOHN^25121011000000000000?",
        "%B4111 1111 1111 1111^DOE/JOHN^2512101?;4111111111111111=2512101?",
        "۴۱۱۱۱۱۱۱۱۱۱۱۱۱۱۱"};
    for (size_t i = 0; i < sizeof swipes / sizeof swipes[0]; i++) {
        for (int call = 0; call < CALLS; call++) {
            const struct swipe swipe = {.text = swipes[i], .call = call};
            assert_false(leaves_trace(&swipe, "1111"));
            assert_false(leaves_trace(&swipe, "DOE"));
        }
    }
}

static void codes_that_are_no_bank_card_pass(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "6260000000013", /* EAN-13 of GS1 Iran */
        "4006381333931", /* EAN-13 */
        "5901234123457", /* EAN-13 */
        "036000291452",  /* UPC-A */
        "96385074",      /* EAN-8 */
        "4111111111111112", "411111111111111111111111",
        "VAFA-7F3K-22",     "https://vafa.example/m/42",
        "MEMBER 0042",      "1234567812345678",
        "1234567890123D42", "BATCH 20251201=7",
        "B1234567 42",
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_is(MEDIA_SOURCE_SCANNER, codes[i], MEDIA_BARCODE, codes[i]);
    }
    assert_is(MEDIA_SOURCE_SCANNER, "  padded\t", MEDIA_BARCODE, "padded");
}

static void a_barcode_is_bounded_plain_text(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'x', sizeof text);
    text[MEDIA_CODE_MAX] = '\0';
    assert_is(MEDIA_SOURCE_SCANNER, text, MEDIA_BARCODE, text);
    text[MEDIA_CODE_MAX] = 'x';
    text[MEDIA_CODE_MAX + 1] = '\0';
    assert_not(MEDIA_SOURCE_SCANNER, text, ST_FOREIGN);
    text[MEDIA_CODE_MAX + 1] = 'x';
    text[MEDIA_SCAN_MAX] = '\0';
    assert_not(MEDIA_SOURCE_SCANNER, text, ST_FOREIGN);
    text[MEDIA_SCAN_MAX] = 'x';
    text[MEDIA_SCAN_MAX + 1] = '\0';
    assert_not(MEDIA_SOURCE_SCANNER, text, ST_FOREIGN);
    static const char *const bad[] = {
        "a\nb",     "a\x1B[2Jb",    "a\x7F",        "a\xC2\x85",        "\xFF",          "a\xC3",
        "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x80\xAEx", "   ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_not(MEDIA_SOURCE_SCANNER, bad[i], ST_FOREIGN);
    }
    struct identifier id;
    assert_int_equal(media_classify(MEDIA_SOURCE_SCANNER, "a\0b", 3, &club, &id, NULL), ST_FOREIGN);
    assert_is(MEDIA_SOURCE_SCANNER, "\xF0\x9F\x98\x80", MEDIA_BARCODE, "\xF0\x9F\x98\x80");
}

static void a_stripe_that_could_not_be_read_says_so(void **state)
{
    (void)state;
    struct identifier id;
    struct fault fault;
    assert_int_equal(media_classify(MEDIA_SOURCE_MAGSTRIPE, "%E?;E?", 6, &club, &id, &fault),
                     ST_FOREIGN);
    assert_non_null(strstr(fault.say, "again"));
    static const char *const wrong[] = {"", ";?", "%", "?", ";", "hello", "12345678", "0123456789"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_not(MEDIA_SOURCE_MAGSTRIPE, wrong[i], ST_FOREIGN);
    }
}

static void em4100_numbers_convert_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *printed;
    } tags[] = {{"010063E9AE", "0006547886"},
                {"100086F444", "0008844356"},
                {"06008E6D5D", "0009334109"},
                {"FFFFFFFFFF", "4294967295"},
                {"0000000001", "0000000001"}};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        uint64_t id, low;
        char hex[MEDIA_EM4100_HEX + 1], printed[MEDIA_PRINTED_DIGITS + 1];
        assert_int_equal(media_em4100_from_hex(tags[i].hex, &id), ST_OK);
        media_em4100_to_printed(id, printed);
        assert_string_equal(printed, tags[i].printed);
        media_em4100_to_hex(id, hex);
        assert_string_equal(hex, tags[i].hex);
        assert_int_equal(media_em4100_from_printed(tags[i].printed, &low), ST_OK);
        assert_int_equal(low, id & UINT32_MAX);

        /* A serial reader and a keyboard reader find the same member. */
        struct identifier serial, keys;
        media_from_em4100(id, &serial);
        assert_int_equal(classify(MEDIA_SOURCE_EM4100, tags[i].printed, &keys), ST_OK);
        assert_int_equal(serial.kind, keys.kind);
        assert_string_equal(serial.text, keys.text);
        assert_int_equal(serial.number, id);
    }
    uint64_t id;
    assert_int_equal(media_em4100_from_hex("010063e9ae", &id), ST_OK);
    assert_int_equal(id, 0x010063E9AE);
    static const char *const bad_hex[] = {"", "010063E9A", "010063E9AE0", "010063E9AG"};
    for (size_t i = 0; i < sizeof bad_hex / sizeof bad_hex[0]; i++) {
        assert_int_equal(media_em4100_from_hex(bad_hex[i], &id), ST_FOREIGN);
    }
    static const char *const bad[] = {"",           "4294967296",  "9999999999",
                                      "000654788",  "00065478860", "000654788A",
                                      "0000000000", "099,59822"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_not(MEDIA_SOURCE_EM4100, bad[i], ST_FOREIGN);
    }
}

static void a_uid_that_tells_nothing_is_refused(void **state)
{
    (void)state;
    static const uint8_t ntag[7] = {0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80};
    static const uint8_t random_id[4] = {0x08, 1, 2, 3}, zeros[7] = {0}, mini[4] = {0x04, 1, 2, 3};
    static const uint8_t triple[10] = {0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct identifier id;
    assert_int_equal(media_from_uid(ntag, 7, &id, NULL), ST_OK);
    assert_int_equal(id.kind, MEDIA_UID);
    assert_string_equal(id.text, "04A1B2C3D4E580");
    assert_int_equal(media_from_uid(mini, 4, &id, NULL), ST_OK);
    assert_string_equal(id.text, "04010203");
    assert_int_equal(media_from_uid(triple, 10, &id, NULL), ST_OK);
    assert_string_equal(id.text, "04010203040506070809");
    struct fault fault;
    assert_int_equal(media_from_uid(random_id, 4, &id, &fault), ST_FOREIGN);
    assert_int_equal(media_from_uid(zeros, 7, &id, &fault), ST_FOREIGN);
    assert_int_equal(media_from_uid(ntag, 5, &id, &fault), ST_FOREIGN);
    assert_int_equal(media_from_uid(ntag, 0, &id, &fault), ST_FOREIGN);
    assert_string_equal(id.text, "04010203040506070809");
}

static void every_kind_has_a_word(void **state)
{
    (void)state;
    for (int kind = MEDIA_UID; kind <= (int)MEDIA_BON; kind++) {
        assert_true(strlen(media_kind_word((enum media_kind)kind)) > 2);
    }
    assert_string_equal(media_kind_word(MEDIA_NATIONAL_CODE), "national_code");
}

/* What a random text gives is bounded, valid, and never a payment card. */
static void random_text_is_judged_without_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789999444=^?;%B+ -D\xDB\xB0\xD9";
    uint32_t seed = 20261122;
    size_t fed = 0, taken = 0;
    while (fed < RANDOM_BYTES) {
        char text[MEDIA_SCAN_MAX + 8];
        seed = seed * 1664525 + 1013904223;
        const size_t size = seed >> 8 & 1 ? seed >> 16 & 31 : (seed >> 16) % sizeof text;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = seed >> 31 || fed % 2 ? alphabet[(seed >> 16) % (sizeof alphabet - 1)]
                                            : (char)(seed >> 16);
        }
        char *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact + 1, text, size);
        for (int source = MEDIA_SOURCE_KEYS; source <= (int)MEDIA_SOURCE_EM4100; source++) {
            struct identifier id = {0};
            struct fault fault;
            if (media_classify((enum media_source)source, exact + 1, size, &club, &id, &fault) ==
                ST_OK) {
                assert_true(strnlen(id.text, sizeof id.text) <= MEDIA_TEXT_MAX);
                assert_false(media_is_bank_card(id.text, strlen(id.text), &club));
                taken++;
            }
        }
        free(exact);
        fed += size + 1;
    }
    assert_true(taken > 0);
}

/* --- lines ----------------------------------------------------------------------------------- */

static enum st read_line_text(const char *line, struct identifier *ret, struct fault *fault)
{
    const struct media_range own = MEDIA_RANGE_CLUB;
    fault->say[0] = '\0';
    return media_line_read(line, strlen(line), &own, ret, fault);
}

static void a_line_carries_an_identifier_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
        enum media_kind kind;
    } good[] = {
        {"id uid 04112233445566", "04112233445566", MEDIA_UID},
        {"id em4100 0006547886", "0006547886", MEDIA_EM4100},
        {"id barcode MEMBER 17", "MEMBER 17", MEDIA_BARCODE},
        {"id national_code 0012345679", "0012345679", MEDIA_NATIONAL_CODE},
        {"id phone 09121234567", "09121234567", MEDIA_PHONE},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i += 1) {
        struct identifier id;
        struct fault fault;
        char line[MEDIA_LINE_MAX + 1];
        assert_int_equal(read_line_text(good[i].line, &id, &fault), ST_OK);
        assert_int_equal(id.kind, good[i].kind);
        assert_string_equal(id.text, good[i].text);
        const size_t size = media_line_of(&id, line);
        assert_int_equal(size, strlen(good[i].line) + 1);
        assert_int_equal(line[size - 1], '\n');
        assert_memory_equal(line, good[i].line, size - 1);
    }
}

static void a_line_that_is_not_canonical_or_no_identifier_is_foreign(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "id",
        "id ",
        "id uid",
        "id uid ",
        "id uid 041122334455",    /* 6 bytes */
        "id uid 0411223344556g",  /* no hex */
        "id uid 04112233445566 ", /* a blank behind it */
        "id uid 0411223344aabb",  /* small letters are not canonical */
        "id uid 08112233",        /* made up anew each time */
        "id em4100 6547886",      /* 7 digits */
        "id em4100 0000000000",   /* a dead line */
        "id national_code 0012345678",
        "id national_code 001-2345679",
        "id phone 9121234567",
        "id phone 0012345679", /* a national code */
        "id card_number 1234",
        "id barcode \x1b[2J",
        "id dance 1",
        "ID uid 04112233445566",
        "no ",
        "hello",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 1) {
        struct identifier id = {.kind = MEDIA_PHONE, .text = "kept"};
        struct fault fault;
        if (read_line_text(bad[i], &id, &fault) != ST_FOREIGN) {
            fail_msg("%s", bad[i]);
        }
        assert_string_equal(id.text, "kept");
        assert_string_not_equal(fault.say, "");
    }
}

static void a_line_passes_a_refusal_on_but_no_bank_card(void **state)
{
    (void)state;
    struct identifier id;
    struct fault fault, refusal = {"This is a bank card: it is not read here."};
    char line[MEDIA_LINE_MAX + 1];
    const size_t size = media_line_of_refusal(&refusal, line);
    line[size - 1] = '\0';
    assert_int_equal(read_line_text(line, &id, &fault), ST_REFUSED);
    assert_string_equal(fault.say, refusal.say);
    assert_int_equal(read_line_text("id barcode 4111111111111111", &id, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "bank card"));
    assert_null(strstr(fault.say, "1111"));
    assert_int_equal(read_line_text("no 4111111111111111", &id, &fault), ST_FOREIGN);
    assert_null(strstr(fault.say, "1111"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_carries_an_identifier_as_it_is),
        cmocka_unit_test(a_line_that_is_not_canonical_or_no_identifier_is_foreign),
        cmocka_unit_test(a_line_passes_a_refusal_on_but_no_bank_card),
        cmocka_unit_test(a_national_code_needs_its_check_digit),
        cmocka_unit_test(a_mistyped_digit_of_a_national_code_is_found),
        cmocka_unit_test(ten_equal_digits_are_no_national_code),
        cmocka_unit_test(a_national_code_has_ten_digits),
        cmocka_unit_test(persian_and_arabic_digits_are_digits),
        cmocka_unit_test(a_phone_number_is_written_in_many_ways),
        cmocka_unit_test(our_card_number_may_be_typed_swiped_or_scanned),
        cmocka_unit_test(a_wrong_digit_in_our_card_number_is_found),
        cmocka_unit_test(the_range_has_ends),
        cmocka_unit_test(payment_cards_are_refused_as_bare_numbers),
        cmocka_unit_test(iranian_bank_cards_are_refused),
        cmocka_unit_test(bank_tracks_are_refused_even_with_a_wrong_check_digit),
        cmocka_unit_test(one_bank_track_among_ours_is_refused),
        cmocka_unit_test(a_refusal_never_quotes_the_card),
        cmocka_unit_test(a_judged_bank_card_leaves_no_trace_on_the_stack),
        cmocka_unit_test(codes_that_are_no_bank_card_pass),
        cmocka_unit_test(a_barcode_is_bounded_plain_text),
        cmocka_unit_test(a_stripe_that_could_not_be_read_says_so),
        cmocka_unit_test(em4100_numbers_convert_both_ways),
        cmocka_unit_test(a_uid_that_tells_nothing_is_refused),
        cmocka_unit_test(every_kind_has_a_word),
        cmocka_unit_test(random_text_is_judged_without_harm),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
