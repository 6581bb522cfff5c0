/* Tests of drivers/ident behind hal/ident.h: serial devices on real pseudo terminals; devices that
 * type on /dev/uinput where the kernel has it, and everywhere on a FIFO that carries the same
 * struct input_event through the same read path, and on a terminal whose ioctl (wrapped) answers as
 * an event node does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/ident/ident.h"
#include "drivers/ident/ident_device.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"

enum {
    RANDOM_BYTES = 100000,
    SOON_MS = 3000,
    QUIET_MS = 300,
    PAN_DIGITS = 16,
    CODES_FROM = 2,
    CODES = 4
};

#define RDM6300                                                                                    \
    "\x02"                                                                                         \
    "100086F44426"                                                                                 \
    "\x03"
#define RDM6300_OTHER                                                                              \
    "\x02"                                                                                         \
    "010063E9AE25"                                                                                 \
    "\x03"

/* --- the other end --------------------------------------------------------------------------- */

/* One device under test: a link or FIFO in a folder of its own, and the driver on it. */
static struct {
    char folder[64], path[96], name[128];
    int far; /* our end: the terminal's master, or the FIFO's writing end */
    struct ident_driver *driver;
    struct ident port;
} world;

static bool is_fake_keys; /* ioctl answers as an event node does */
static int grab_errno;
static unsigned grabs;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (is_fake_keys && request == EVIOCGRAB) {
        assert_true(argument == (void *)1);
        grabs++;
        errno = grab_errno;
        return grab_errno == 0 ? 0 : -1;
    }
    if (is_fake_keys && request == EVIOCSCLOCKID) {
        return 0;
    }
    return __real_ioctl(fd, request, argument);
}

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    (void)snprintf(world.folder, sizeof world.folder, "/tmp/vafa-ident-XXXXXX");
    if (mkdtemp(world.folder) == NULL) {
        return -1;
    }
    (void)snprintf(world.path, sizeof world.path, "%s/device", world.folder);
    world.far = -1;
    is_fake_keys = false;
    grab_errno = 0;
    grabs = 0;
    return 0;
}

static void unplug(void)
{
    if (world.far >= 0) {
        (void)close(world.far);
    }
    world.far = -1;
    (void)unlink(world.path);
}

static int teardown(void **state)
{
    (void)state;
    ident_close(world.driver);
    unplug();
    return rmdir(world.folder);
}

static void plug_terminal(void)
{
    world.far = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(world.far >= 0);
    assert_int_equal(grantpt(world.far), 0);
    assert_int_equal(unlockpt(world.far), 0);
    struct termios line;
    assert_int_equal(tcgetattr(world.far, &line), 0);
    cfmakeraw(&line);
    assert_int_equal(tcsetattr(world.far, TCSANOW, &line), 0);
    assert_int_equal(symlink(ptsname(world.far), world.path), 0);
}

static void open_driver(const char *kind)
{
    struct fault fault = {""};
    (void)snprintf(world.name, sizeof world.name, "%s:%s", kind, world.path);
    const struct ident_config config = {.device = world.name, .own = MEDIA_RANGE_CLUB};
    assert_int_equal(ident_open(&config, &world.driver, &fault), ST_OK);
    world.port = ident_port(world.driver);
}

static void open_serial(const char *kind)
{
    plug_terminal();
    open_driver(kind);
}

/* The writing end comes second, or it would not open. */
static void open_fifo(const char *kind)
{
    assert_int_equal(mkfifo(world.path, 0600), 0);
    open_driver(kind);
    world.far = open(world.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(world.far >= 0);
}

static void send_all(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        const ssize_t done = write(world.far, at, size);
        assert_true(done > 0);
        at += done;
        size -= (size_t)done;
    }
}

#define SEND(s) send_all((s), sizeof(s) - 1)

