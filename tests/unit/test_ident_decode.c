/* Tests of what drivers/ident makes of bytes and key events: em4100_serial.h, scanner_serial.h,
 * wedge.h. Frames are the readers' published examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ident/em4100_serial.h"
#include "drivers/ident/scanner_serial.h"
#include "drivers/ident/wedge.h"

enum { RANDOM_BYTES = 100000 };

#define RDM6300                                                                                    \
    "\x02"                                                                                         \
    "100086F44426"                                                                                 \
    "\x03"
#define ID12                                                                                       \
    "\x02"                                                                                         \
    "100086F44426"                                                                                 \
    "\r\n\x03"
#define EM18     "100086F44426"
#define TYPED    "\x02\x0A\x02\x06\x00\x8E\x6D\x5D\xB0\x03"
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
#define ID_PLAIN UINT64_C(0x100086F444)
#define ID_TYPED UINT64_C(0x06008E6D5D)

/* Feeds all; returns how many ids came, the last one in *ret_id. */
static unsigned feed(struct em4100_serial *line, const uint8_t *bytes, size_t size,
                     uint64_t *ret_id)
{
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        count += em4100_serial_feed(line, bytes[i], ret_id) ? 1 : 0;
        assert_true(line->count < sizeof line->bytes);
    }
    return count;
}

static void assert_frame(const uint8_t *bytes, size_t size, uint64_t expected)
{
    struct em4100_serial line;
    uint64_t id = 0;
    em4100_serial_reset(&line);
    for (size_t i = 0; i + 1 < size; i++) {
        assert_false(em4100_serial_feed(&line, bytes[i], &id));
    }
    assert_true(em4100_serial_feed(&line, bytes[size - 1], &id));
    assert_true(id == expected);
}

static void each_format_gives_its_id_with_its_last_byte(void **state)
{
    (void)state;
    assert_frame(BYTES(RDM6300), ID_PLAIN);
    assert_frame(BYTES(ID12), ID_PLAIN);
    assert_frame(BYTES(EM18), ID_PLAIN);
    assert_frame(BYTES(TYPED), ID_TYPED);
    assert_frame(BYTES("\x02"
                       "010063e9ae25"
                       "\x03"),
                 0x010063E9AE); /* small digits */
    assert_frame(BYTES("010063E9AE25"), 0x010063E9AE);
}

static void frames_in_a_row_are_all_found(void **state)
{
    (void)state;
    struct em4100_serial line;
    uint64_t id = 0;
    em4100_serial_reset(&line);
    assert_int_equal(feed(&line, BYTES(RDM6300 RDM6300 TYPED ID12 EM18 EM18 "\r\n" EM18), &id), 7);
}

static void a_changed_bit_gives_no_other_id(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t id;
    } frames[] = {{RDM6300, sizeof RDM6300 - 1, ID_PLAIN},
                  {ID12, sizeof ID12 - 1, ID_PLAIN},
                  {TYPED, sizeof TYPED - 1, ID_TYPED},
                  {EM18, sizeof EM18 - 1, ID_PLAIN}};
    for (size_t f = 0; f < sizeof frames / sizeof frames[0]; f++) {
        for (size_t bit = 0; bit < frames[f].size * 8; bit++) {
            uint8_t bytes[EM4100_SERIAL_FRAME_MAX];
            struct em4100_serial line;
            uint64_t id = frames[f].id;
            memcpy(bytes, frames[f].bytes, frames[f].size);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            em4100_serial_reset(&line);
            (void)feed(&line, bytes, frames[f].size, &id);
            assert_true(id == frames[f].id); /* none, or the same (a hex digit's case) */
        }
    }
}

