#include "tools/pn532-sim/timing_cards.h"

enum {
    FRAME_BYTES = 3, /* PCB and CRC of a block of ISO 14443-4 */
    /* 7-byte UID: the frames take 4.77 ms in the air, and twelve gaps of about 81 us lie between
     * (MF1S503x 9.2: the card answers after 71 to 91 us, the reader goes on after 87). */
    ACTIVATE_US = 5750,
    LEVEL_US = 1820, /* one cascade level of that, gaps included */
    PAGE_US = 4000,
};

static uint32_t frames_us(size_t tx_bytes, size_t rx_bytes)
{
    return timing_air_us((uint32_t)(tx_bytes * 9 + 3 + (rx_bytes > 0 ? rx_bytes * 9 + 2 : 0)));
}

struct timing_cost timing_activate(uint8_t uid_bytes)
{
    const uint32_t us = uid_bytes == 7 ? ACTIVATE_US : ACTIVATE_US - LEVEL_US;
    return (struct timing_cost){"activate", TIMING_NO_BLOCK, us, us, 0, 0};
}

struct timing_cost timing_block(const char *name)
{
    const uint32_t us = frames_us(FRAME_BYTES, FRAME_BYTES);
    return (struct timing_cost){name, TIMING_NO_BLOCK, us, us, 0, 0};
}

/* What the card thinks, see the header. `ret_programs` for commands that write EEPROM for good. */
static uint32_t thinking_us(uint8_t code, bool authenticates, bool *ret_programs)
{
    *ret_programs = false;
    switch (code) {
    case 0x5A:
        return 800;
    case 0x0A:
    case 0x1A:
    case 0xAA:
        return 2500;
    case 0xAF:
        return authenticates ? 2000 : 1100;
    case 0xBD:
    case 0xBB:
    case 0x6C:
        return 1100;
    case 0x0C:
    case 0xDC:
    case 0x1C:
        return 1500;
    case 0x3D:
    case 0x3B:
    case 0xEB:
        return 3000;
    case 0xC7:
    case 0xC4:
    case 0x54:
    case 0x5C:
    case 0x5F:
    case 0xCA:
    case 0xDA:
    case 0xFC:
    case 0xCD:
    case 0xCB:
    case 0xCC:
    case 0xC0:
    case 0xC1:
    case 0xDF:
        *ret_programs = true;
        return 8000;
    default:
        return 1000;
    }
}

struct timing_cost timing_desfire(const uint8_t *tx, size_t tx_bytes, const uint8_t *rx,
                                  size_t rx_bytes, bool authenticates, uint32_t timeout_us)
{
    struct timing_cost cost = {
        .name = authenticates ? "authenticate end" : desfire_command_name(tx, tx_bytes),
        .block = TIMING_NO_BLOCK,
    };
    bool programs;
    const bool is_wrapped = tx_bytes > 1 && tx[0] == 0x90;
    const uint8_t code = tx_bytes == 0 ? 0 : tx[is_wrapped ? 1 : 0];
    const uint32_t thinking = thinking_us(code, authenticates, &programs);

    if (rx_bytes == 0) {
        cost.air_us = frames_us(tx_bytes + FRAME_BYTES, 0);
        cost.card_us = cost.air_us;
        cost.wait_us = timeout_us;
        return cost;
    }
    const uint8_t status = is_wrapped ? rx[rx_bytes - 1] : rx[0];
    cost.air_us = frames_us(tx_bytes + FRAME_BYTES, rx_bytes + FRAME_BYTES);
    cost.card_us = cost.air_us + thinking;
    cost.eeprom_us = programs && status == 0x00 ? thinking : 0;
    return cost;
}

struct timing_cost timing_ultralight(const uint8_t *tx, size_t tx_bytes,
                                     enum ultralight_answer answer, size_t rx_bytes,
                                     uint32_t timeout_us)
{
    struct timing_cost cost = {.name = "unknown", .block = tx_bytes > 1 ? tx[1] : TIMING_NO_BLOCK};
    const uint8_t code = tx_bytes == 0 ? 0 : tx[0];
    switch (code) {
    case 0x30:
        cost.name = "read";
        break;
    case 0xA0:
    case 0xA2:
        cost.name = "write";
        break;
    case 0x3A:
        cost.name = "fast read";
        break;
    case 0x60:
        cost.name = "get version";
        cost.block = TIMING_NO_BLOCK;
        break;
    case 0x1B:
        cost.name = "password";
        cost.block = TIMING_NO_BLOCK;
        break;
    default:
        break;
    }
    cost.air_us = frames_us(tx_bytes + 2, answer == ULTRALIGHT_TIMEOUT ? 0 : rx_bytes + 2);
    cost.card_us = cost.air_us;
    if (answer == ULTRALIGHT_TIMEOUT) {
        cost.wait_us = timeout_us;
    } else if (answer == ULTRALIGHT_OK && (code == 0xA0 || code == 0xA2)) {
        cost.eeprom_us = PAGE_US;
        cost.card_us += PAGE_US;
    }
    return cost;
}