static void nap(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next event within the time, by the descriptor alone, or ST_AGAIN. */
static enum st next(int64_t within_ms, struct identifier *ret, struct fault *fault)
{
    const int64_t end_ms = now_ms() + within_ms;
    for (;;) {
        const enum st st = world.port.ops->read(world.port.ctx, ret, fault);
        const int64_t left_ms = end_ms - now_ms();
        if (st != ST_AGAIN || left_ms <= 0) {
            return st;
        }
        struct pollfd wait = {.fd = world.port.ops->descriptor(world.port.ctx), .events = POLLIN};
        (void)poll(&wait, 1, (int)left_ms);
    }
}

static void assert_next(enum media_kind kind, const char *text)
{
    struct identifier id = {0};
    struct fault fault = {""};
    const enum st st = next(SOON_MS, &id, &fault);
    if (st != ST_OK) {
        fail_msg("%s instead of %s: %s", st_word(st), text, fault.say);
    }
    assert_int_equal(id.kind, kind);
    assert_string_equal(id.text, text);
}

static void assert_told(enum st expected, const char *word)
{
    struct identifier id;
    struct fault fault = {""};
    const enum st st = next(SOON_MS, &id, &fault);
    if (st != expected || strstr(fault.say, word) == NULL) {
        fail_msg("%s '%s' instead of %s '%s'", st_word(st), fault.say, st_word(expected), word);
    }
}

static void assert_quiet(void)
{
    struct identifier id;
    struct fault fault = {""};
    const enum st st = next(QUIET_MS, &id, &fault);
    if (st != ST_AGAIN) {
        fail_msg("%s '%s' out of the blue", st_word(st), st == ST_OK ? id.text : fault.say);
    }
}

/* --- key events ------------------------------------------------------------------------------ */

static int64_t event_us = 1000000;

static void send_event(uint16_t type, uint16_t code, int32_t value)
{
    struct input_event event = {.type = type, .code = code, .value = value};
    event.input_event_sec = (__typeof__(event.input_event_sec))(event_us / 1000000);
    event.input_event_usec = (__typeof__(event.input_event_usec))(event_us % 1000000);
    send_all(&event, sizeof event);
    bytes_wipe(&event, sizeof event);
}

static void send_key(uint16_t code)
{
    for (int32_t value = 1; value >= 0; value--) {
        event_us += 1000;
        send_event(EV_MSC, MSC_SCAN, 0x70000 + code);
        send_event(EV_KEY, code, value);
        send_event(EV_SYN, SYN_REPORT, 0);
    }
}

/* The keys that tests need; the whole table is tested in test_ident_decode.c. */
static void send_char(char c)
{
    static const char digits[] = "1234567890",
                      letters[] = "qwertyuiop[]\n.asdfghjkl;'`.\\zxcvbnm,./";
    static const char shifted[] = "%^?+", unshifted[] = "56/=";
    const char *at = strchr(shifted, c);
    const bool is_upper = (c >= 'A' && c <= 'Z') || at != NULL;
    c = at != NULL ? unshifted[at - shifted] : (char)(is_upper ? c + 32 : c);
    if (is_upper) {
        event_us += 1000;
        send_event(EV_KEY, KEY_LEFTSHIFT, 1);
    }
    if (c == '=' || c == '-' || c == ' ') {
        send_key(c == '=' ? KEY_EQUAL : c == '-' ? KEY_MINUS : KEY_SPACE);
    } else if (strchr(digits, c) != NULL) {
        send_key((uint16_t)(KEY_1 + (strchr(digits, c) - digits)));
    } else {
        assert_non_null(strchr(letters, c));
        send_key((uint16_t)(KEY_Q + (strchr(letters, c) - letters)));
    }
    if (is_upper) {
        send_event(EV_KEY, KEY_LEFTSHIFT, 0);
    }
}

static void type_text(const char *text)
{
    for (; *text != '\0'; text++) {
        send_char(*text);
    }
}

static void own_number(char ret[17])
{
    (void)snprintf(ret, 17, "%llu", (unsigned long long)card_number_make(936400100000000));
}

/* --- serial tags ----------------------------------------------------------------------------- */

static void a_tag_that_lies_there_is_told_once(void **state)
{
    (void)state;
    open_serial("em4100-serial");
    SEND(RDM6300);
    assert_next(MEDIA_EM4100, "0008844356");
    for (int i = 0; i < 16; i++) { /* longer than the repeat time in all */
        struct identifier id;
        SEND(RDM6300);
        assert_int_equal(next(50, &id, NULL), ST_AGAIN);
    }
    nap(IDENT_REPEAT_MS + 100); /* it was taken away */
    SEND(RDM6300);
    assert_next(MEDIA_EM4100, "0008844356");
}

static void two_tags_are_told_apart(void **state)
{
    (void)state;
    struct identifier id;
    open_serial("em4100-serial");
    SEND(RDM6300 RDM6300_OTHER);
    assert_int_equal(next(SOON_MS, &id, NULL), ST_OK);
    assert_true(id.number == 0x100086F444);
    assert_int_equal(next(SOON_MS, &id, NULL), ST_OK);
    assert_true(id.number == 0x010063E9AE);
    assert_string_equal(id.text, "0006547886");
    assert_quiet();
}

static void a_tag_line_comes_in_pieces_and_after_noise(void **state)
{
    (void)state;
    static const char frame[] = RDM6300;
    open_serial("em4100-serial");
    SEND("\xFF\x00\x02"
         "1000");
    for (size_t i = 0; i < sizeof frame - 1; i++) {
        send_all(frame + i, 1);
        nap(3);
    }
    assert_next(MEDIA_EM4100, "0008844356");
    SEND("noise"); /* and after silence a reader without frame bytes */
    assert_quiet();
    SEND("010063E9AE25");
    assert_next(MEDIA_EM4100, "0006547886");
    SEND("\x02\x0A\x02\x06\x00\x8E\x6D\x5D\xB0\x03");
    assert_next(MEDIA_EM4100, "0009334109");
}

static void a_serial_line_is_set_up_and_kept(void **state)
{
    (void)state;
    struct termios line;
    plug_terminal();
    assert_int_equal(tcgetattr(world.far, &line), 0);
    line.c_lflag |= ICANON | ECHO | ISIG; /* as a login line is */
    line.c_iflag |= ICRNL | IXON;
    assert_int_equal(tcsetattr(world.far, TCSANOW, &line), 0);
    open_driver("scanner-serial@115200");
    assert_int_equal(tcgetattr(world.far, &line), 0);
    assert_int_equal(line.c_iflag & (tcflag_t)(ICRNL | IXON), 0);
    assert_int_equal(cfgetospeed(&line), B115200);
    assert_int_equal(line.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);
    assert_int_equal(line.c_cflag & (tcflag_t)(CSIZE | PARENB | CSTOPB | CRTSCTS), CS8);
    ident_close(world.driver);
    world.driver = NULL;
    open_driver("em4100-serial");
    assert_int_equal(tcgetattr(world.far, &line), 0);
    assert_int_equal(cfgetospeed(&line), B9600);
}

/* --- plug and unplug ------------------------------------------------------------------------- */

static void an_unplugged_line_is_told_once_and_found_again(void **state)
{
    (void)state;
    open_serial("em4100-serial");
    const int descriptor = world.port.ops->descriptor(world.port.ctx);
    assert_string_equal(world.port.ops->say(world.port.ctx), "");
    for (int i = 0; i < 2; i++) {
        SEND(RDM6300);
        assert_next(MEDIA_EM4100, "0008844356");
        SEND("\x02"
             "1000"); /* in the middle of a frame */
        unplug();
        assert_told(ST_IO, "plug");
        assert_true(world.port.ops->say(world.port.ctx)[0] != '\0');
        assert_quiet();
        plug_terminal();
        nap(IDENT_REOPEN_MS);
        assert_quiet();
        assert_string_equal(world.port.ops->say(world.port.ctx), "");
        assert_int_equal(world.port.ops->descriptor(world.port.ctx), descriptor);
    }
    SEND(RDM6300_OTHER);
    assert_next(MEDIA_EM4100, "0006547886");
}

static void a_device_may_come_late(void **state)
{
    (void)state;
    open_driver("scanner-serial");
    assert_told(ST_IO, "is not there");
    assert_quiet();
    plug_terminal();
    nap(IDENT_REOPEN_MS);
    assert_quiet();
    SEND("VAFA-1\r");
    assert_next(MEDIA_BARCODE, "VAFA-1");
}

static void something_else_in_its_place_is_told(void **state)
{
    (void)state;
    const int file = open(world.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    open_driver("scanner-serial");
    assert_told(ST_IO, "not a serial line");
    ident_close(world.driver);
    open_driver("scanner-keys");
    assert_told(ST_IO, "not an input event device");
    ident_close(world.driver);
    (void)unlink(world.path);
    plug_terminal();
    open_driver("magstripe-keys");
    assert_told(ST_IO, "not an input event device");
}

static void names_are_checked(void **state)
{
    (void)state;
    struct ident_device device;
    struct fault fault;
    assert_int_equal(ident_device_parse("scanner-serial@19200:/dev/ttyACM0", &device, &fault),
                     ST_OK);
    assert_int_equal(device.kind, IDENT_SCANNER_SERIAL);
    assert_int_equal(device.speed, B19200);
    assert_string_equal(device.path, "/dev/ttyACM0");
    assert_int_equal(
        ident_device_parse("em4100-keys:/dev/input/by-path/pci-0:1:0-event-kbd", &device, &fault),
        ST_OK);
    assert_string_equal(device.path, "/dev/input/by-path/pci-0:1:0-event-kbd");
    char endless[400];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "em4100-keys:", 12);
    endless[sizeof endless - 1] = '\0';
    const char *const bad[] = {"",
                               ":",
                               "em4100-serial",
                               "em4100-serial:",
                               "em4100:/dev/ttyS0",
                               "em4100-serial@19200:/dev/ttyS0",
                               "scanner-serial@300:/dev/ttyS0",
                               "scanner-serial@:/dev/ttyS0",
                               "scanner-serial@9600",
                               "/dev/ttyS0",
                               endless};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ident_driver *driver = NULL;
        const struct ident_config config = {.device = bad[i], .own = MEDIA_RANGE_CLUB};
        memset(&fault, 0, sizeof fault);
        assert_int_equal(ident_open(&config, &driver, &fault), ST_REFUSED);
        assert_null(driver);
        assert_true(fault.say[0] != '\0' && fault.say[strlen(fault.say) - 1] == '.');
    }
    ident_close(NULL);
}