static void a_frame_is_found_behind_any_garbage(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (unsigned run = 0; run < 2000; run++) {
        struct em4100_serial line;
        uint64_t id = 0;
        unsigned count = 0;
        em4100_serial_reset(&line);
        const unsigned garbage = run % 40;
        for (unsigned i = 0; i < garbage; i++) {
            seed = seed * 1664525 + 1013904223;
            /* Digits and frame bytes, so that garbage often looks like the beginning of a frame. */
            static const uint8_t likely[] = "0123456789ABCDEF\x02\x02\x03\x0A\x0D\xFF";
            const uint8_t byte = likely[(seed >> 16) % (sizeof likely - 1)];
            (void)em4100_serial_feed(&line, byte, &id);
        }
        id = 0;
        /* What was begun can swallow one frame's bytes at most; the tag is still there. */
        count = feed(&line, BYTES(RDM6300 RDM6300), &id);
        assert_true(count >= 1 && id == ID_PLAIN);
    }
    /* Every cut of a frame, then a whole one: found at once. */
    for (size_t cut = 0; cut < sizeof RDM6300 - 1; cut++) {
        struct em4100_serial line;
        uint64_t id = 0;
        em4100_serial_reset(&line);
        assert_int_equal(feed(&line, (const uint8_t *)RDM6300, cut, &id), 0);
        assert_int_equal(feed(&line, BYTES(RDM6300), &id), 1);
        em4100_serial_reset(&line);
        /* The head alone is missing: 12 digits with a right check are a frame too, once. */
        const unsigned tail =
            feed(&line, (const uint8_t *)RDM6300 + cut, sizeof RDM6300 - 1 - cut, &id);
        assert_int_equal(tail, cut <= 1 ? 1 : 0);
        assert_int_equal(feed(&line, BYTES(RDM6300), &id), 1);
        assert_true(id == ID_PLAIN);
    }
}

static void a_frame_without_frame_bytes_needs_a_beginning(void **state)
{
    (void)state;
    struct em4100_serial line;
    uint64_t id = 0;
    em4100_serial_reset(&line);
    assert_int_equal(feed(&line, BYTES("x" EM18), &id), 0); /* where it begins is a guess */
    em4100_serial_reset(&line);                             /* silence */
    assert_int_equal(feed(&line, BYTES(EM18), &id), 1);
    em4100_serial_reset(&line);
    assert_int_equal(feed(&line, BYTES("\r\n" EM18), &id), 1);
    em4100_serial_reset(&line);
    assert_int_equal(feed(&line, BYTES("xx" RDM6300 EM18), &id), 2);
}

static void zeros_and_other_chips_are_no_tag(void **state)
{
    (void)state;
    struct em4100_serial line;
    uint64_t id = 0;
    em4100_serial_reset(&line);
    assert_int_equal(feed(&line,
                          BYTES("\x02"
                                "000000000000"
                                "\x03"
                                "000000000000"),
                          &id),
                     0);
    assert_int_equal(feed(&line, BYTES("\x02\x0A\x02\x00\x00\x00\x00\x00\x08\x03"), &id), 0);
    assert_int_equal(feed(&line, BYTES("\x02\x09\x01\x12\x34\x56\x78\x00\x03"), &id), 0);
    assert_int_equal(feed(&line, BYTES(TYPED), &id), 1);
}

static void random_bytes_are_bounded(void **state)
{
    (void)state;
    struct em4100_serial line;
    struct scan scan = {0};
    uint32_t seed = 20261122;
    uint64_t id = 0;
    unsigned tags = 0, scans = 0;
    em4100_serial_reset(&line);
    for (size_t i = 0; i < RANDOM_BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        const uint8_t byte = (uint8_t)(seed >> 16);
        tags += em4100_serial_feed(&line, byte, &id) ? 1 : 0;
        assert_true(line.count < sizeof line.bytes);
        if (scanner_serial_feed(&scan, byte)) {
            scans++;
            scan_clear(&scan);
        }
        assert_true(scan.size <= MEDIA_SCAN_MAX);
    }
    assert_int_equal(tags, 0);
    assert_in_range(scans, 500, 2000); /* three of 256 bytes end a scan */
}

/* --- scanner lines --------------------------------------------------------------------------- */

