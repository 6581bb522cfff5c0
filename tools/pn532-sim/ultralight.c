#include "tools/pn532-sim/ultralight.h"

#include <assert.h>
#include <string.h>

enum {
    PAGE_LOCK = 2, /* bytes 2 and 3 */
    PAGE_OTP = 3,  /* capability container of an NTAG */
    LOCK_BITS_OF_LOCKS = 0x07,
    PROTECTS_READS = 0x80, /* PROT in CFG1 */
};

/* What differs between the kinds; `dynamic` is the page of the dynamic lock bytes, which is
 * followed by CFG0, CFG1, PWD and PACK. */
static const struct about {
    uint8_t pages;
    uint8_t dynamic;       /* 0: none */
    uint8_t pages_per_bit; /* of the dynamic lock bytes */
    uint8_t container;     /* size byte of the capability container */
    uint8_t size;          /* in GET_VERSION */
} abouts[] = {
    [ULTRALIGHT_PLAIN] = {16, 0, 0, 0x00, 0x00},
    [ULTRALIGHT_NTAG213] = {45, 40, 2, 0x12, 0x0F},
    [ULTRALIGHT_NTAG215] = {135, 130, 16, 0x3E, 0x11},
    [ULTRALIGHT_NTAG216] = {231, 226, 16, 0x6D, 0x13},
};

static const struct about *about(const struct ultralight *card)
{
    return &abouts[card->kind];
}

uint8_t ultralight_pages(enum ultralight_kind kind)
{
    return abouts[kind].pages;
}

void ultralight_uid(const struct ultralight *card, uint8_t ret_uid[ULTRALIGHT_UID_BYTES])
{
    memcpy(ret_uid, card->pages[0], 3);
    memcpy(ret_uid + 3, card->pages[1], 4);
}

void ultralight_init(struct ultralight *card, enum ultralight_kind kind,
                     const uint8_t uid[ULTRALIGHT_UID_BYTES])
{
    static const uint8_t ntag_tail[][ULTRALIGHT_PAGE_BYTES] = {
        {0x00, 0x00, 0x00, 0xBD}, {0x04, 0x00, 0x00, 0xFF}, {0x00, 0x05, 0x00, 0x00},
        {0xFF, 0xFF, 0xFF, 0xFF}, {0x00, 0x00, 0x00, 0x00},
    };
    memset(card, 0, sizeof *card);
    card->kind = kind;
    memcpy(card->pages[0], uid, 3);
    card->pages[0][3] = (uint8_t)(0x88 ^ uid[0] ^ uid[1] ^ uid[2]);
    memcpy(card->pages[1], uid + 3, 4);
    card->pages[2][0] = (uint8_t)(uid[3] ^ uid[4] ^ uid[5] ^ uid[6]);
    card->pages[2][1] = 0x48;
    if (kind == ULTRALIGHT_PLAIN) {
        return;
    }
    const uint8_t container[] = {0xE1, 0x10, about(card)->container, 0x00};
    static const uint8_t empty_message[] = {0x03, 0x00, 0xFE, 0x00};
    memcpy(card->pages[PAGE_OTP], container, sizeof container);
    memcpy(card->pages[4], empty_message, sizeof empty_message);
    memcpy(card->pages[about(card)->dynamic], ntag_tail, sizeof ntag_tail);
}

/* --- power, cuts, selection ----------------------------------------------------------------- */

static void lose_power(struct ultralight *card)
{
    card->state = ULTRALIGHT_OFF;
    card->was_halted = false;
    card->is_authenticated = false;
}

void ultralight_field_on(struct ultralight *card)
{
    if (!card->is_away && card->state == ULTRALIGHT_OFF) {
        card->state = ULTRALIGHT_IDLE;
    }
}

void ultralight_field_off(struct ultralight *card)
{
    lose_power(card);
}

void ultralight_remove(struct ultralight *card)
{
    card->is_away = true;
    lose_power(card);
}

void ultralight_insert(struct ultralight *card)
{
    card->is_away = false;
}

static void take_cut(struct ultralight *card)
{
    card->cut.when = ULTRALIGHT_CUT_NEVER;
    card->cuts_taken += 1;
    ultralight_remove(card);
}

void ultralight_plan_cut(struct ultralight *card, struct ultralight_cut cut)
{
    assert(cut.when != ULTRALIGHT_CUT_WRITE || cut.n > 0);
    card->cut = cut;
    if (cut.when == ULTRALIGHT_CUT_AFTER && cut.n == 0) {
        take_cut(card);
    }
}