/* --- scanners -------------------------------------------------------------------------------- */

static void a_serial_scanner_ends_by_suffix_or_silence(void **state)
{
    (void)state;
    open_serial("scanner-serial");
    SEND("VAFA-1\r\nVAFA-2\tVAFA-3\r");
    assert_next(MEDIA_BARCODE, "VAFA-1");
    assert_next(MEDIA_BARCODE, "VAFA-2");
    assert_next(MEDIA_BARCODE, "VAFA-3");
    const int64_t start_ms = now_ms();
    SEND("VAFA");
    nap(30);
    SEND("-4");
    assert_next(MEDIA_BARCODE, "VAFA-4");
    assert_true(now_ms() - start_ms >= IDENT_GAP_MS);
    SEND("4111111111111111\r");
    assert_told(ST_REFUSED, "bank card");
    SEND("\x1B[2J\r");
    assert_told(ST_FOREIGN, "plain text");
    SEND("VAFA-4\rVAFA-4\rVAFA-4\r");
    assert_next(MEDIA_BARCODE, "VAFA-4");
    assert_quiet();
}

static void a_typing_scanner_gives_its_text(void **state)
{
    (void)state;
    open_fifo("scanner-keys");
    type_text("Vafa=7 42");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "Vafa=7 42");
    type_text("VAFA-8"); /* no suffix: the gap is in the events' times */
    event_us += 200000;
    type_text("VAFA-9");
    assert_next(MEDIA_BARCODE, "VAFA-8");
    assert_next(MEDIA_BARCODE, "VAFA-9"); /* and here in ours */
    event_us += 200000;
    send_key(KEY_F5);
    send_key(KEY_ENTER);
    assert_told(ST_FOREIGN, "could not be read");
}