static void a_serial_scan_ends_with_its_suffix(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"\r", "\n", "\t", "\r\n", "\r\n\r\n"};
    for (size_t s = 0; s < sizeof suffixes / sizeof suffixes[0]; s++) {
        struct scan scan = {0};
        unsigned ends = 0;
        char text[32];
        (void)snprintf(text, sizeof text, "MEMBER-42%s", suffixes[s]);
        for (size_t i = 0; text[i] != '\0'; i++) {
            if (scanner_serial_feed(&scan, (uint8_t)text[i])) {
                ends++;
                assert_int_equal(scan.size, 9);
                assert_memory_equal(scan.text, "MEMBER-42", 9);
                scan_clear(&scan);
            }
        }
        assert_int_equal(ends, 1);
    }
}

static void a_serial_scan_that_is_too_long_is_spoiled(void **state)
{
    (void)state;
    struct scan scan = {0};
    for (size_t i = 0; i < MEDIA_SCAN_MAX; i++) {
        assert_false(scanner_serial_feed(&scan, 'x'));
    }
    assert_false(scan.is_spoiled);
    assert_false(scanner_serial_feed(&scan, 'x'));
    assert_true(scan.is_spoiled);
    assert_true(scanner_serial_feed(&scan, '\n'));
    scan_clear(&scan);
    assert_false(scan_has_begun(&scan));
    for (size_t i = 0; i < sizeof scan.text; i++) {
        assert_int_equal(scan.text[i], 0);
    }
}

/* --- key events ------------------------------------------------------------------------------ */

static int64_t now_us;

static struct input_event event_of(uint16_t type, uint16_t code, int32_t value)
{
    struct input_event event = {.type = type, .code = code, .value = value};
    event.input_event_sec = (__typeof__(event.input_event_sec))(now_us / 1000000);
    event.input_event_usec = (__typeof__(event.input_event_usec))(now_us % 1000000);
    return event;
}

static enum wedge_step key(struct wedge *wedge, uint16_t code, int32_t value)
{
    now_us += 2000;
    const struct input_event event = event_of(EV_KEY, code, value);
    return wedge_feed(wedge, &event);
}

static enum wedge_step press(struct wedge *wedge, uint16_t code)
{
    const enum wedge_step step = key(wedge, code, 1);
    (void)key(wedge, code, 0);
    return step;
}

static void assert_scan(const struct wedge *wedge, const char *text)
{
    assert_false(wedge->scan.is_spoiled);
    assert_int_equal(wedge->scan.size, strlen(text));
    assert_memory_equal(wedge->scan.text, text, strlen(text));
}