static void end_command(struct ultralight *card)
{
    card->commands += 1;
    if (card->cut.when == ULTRALIGHT_CUT_AFTER) {
        card->cut.n -= 1;
        if (card->cut.n == 0) {
            take_cut(card);
        }
    }
}

static void fall_back(struct ultralight *card)
{
    card->state = card->was_halted ? ULTRALIGHT_HALT : ULTRALIGHT_IDLE;
    card->is_authenticated = false;
}

bool ultralight_select(struct ultralight *card, bool wakes, unsigned tries)
{
    assert(tries > 0);
    for (unsigned i = 0; i < tries; i++) {
        switch (card->state) {
        case ULTRALIGHT_OFF:
            return false;
        case ULTRALIGHT_HALT:
            if (!wakes) {
                return false;
            }
            card->was_halted = true;
            card->state = ULTRALIGHT_ACTIVE;
            end_command(card);
            return true;
        case ULTRALIGHT_IDLE:
            card->was_halted = false;
            card->state = ULTRALIGHT_ACTIVE;
            end_command(card);
            return true;
        case ULTRALIGHT_ACTIVE:
            fall_back(card);
            break;
        }
    }
    return false;
}

void ultralight_halt(struct ultralight *card)
{
    if (card->state == ULTRALIGHT_ACTIVE) {
        card->state = ULTRALIGHT_HALT;
        card->is_authenticated = false;
        end_command(card);
    }
}

/* --- memory --------------------------------------------------------------------------------- */

/* The page from which on the password is asked; more than there are: none. */
static bool needs_password(const struct ultralight *card, uint8_t page, bool is_write)
{
    const uint8_t dynamic = about(card)->dynamic;
    if (dynamic == 0 || card->is_authenticated || page < card->pages[dynamic + 1][3]) {
        return false;
    }
    return is_write || (card->pages[dynamic + 2][0] & PROTECTS_READS) != 0;
}

static bool is_locked(const struct ultralight *card, uint8_t page)
{
    const unsigned locks = card->pages[PAGE_LOCK][2] | (unsigned)card->pages[PAGE_LOCK][3] << 8;
    const uint8_t dynamic = about(card)->dynamic;
    if (page >= PAGE_OTP && page < 16) {
        return (locks >> page & 1U) != 0;
    }
    if (dynamic == 0 || page < 16 || page >= dynamic) {
        return false;
    }
    const unsigned more = card->pages[dynamic][0] | (unsigned)card->pages[dynamic][1] << 8;
    return (more >> (page - 16) / about(card)->pages_per_bit & 1U) != 0;
}

/* Lock bits whose own bit is frozen by one of the block-locking bits 0 to 2. */
static unsigned frozen_locks(const struct ultralight *card)
{
    const unsigned block = card->pages[PAGE_LOCK][2] & LOCK_BITS_OF_LOCKS;
    return ((block & 1U) != 0 ? 0x0008U : 0U) | ((block & 2U) != 0 ? 0x03F0U : 0U) |
           ((block & 4U) != 0 ? 0xFC00U : 0U);
}

/* What a page becomes: locks and OTP bits can only be set. */
static void merge_page(const struct ultralight *card, uint8_t page, const uint8_t data[4],
                       uint8_t ret_next[4])
{
    memcpy(ret_next, card->pages[page], 4);
    if (page == PAGE_LOCK) {
        const unsigned wanted = (data[2] | (unsigned)data[3] << 8) & ~frozen_locks(card);
        ret_next[2] = (uint8_t)(ret_next[2] | wanted);
        ret_next[3] = (uint8_t)(ret_next[3] | wanted >> 8);
    } else if (page == PAGE_OTP || (about(card)->dynamic != 0 && page == about(card)->dynamic)) {
        for (size_t i = 0; i < 4; i++) {
            ret_next[i] |= data[i];
        }
    } else {
        memcpy(ret_next, data, 4);
    }
}

static enum ultralight_answer refuse(struct ultralight *card)
{
    fall_back(card);
    return ULTRALIGHT_NAK;
}

static enum ultralight_answer write_page(struct ultralight *card, uint8_t page,
                                         const uint8_t data[4])
{
    uint8_t next[4];
    if (page < PAGE_LOCK || page >= about(card)->pages || is_locked(card, page) ||
        needs_password(card, page, true)) {
        return refuse(card);
    }
    merge_page(card, page, data, next);
    card->writes += 1;
    if (card->cut.when == ULTRALIGHT_CUT_WRITE) {
        card->cut.n -= 1;
        if (card->cut.n == 0) {
            static const size_t written[] = {
                [ULTRALIGHT_TEAR_OLD] = 0, [ULTRALIGHT_TEAR_NEW] = 4, [ULTRALIGHT_TEAR_HALF] = 2};
            memcpy(card->pages[page], next, written[card->cut.tear]);
            take_cut(card);
            return ULTRALIGHT_TIMEOUT;
        }
    }
    memcpy(card->pages[page], next, 4);
    return ULTRALIGHT_OK;
}