static void a_typing_tag_reader_gives_the_printed_number(void **state)
{
    (void)state;
    open_fifo("em4100-keys");
    type_text("0006547886");
    send_key(KEY_ENTER);
    assert_next(MEDIA_EM4100, "0006547886");
    type_text("0123456789"); /* would be a national code, were it typed by a person */
    send_key(KEY_KPENTER);
    assert_next(MEDIA_EM4100, "0123456789");
    type_text("01006547AE");
    send_key(KEY_ENTER);
    assert_told(ST_FOREIGN, "10 decimal digits");
}

/* --- stripes --------------------------------------------------------------------------------- */

static void our_stripe_gives_its_number_once(void **state)
{
    (void)state;
    char own[17], text[160];
    own_number(own);
    open_fifo("magstripe-keys");
    (void)snprintf(text, sizeof text, "%%B%s^VAFA/MEMBER^2512?;%s=2512101?", own, own);
    type_text(text);
    send_key(KEY_ENTER);
    assert_next(MEDIA_MAGSTRIPE, own);
    nap(IDENT_REPEAT_MS + 100);
    /* A reader that presses Enter behind every track, the third one empty. */
    (void)snprintf(text, sizeof text, "%%B%s^VAFA/MEMBER^2512?", own);
    type_text(text);
    send_key(KEY_ENTER);
    (void)snprintf(text, sizeof text, ";%s=2512101?", own);
    type_text(text);
    send_key(KEY_ENTER);
    type_text("+E?");
    send_key(KEY_ENTER);
    assert_next(MEDIA_MAGSTRIPE, own);
    assert_quiet();
    type_text(";E?");
    send_key(KEY_ENTER);
    nap(IDENT_REPEAT_MS);
    type_text(";E?");
    send_key(KEY_ENTER);
    assert_told(ST_FOREIGN, "swipe");
}