/* The rows of a US keyboard, written down a second time, in the order of the key codes. */
static const struct {
    uint16_t first;
    const char *plain, *shifted;
} rows[] = {{KEY_1, "1234567890-=", "!@#$%^&*()_+"},
            {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
            {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
            {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
            {KEY_SPACE, " ", " "},
            {KEY_KP7, "789-456+1230.", "789-456+1230."},
            {KEY_KPASTERISK, "*", "*"},
            {KEY_KPSLASH, "/", "/"}};

static void every_key_types_as_on_a_us_keyboard(void **state)
{
    (void)state;
    struct wedge wedge;
    wedge_reset(&wedge);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (uint16_t i = 0; rows[r].plain[i] != '\0'; i++) {
            const uint16_t code = (uint16_t)(rows[r].first + i);
            const char expected[] = {rows[r].plain[i], rows[r].shifted[i], rows[r].shifted[i], 0};
            (void)press(&wedge, code);
            (void)key(&wedge, KEY_LEFTSHIFT, 1);
            (void)press(&wedge, code);
            (void)key(&wedge, KEY_RIGHTSHIFT, 1);
            (void)key(&wedge, KEY_LEFTSHIFT, 0); /* the other one still holds */
            (void)press(&wedge, code);
            (void)key(&wedge, KEY_RIGHTSHIFT, 0);
            assert_scan(&wedge, expected);
            assert_int_equal(press(&wedge, KEY_ENTER), WEDGE_SCAN);
            scan_clear(&wedge.scan);
        }
    }
}

static void enter_and_tab_end_a_scan(void **state)
{
    (void)state;
    static const uint16_t ends[] = {KEY_ENTER, KEY_KPENTER, KEY_TAB};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct wedge wedge;
        wedge_reset(&wedge);
        assert_int_equal(press(&wedge, ends[i]), WEDGE_MORE); /* nothing to end */
        (void)press(&wedge, KEY_4);
        (void)press(&wedge, KEY_2);
        assert_int_equal(press(&wedge, ends[i]), WEDGE_SCAN);
        assert_scan(&wedge, "42");
    }
}

static void a_gap_ends_a_scan_without_enter(void **state)
{
    (void)state;
    struct wedge wedge;
    wedge_reset(&wedge);
    (void)press(&wedge, KEY_4);
    now_us += (WEDGE_GAP_MS - 10) * 1000;
    assert_int_equal(key(&wedge, KEY_2, 1), WEDGE_MORE);
    now_us += WEDGE_GAP_MS * 1000;
    assert_int_equal(key(&wedge, KEY_9, 1), WEDGE_SCAN_BEFORE);
    assert_scan(&wedge, "42");
    scan_clear(&wedge.scan);
    now_us -= 2000;
    assert_int_equal(key(&wedge, KEY_9, 1), WEDGE_MORE);
    assert_scan(&wedge, "9");
    now_us = 1000; /* a clock that was set back ends nothing */
    assert_int_equal(key(&wedge, KEY_8, 1), WEDGE_MORE);
    assert_scan(&wedge, "98");
    struct input_event far;
    memset(&far, 0xFF, sizeof far);
    far.type = EV_KEY;
    far.code = KEY_7;
    far.value = 1;
    (void)wedge_feed(&wedge, &far);
}

static void repeats_releases_and_lights_type_nothing(void **state)
{
    (void)state;
    struct wedge wedge;
    wedge_reset(&wedge);
    (void)key(&wedge, KEY_4, 1);
    (void)key(&wedge, KEY_4, 2);
    (void)key(&wedge, KEY_4, 2);
    (void)key(&wedge, KEY_4, 0);
    (void)key(&wedge, KEY_5, 0);
    (void)press(&wedge, KEY_CAPSLOCK);
    (void)press(&wedge, KEY_NUMLOCK);
    const struct input_event others[] = {event_of(EV_MSC, MSC_SCAN, 0x70004),
                                         event_of(EV_SYN, SYN_REPORT, 0),
                                         event_of(EV_LED, LED_CAPSL, 1), event_of(EV_REL, 0, 5)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(wedge_feed(&wedge, &others[i]), WEDGE_MORE);
    }
    assert_scan(&wedge, "4");
}

static void keys_that_are_no_text_spoil_the_scan(void **state)
{
    (void)state;
    static const uint16_t odd[] = {KEY_F1, KEY_BACKSPACE, KEY_LEFT, KEY_ESC, KEY_POWER, KEY_MAX};
    static const uint16_t holds[] = {KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_LEFTALT,
                                     KEY_RIGHTALT, KEY_LEFTMETA,  KEY_RIGHTMETA};
    struct wedge wedge;
    wedge_reset(&wedge);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        (void)press(&wedge, KEY_4);
        (void)press(&wedge, odd[i]);
        assert_true(wedge.scan.is_spoiled);
        assert_int_equal(press(&wedge, KEY_ENTER), WEDGE_SCAN);
        scan_clear(&wedge.scan);
    }
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        (void)key(&wedge, holds[i], 1);
        (void)press(&wedge, KEY_4);
        (void)key(&wedge, holds[i], 0);
        assert_true(wedge.scan.is_spoiled);
        scan_clear(&wedge.scan);
        (void)press(&wedge, KEY_4);
        assert_scan(&wedge, "4");
        scan_clear(&wedge.scan);
    }
}