/* Password and PACK read as zeros. */
static void sense_page(const struct ultralight *card, uint8_t page, uint8_t *ret_bytes)
{
    const uint8_t dynamic = about(card)->dynamic;
    if (dynamic != 0 && page >= dynamic + 3) {
        memset(ret_bytes, 0, 4);
    } else {
        memcpy(ret_bytes, card->pages[page], 4);
    }
}

static enum ultralight_answer read_pages(struct ultralight *card, uint8_t first, unsigned count,
                                         uint8_t *rx, size_t *ret_rx_bytes)
{
    const uint8_t pages = about(card)->pages;
    if (first >= pages || needs_password(card, first, false)) {
        return refuse(card);
    }
    for (unsigned i = 0; i < count; i++) {
        const uint8_t page = (uint8_t)((first + i) % pages);
        sense_page(card, needs_password(card, page, false) ? 0 : page, rx + (size_t)4 * i);
    }
    *ret_rx_bytes = (size_t)4 * count;
    return ULTRALIGHT_OK;
}

static enum ultralight_answer fast_read(struct ultralight *card, uint8_t first, uint8_t last,
                                        uint8_t *rx, size_t *ret_rx_bytes)
{
    const unsigned count = last < first ? 0 : last - first + 1U;
    if (count == 0 || last >= about(card)->pages || count * 4 > ULTRALIGHT_ANSWER_BYTES_MAX ||
        needs_password(card, last, false)) {
        return refuse(card);
    }
    return read_pages(card, first, count, rx, ret_rx_bytes);
}

static enum ultralight_answer check_password(struct ultralight *card, const uint8_t *password,
                                             uint8_t *rx, size_t *ret_rx_bytes)
{
    const uint8_t dynamic = about(card)->dynamic;
    if (memcmp(password, card->pages[dynamic + 3], 4) != 0) {
        return refuse(card);
    }
    card->is_authenticated = true;
    memcpy(rx, card->pages[dynamic + 4], 2);
    *ret_rx_bytes = 2;
    return ULTRALIGHT_OK;
}

static enum ultralight_answer do_ntag_command(struct ultralight *card, const uint8_t *tx,
                                              size_t tx_bytes, uint8_t *rx, size_t *ret_rx_bytes)
{
    if (tx[0] == 0x60 && tx_bytes == 1) {
        const uint8_t version[] = {0x00, 0x04, 0x04, 0x02, 0x01, 0x00, about(card)->size, 0x03};
        memcpy(rx, version, sizeof version);
        *ret_rx_bytes = sizeof version;
        return ULTRALIGHT_OK;
    }
    if (tx[0] == 0x3A && tx_bytes == 3) {
        return fast_read(card, tx[1], tx[2], rx, ret_rx_bytes);
    }
    if (tx[0] == 0x1B && tx_bytes == 5) {
        return check_password(card, tx + 1, rx, ret_rx_bytes);
    }
    return refuse(card);
}

static enum ultralight_answer do_command(struct ultralight *card, const uint8_t *tx,
                                         size_t tx_bytes, uint8_t *rx, size_t *ret_rx_bytes)
{
    if (tx_bytes == 2 && tx[0] == 0x30) {
        return read_pages(card, tx[1], 4, rx, ret_rx_bytes);
    }
    if ((tx_bytes == 6 && tx[0] == 0xA2) || (tx_bytes == 18 && tx[0] == 0xA0)) {
        return write_page(card, tx[1], tx + 2);
    }
    if (tx_bytes == 0 || card->kind == ULTRALIGHT_PLAIN) {
        return refuse(card);
    }
    return do_ntag_command(card, tx, tx_bytes, rx, ret_rx_bytes);
}

enum ultralight_answer ultralight_exchange(struct ultralight *card, const uint8_t *tx,
                                           size_t tx_bytes, uint8_t *rx, size_t rx_max,
                                           size_t *ret_rx_bytes)
{
    assert(rx_max >= ULTRALIGHT_ANSWER_BYTES_MAX);
    *ret_rx_bytes = 0;
    if (card->state != ULTRALIGHT_ACTIVE) {
        return ULTRALIGHT_TIMEOUT;
    }
    const enum ultralight_answer answer = do_command(card, tx, tx_bytes, rx, ret_rx_bytes);
    if (answer == ULTRALIGHT_TIMEOUT) {
        card->commands += 1;
    } else {
        end_command(card);
    }
    return answer;
}