static void a_bank_stripe_is_refused_once_and_the_next_card_works(void **state)
{
    (void)state;
    char own[17];
    own_number(own);
    open_fifo("magstripe-keys");
    type_text("%B4111111111111111^DOE/JOHN^25121011000000000000?");
    send_key(KEY_ENTER);
    type_text(";4111111111111111=25121011000000000000?");
    send_key(KEY_ENTER);
    assert_told(ST_REFUSED, "bank card");
    assert_quiet();
    type_text(";");
    type_text(own);
    type_text("?");
    send_key(KEY_ENTER);
    assert_next(MEDIA_MAGSTRIPE, own);
}

/* Looks for a card's digits in all our writable memory: as text, and some of them as the key
 * codes of events. The digits are given with each byte turned over, so that the search does not
 * find itself. */
static unsigned traces(const uint8_t turned[PAN_DIGITS])
{
    static uint8_t chunk[1 << 16];
    unsigned found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(memory >= 0);
    char line[512];
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char mode[5];
        /* The sanitizers' shadow is too large to hold anything of ours. */
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[0] != 'r' ||
            mode[1] != 'w' || to - from > 1UL << 28) {
            continue;
        }
        const size_t overlap = PAN_DIGITS * 6 * sizeof(struct input_event);
        for (unsigned long at = from; at < to; at += sizeof chunk - overlap) {
            const size_t want = to - at < sizeof chunk ? to - at : sizeof chunk;
            const bool is_own =
                at < (uintptr_t)chunk + sizeof chunk && at + want > (uintptr_t)chunk;
            const ssize_t size = is_own ? 0 : pread(memory, chunk, want, (off_t)at);
            for (ssize_t i = 0; i + PAN_DIGITS <= size; i++) {
                size_t same = 0, codes = 0;
                while (same < PAN_DIGITS && chunk[i + (ssize_t)same] + turned[same] == 0xFF) {
                    same++;
                }
                /* Six events a key, the second one the press: its code is 1 more than the digit. */
                const size_t step = 6 * sizeof(struct input_event);
                while (codes < CODES && i + (ssize_t)(codes * step) < size) {
                    const uint8_t digit = (uint8_t)((turned[CODES_FROM + codes] ^ 0xFF) & 15);
                    const uint8_t code = (uint8_t)(digit == 0 ? KEY_0 : KEY_1 + digit - 1);
                    if (chunk[i + (ssize_t)(codes * step)] != code) {
                        break;
                    }
                    codes++;
                }
                found += (same == PAN_DIGITS ? 1U : 0U) + (codes == CODES ? 1U : 0U);
            }
        }
    }
    (void)fclose(maps);
    (void)close(memory);
    bytes_wipe(chunk, sizeof chunk);
    return found;
}