static void lost_events_spoil_the_scan_and_lift_the_shift(void **state)
{
    (void)state;
    struct wedge wedge;
    wedge_reset(&wedge);
    (void)key(&wedge, KEY_LEFTSHIFT, 1);
    (void)press(&wedge, KEY_4);
    const struct input_event lost = event_of(EV_SYN, SYN_DROPPED, 0);
    (void)wedge_feed(&wedge, &lost);
    (void)press(&wedge, KEY_4);
    assert_true(wedge.scan.is_spoiled);
    assert_int_equal(press(&wedge, KEY_ENTER), WEDGE_SCAN);
    scan_clear(&wedge.scan);
    (void)press(&wedge, KEY_4);
    assert_scan(&wedge, "4");
}

static void a_typed_scan_that_is_too_long_is_spoiled(void **state)
{
    (void)state;
    struct wedge wedge;
    wedge_reset(&wedge);
    for (size_t i = 0; i < MEDIA_SCAN_MAX; i++) {
        (void)press(&wedge, KEY_X);
    }
    assert_false(wedge.scan.is_spoiled);
    for (size_t i = 0; i < 1000; i++) {
        (void)press(&wedge, KEY_X);
    }
    assert_true(wedge.scan.is_spoiled && wedge.scan.size == MEDIA_SCAN_MAX);
    assert_int_equal(press(&wedge, KEY_ENTER), WEDGE_SCAN);
}

static void random_events_are_bounded(void **state)
{
    (void)state;
    struct wedge wedge;
    uint32_t seed = 4711;
    unsigned scans = 0;
    wedge_reset(&wedge);
    for (size_t fed = 0; fed < RANDOM_BYTES; fed += sizeof(struct input_event)) {
        struct input_event event;
        uint8_t bytes[sizeof event];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 16);
        }
        memcpy(&event, bytes, sizeof event);
        if (fed / sizeof event % 3 != 0) { /* wild ones, and ones that are nearly keys */
            event.type = seed >> 8 & 7 ? EV_KEY : EV_SYN;
            event.code = (uint16_t)(seed >> 20 & 127);
            event.value = (int32_t)(seed >> 12 & 3);
        }
        enum wedge_step step = wedge_feed(&wedge, &event);
        if (step == WEDGE_SCAN_BEFORE) {
            scan_clear(&wedge.scan);
            scans++;
            step = wedge_feed(&wedge, &event);
            assert_int_not_equal(step, WEDGE_SCAN_BEFORE);
        }
        if (step == WEDGE_SCAN) {
            scan_clear(&wedge.scan);
            scans++;
        }
        assert_true(wedge.scan.size <= MEDIA_SCAN_MAX);
    }
    assert_true(scans > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_gives_its_id_with_its_last_byte),
        cmocka_unit_test(frames_in_a_row_are_all_found),
        cmocka_unit_test(a_changed_bit_gives_no_other_id),
        cmocka_unit_test(a_frame_is_found_behind_any_garbage),
        cmocka_unit_test(a_frame_without_frame_bytes_needs_a_beginning),
        cmocka_unit_test(zeros_and_other_chips_are_no_tag),
        cmocka_unit_test(random_bytes_are_bounded),
        cmocka_unit_test(a_serial_scan_ends_with_its_suffix),
        cmocka_unit_test(a_serial_scan_that_is_too_long_is_spoiled),
        cmocka_unit_test(every_key_types_as_on_a_us_keyboard),
        cmocka_unit_test(enter_and_tab_end_a_scan),
        cmocka_unit_test(a_gap_ends_a_scan_without_enter),
        cmocka_unit_test(repeats_releases_and_lights_type_nothing),
        cmocka_unit_test(keys_that_are_no_text_spoil_the_scan),
        cmocka_unit_test(lost_events_spoil_the_scan_and_lift_the_shift),
        cmocka_unit_test(a_typed_scan_that_is_too_long_is_spoiled),
        cmocka_unit_test(random_events_are_bounded),
    };
    return cmocka_run_group_tests_name("ident_decode", tests, NULL, NULL);
}
