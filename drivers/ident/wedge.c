#include "drivers/ident/wedge.h"

#include <string.h>

#include "hal/base/bytes.h"

enum {
    RELEASED = 0, /* values of EV_KEY */
    PRESSED = 1,
    MODIFIER_SHIFTS = 1 << 0 | 1 << 1,
};

static const uint16_t modifiers[] = {KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL,
                                     KEY_LEFTALT,   KEY_RIGHTALT,   KEY_LEFTMETA, KEY_RIGHTMETA};

/* What the US layout types, without and with Shift. */
static const char us_layout[][2] = {
    [KEY_1] = "1!",          [KEY_2] = "2@",           [KEY_3] = "3#",
    [KEY_4] = "4$",          [KEY_5] = "5%",           [KEY_6] = "6^",
    [KEY_7] = "7&",          [KEY_8] = "8*",           [KEY_9] = "9(",
    [KEY_0] = "0)",          [KEY_MINUS] = "-_",       [KEY_EQUAL] = "=+",
    [KEY_Q] = "qQ",          [KEY_W] = "wW",           [KEY_E] = "eE",
    [KEY_R] = "rR",          [KEY_T] = "tT",           [KEY_Y] = "yY",
    [KEY_U] = "uU",          [KEY_I] = "iI",           [KEY_O] = "oO",
    [KEY_P] = "pP",          [KEY_LEFTBRACE] = "[{",   [KEY_RIGHTBRACE] = "]}",
    [KEY_A] = "aA",          [KEY_S] = "sS",           [KEY_D] = "dD",
    [KEY_F] = "fF",          [KEY_G] = "gG",           [KEY_H] = "hH",
    [KEY_J] = "jJ",          [KEY_K] = "kK",           [KEY_L] = "lL",
    [KEY_SEMICOLON] = ";:",  [KEY_APOSTROPHE] = "'\"", [KEY_GRAVE] = "`~",
    [KEY_BACKSLASH] = "\\|", [KEY_Z] = "zZ",           [KEY_X] = "xX",
    [KEY_C] = "cC",          [KEY_V] = "vV",           [KEY_B] = "bB",
    [KEY_N] = "nN",          [KEY_M] = "mM",           [KEY_COMMA] = ",<",
    [KEY_DOT] = ".>",        [KEY_SLASH] = "/?",       [KEY_SPACE] = "  ",
    [KEY_KPASTERISK] = "**", [KEY_KP7] = "77",         [KEY_KP8] = "88",
    [KEY_KP9] = "99",        [KEY_KPMINUS] = "--",     [KEY_KP4] = "44",
    [KEY_KP5] = "55",        [KEY_KP6] = "66",         [KEY_KPPLUS] = "++",
    [KEY_KP1] = "11",        [KEY_KP2] = "22",         [KEY_KP3] = "33",
    [KEY_KP0] = "00",        [KEY_KPDOT] = "..",       [KEY_KPSLASH] = "//",
};

void wedge_reset(struct wedge *wedge)
{
    bytes_wipe(wedge, sizeof *wedge);
}

/* True when the key is a modifier; notes whether it is down. */
static bool is_modifier(struct wedge *wedge, uint16_t code, bool is_down)
{
    for (unsigned i = 0; i < sizeof modifiers / sizeof modifiers[0]; i += 1) {
        if (modifiers[i] == code) {
            const uint16_t bit = (uint16_t)(1U << i);
            wedge->modifiers_down =
                (uint16_t)(is_down ? wedge->modifiers_down | bit : wedge->modifiers_down & ~bit);
            return true;
        }
    }
    return false;
}

static bool is_end(uint16_t code)
{
    return code == KEY_ENTER || code == KEY_KPENTER || code == KEY_TAB;
}

static void type_key(struct wedge *wedge, uint16_t code)
{
    if (code == KEY_CAPSLOCK || code == KEY_NUMLOCK || code == KEY_SCROLLLOCK) {
        return; /* some scanners press these to suit another keyboard's lights; we have none */
    }
    const bool has_others = (wedge->modifiers_down & ~MODIFIER_SHIFTS) != 0;
    const bool has_shift = (wedge->modifiers_down & MODIFIER_SHIFTS) != 0;
    const char c =
        code < sizeof us_layout / sizeof us_layout[0] ? us_layout[code][has_shift ? 1 : 0] : '\0';
    if (c == '\0' || has_others) {
        wedge->scan.is_spoiled = true;
        return;
    }
    scan_add(&wedge->scan, c);
}

enum wedge_step wedge_feed(struct wedge *wedge, const struct input_event *event)
{
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        wedge->scan.is_spoiled = true;
        wedge->modifiers_down = 0;
        return WEDGE_MORE;
    }
    if (event->type != EV_KEY) {
        return WEDGE_MORE;
    }
    /* Foreign numbers: wrap instead of overflowing. */
    const uint64_t us_of = (uint64_t)event->input_event_sec * 1000000U;
    const int64_t now_us = (int64_t)(us_of + (uint64_t)event->input_event_usec);
    const uint64_t gap_us = (uint64_t)now_us - (uint64_t)wedge->last_us;
    if (scan_has_begun(&wedge->scan) && now_us > wedge->last_us &&
        gap_us > WEDGE_GAP_MS * UINT64_C(1000)) {
        wedge->last_us = now_us;
        return WEDGE_SCAN_BEFORE;
    }
    wedge->last_us = now_us;
    if (is_modifier(wedge, event->code, event->value != RELEASED) || event->value != PRESSED) {
        return WEDGE_MORE;
    }
    if (is_end(event->code)) {
        return scan_has_begun(&wedge->scan) ? WEDGE_SCAN : WEDGE_MORE;
    }
    type_key(wedge, event->code);
    return WEDGE_MORE;
}