static void a_bank_card_leaves_no_trace_in_memory(void **state)
{
    (void)state;
    /* 5105 1051 0510 5100 turned over: written so that our own code does not hold it. */
    static const uint8_t turned[PAN_DIGITS] = {0xCA, 0xCE, 0xCF, 0xCA, 0xCE, 0xCF, 0xCA, 0xCE,
                                               0xCF, 0xCA, 0xCE, 0xCF, 0xCA, 0xCE, 0xCF, 0xCF};
    uint8_t digits[PAN_DIGITS];
    for (size_t i = 0; i < sizeof digits; i++) { /* a valid number, made from the turned one */
        digits[i] = (uint8_t)~turned[i];
    }
    (void)media_is_bank_card((const char *)digits, sizeof digits,
                             &(struct media_range){CARD_PAYLOAD_MIN, CARD_PAYLOAD_MIN});
    assert_true(traces(turned) >= 1); /* the search finds what is there */
    bytes_wipe(digits, sizeof digits);
    assert_int_equal(traces(turned), 0);

    open_fifo("magstripe-keys");
    type_text("%B");
    for (size_t i = 0; i < PAN_DIGITS; i++) {
        send_char((char)~turned[i]);
    }
    type_text("^DOE/JOHN^2512101?;");
    for (size_t i = 0; i < PAN_DIGITS; i++) {
        send_char((char)~turned[i]);
    }
    type_text("=2512101?");
    send_key(KEY_ENTER);
    assert_told(ST_REFUSED, "bank card");
    assert_int_equal(traces(turned), 0);

    /* Nor does a number alone, or a swipe that is cut: without its Enter, or by unplugging. */
    for (int i = 0; i < 3; i++) {
        nap(IDENT_REPEAT_MS + 100);
        for (size_t d = 0; d < PAN_DIGITS; d++) {
            send_char((char)~turned[d]);
        }
        if (i == 0) {
            type_text("=2512101");
            assert_told(ST_REFUSED, "bank card");
        } else if (i == 1) {
            send_key(KEY_ENTER);
            assert_told(ST_REFUSED, "bank card");
        } else {
            struct identifier id;
            assert_int_equal(next(10, &id, NULL), ST_AGAIN);
            assert_true(traces(turned) >= 1); /* it is being read */
            unplug();
            assert_told(ST_IO, "plug");
        }
        assert_int_equal(traces(turned), 0);
    }
}

/* --- the event node -------------------------------------------------------------------------- */

static void a_typing_device_is_grabbed_each_time(void **state)
{
    (void)state;
    is_fake_keys = true;
    plug_terminal();
    open_driver("scanner-keys");
    assert_int_equal(grabs, 1);
    type_text("VAFA-1");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "VAFA-1");
    send_event(EV_KEY, KEY_LEFTSHIFT, 1); /* its Shift is down when it goes */
    assert_quiet();
    unplug();
    assert_told(ST_IO, "plug");
    plug_terminal();
    nap(IDENT_REOPEN_MS);
    assert_quiet();
    assert_int_equal(grabs, 2);
    type_text("vafa-2");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "vafa-2");
}

static void a_device_that_another_program_holds_is_told(void **state)
{
    (void)state;
    is_fake_keys = true;
    grab_errno = EBUSY;
    plug_terminal();
    open_driver("scanner-keys");
    assert_told(ST_IO, "Another program");
    assert_quiet();
    grab_errno = 0;
    nap(IDENT_REOPEN_MS);
    assert_quiet();
    assert_string_equal(world.port.ops->say(world.port.ctx), "");
}

static void an_event_may_come_in_pieces(void **state)
{
    (void)state;
    open_fifo("scanner-keys");
    struct input_event events[] = {{.type = EV_KEY, .code = KEY_4, .value = 1},
                                   {.type = EV_KEY, .code = KEY_2, .value = 1},
                                   {.type = EV_KEY, .code = KEY_ENTER, .value = 1}};
    const uint8_t *bytes = (const uint8_t *)events;
    struct identifier id;
    for (size_t i = 0; i + 1 < sizeof events; i++) {
        send_all(bytes + i, 1);
        assert_int_equal(next(0, &id, NULL), ST_AGAIN);
    }
    send_all(bytes + sizeof events - 1, 1);
    assert_next(MEDIA_BARCODE, "42");
}

/* --- hostile --------------------------------------------------------------------------------- */

static void hostile(const char *kind, bool is_line)
{
    uint32_t seed = 99;
    struct identifier id;
    struct fault fault;
    if (is_line) {
        open_serial(kind);
    } else {
        open_fifo(kind);
    }
    for (size_t sent = 0; sent < RANDOM_BYTES;) {
        uint8_t bytes[4080]; /* a terminal takes 4095 at a time; whole events */
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 16);
        }
        for (size_t i = 0; !is_line && i < sizeof bytes; i += sizeof(struct input_event)) {
            struct input_event event;
            memcpy(&event, bytes + i, sizeof event);
            event.type = EV_KEY;
            event.code &= 127;
            event.value = bytes[i] & 1;
            if (i % 48 == 0) {
                memcpy(bytes + i, &event, sizeof event);
            }
        }
        send_all(bytes, sizeof bytes);
        sent += sizeof bytes;
        enum st st;
        do {
            st = next(0, &id, &fault);
            if (st == ST_OK) {
                assert_true(strnlen(id.text, sizeof id.text) <= MEDIA_TEXT_MAX);
            }
        } while (st != ST_AGAIN);
    }
    nap(IDENT_REPEAT_MS + 100);
    while (next(QUIET_MS, &id, &fault) != ST_AGAIN) {
    }
    nap(IDENT_REPEAT_MS);
}

static void random_bytes_on_a_tag_line_do_no_harm(void **state)
{
    (void)state;
    hostile("em4100-serial", true);
    SEND(RDM6300);
    assert_next(MEDIA_EM4100, "0008844356");
}

static void random_bytes_on_a_scanner_line_do_no_harm(void **state)
{
    (void)state;
    hostile("scanner-serial", true);
    SEND("VAFA-1\r");
    assert_next(MEDIA_BARCODE, "VAFA-1");
}

static void random_events_do_no_harm(void **state)
{
    (void)state;
    hostile("scanner-keys", false);
    static const uint16_t held[] = {KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL,
                                    KEY_LEFTALT,   KEY_RIGHTALT,   KEY_LEFTMETA, KEY_RIGHTMETA};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        send_event(EV_KEY, held[i], 0);
    }
    type_text("VAFA-1");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "VAFA-1");
}

static void a_flood_does_not_keep_the_caller(void **state)
{
    (void)state;
    static uint8_t flood[60000];
    open_fifo("scanner-keys");
    send_all(flood, sizeof flood - sizeof flood % sizeof(struct input_event));
    struct identifier id;
    struct fault fault;
    struct pollfd wait = {.fd = world.port.ops->descriptor(world.port.ctx), .events = POLLIN};
    assert_int_equal(world.port.ops->read(world.port.ctx, &id, &fault), ST_AGAIN);
    int waiting = 0;
    assert_int_equal(ioctl(world.far, FIONREAD, &waiting), 0);
    assert_in_range(waiting, 1, sizeof flood); /* it came back with the work half done */
    assert_int_equal(poll(&wait, 1, SOON_MS), 1);
    type_text("42");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "42");
}

/* --- a real event node, where the kernel makes one -----------------------------------------------
 */

/* The event node of our uinput device, or false when there is none to be seen. */
static bool uinput_node(int fd, char *ret_path, size_t size)
{
    char name[64] = "", folder[160], command_path[224];
    if (ioctl(fd, UI_GET_SYSNAME(sizeof name), name) < 0) {
        return false;
    }
    (void)snprintf(folder, sizeof folder, "/sys/devices/virtual/input/%s", name);
    for (unsigned i = 0; i < 1024; i++) {
        (void)snprintf(command_path, sizeof command_path, "%s/event%u", folder, i);
        if (access(command_path, F_OK) == 0) {
            (void)snprintf(ret_path, size, "/dev/input/event%u", i);
            for (int tries = 0; tries < 50 && access(ret_path, R_OK) != 0; tries++) {
                nap(20);
            }
            return access(ret_path, R_OK) == 0;
        }
    }
    return false;
}

static void a_real_event_node_is_read_and_grabbed(void **state)
{
    (void)state;
    char node[64];
    const int fd = open("/dev/uinput", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        (void)printf("# /dev/uinput is not here: typing devices were read from FIFOs of recorded "
                     "events, the grab from a stand-in\n");
        (void)fflush(stdout);
        skip();
    }
    struct uinput_setup device = {.id = {.bustype = BUS_VIRTUAL}, .name = "Vafa test scanner"};
    assert_int_equal(ioctl(fd, UI_SET_EVBIT, EV_KEY), 0);
    for (int code = KEY_ESC; code <= KEY_KPENTER; code++) {
        assert_int_equal(ioctl(fd, UI_SET_KEYBIT, code), 0);
    }
    assert_int_equal(ioctl(fd, UI_DEV_SETUP, &device), 0);
    assert_int_equal(ioctl(fd, UI_DEV_CREATE), 0);
    if (!uinput_node(fd, node, sizeof node)) {
        (void)close(fd);
        (void)printf("# /dev/uinput makes no event node here: as if it were not there\n");
        (void)fflush(stdout);
        skip();
    }
    assert_int_equal(symlink(node, world.path), 0);
    open_driver("scanner-keys");
    world.far = fd;
    assert_string_equal(world.port.ops->say(world.port.ctx), "");
    type_text("Vafa-42");
    send_key(KEY_ENTER);
    assert_next(MEDIA_BARCODE, "Vafa-42");
    const int second = open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(second >= 0);
    assert_int_equal(ioctl(second, EVIOCGRAB, 1), -1);
    assert_int_equal(errno, EBUSY);
    (void)close(second);
    unplug(); /* closes the device: the node reads ENODEV */
    assert_told(ST_IO, "plug");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_tag_that_lies_there_is_told_once),
        TEST(two_tags_are_told_apart),
        TEST(a_tag_line_comes_in_pieces_and_after_noise),
        TEST(a_serial_line_is_set_up_and_kept),
        TEST(an_unplugged_line_is_told_once_and_found_again),
        TEST(a_device_may_come_late),
        TEST(something_else_in_its_place_is_told),
        TEST(names_are_checked),
        TEST(a_serial_scanner_ends_by_suffix_or_silence),
        TEST(a_typing_scanner_gives_its_text),
        TEST(a_typing_tag_reader_gives_the_printed_number),
        TEST(our_stripe_gives_its_number_once),
        TEST(a_bank_stripe_is_refused_once_and_the_next_card_works),
        TEST(a_bank_card_leaves_no_trace_in_memory),
        TEST(a_typing_device_is_grabbed_each_time),
        TEST(a_device_that_another_program_holds_is_told),
        TEST(an_event_may_come_in_pieces),
        TEST(random_bytes_on_a_tag_line_do_no_harm),
        TEST(random_bytes_on_a_scanner_line_do_no_harm),
        TEST(random_events_do_no_harm),
        TEST(a_flood_does_not_keep_the_caller),
        TEST(a_real_event_node_is_read_and_grabbed),
    };
    return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}
