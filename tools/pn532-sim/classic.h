/* classic.h - a model of one MIFARE Classic 1K or 4K card: bytes in, bytes out, and cuts.
 *
 * Pure: no I/O, no clock, no allocation, no pointers inside the struct, so a test may keep a card
 * in shared memory. One thread at a time. Crypto1 itself is not modelled: commands arrive as a
 * PN532 takes them (UM0701-02, 7.3.8: key and UID in clear), and the card checks key and UID.
 *
 * How a reader uses it:
 *     classic_init, classic_field_on, classic_select, classic_exchange ..., classic_halt,
 * and after the card left: classic_insert, classic_field_on, classic_select ...
 *
 * Sources: NXP MF1S503x Rev 3.1 (commands 9 to 11, access 8.7), ISO 14443-3 6.3 (states).
 * Where these are silent the model decides as follows, and the README lists it too:
 * - A failed authentication puts the card into HALT, as libnfc expects of a PN532; any other
 *   NAK sends it back to where it was selected from, IDLE or HALT (ISO 14443-3).
 * - A sector with malformed access bits refuses authentication.
 * - A trailer write changes the parts the key may write; it is a NAK only if there is none.
 * - Increment and decrement wrap modulo 2^32.
 * - The transfer buffer lives until power is lost, also across sectors. */
#ifndef TOOLS_PN532_SIM_CLASSIC_H
#define TOOLS_PN532_SIM_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/classic_bits.h"

enum {
    CLASSIC_BLOCK_BYTES = 16,
    CLASSIC_BLOCKS_MAX = 256, /* a 4K card; a 1K card has 64 */
    CLASSIC_UID_BYTES_MAX = 7,
};

enum classic_kind {
    CLASSIC_1K,
    CLASSIC_4K,
};

enum classic_state {
    CLASSIC_OFF, /* no power: no field, or away from it */
    CLASSIC_IDLE,
    CLASSIC_ACTIVE,
    CLASSIC_AUTHENTICATED,
    CLASSIC_HALT, /* answers WUPA only */
};

/* What the reader saw. */
enum classic_answer {
    CLASSIC_OK,        /* Data in rx, or ACK when there is none. */
    CLASSIC_NAK,       /* The card refused and left the active state: select again. */
    CLASSIC_TIMEOUT,   /* Silence: off, away, not selected, or gone during this command. */
    CLASSIC_AUTH_FAIL, /* Wrong key or UID: the card is in HALT; select it with CLASSIC_WUPA. */
};

/* How a reader calls: REQA is InListPassiveTarget without a UID, WUPA the same with a UID
 * (UM0701-02, 7.3.5). */
enum classic_call {
    CLASSIC_REQA,
    CLASSIC_WUPA,
};

/* What the EEPROM block holds when power is lost in the write. A Classic write is not atomic, and
 * interrupted cells can be weak: they read differently later (Teuwen, Herrmann: "EEPROM: It Will
 * All End in Tears", 2021). */
enum classic_tear {
    CLASSIC_TEAR_OLD,          /* nothing happened */
    CLASSIC_TEAR_NEW,          /* all happened, only the answer is lost */
    CLASSIC_TEAR_HEAD,         /* the first head_bytes are new, the rest is old */
    CLASSIC_TEAR_HEAD_ERASED,  /* the first head_bytes are new, the rest is 00 */
    CLASSIC_TEAR_ZEROS,        /* all 00 */
    CLASSIC_TEAR_ONES,         /* all FF */
    CLASSIC_TEAR_AND,          /* each bit old & new */
    CLASSIC_TEAR_OR,           /* each bit old | new */
    CLASSIC_TEAR_UNSTABLE_NEW, /* reads give new, old, new, old ... */
    CLASSIC_TEAR_UNSTABLE_OLD, /* reads give old, new, old, new ... */
    CLASSIC_TEARS,             /* how many there are: `for (t = 0; t < CLASSIC_TEARS; t++)` */
};

enum classic_cut_when {
    CLASSIC_CUT_NEVER,
    CLASSIC_CUT_AFTER, /* The n-th command from now is done and answered; then the card leaves. */
    CLASSIC_CUT_WRITE, /* The card leaves in the n-th EEPROM write; the reader hears nothing. */
};

/* The fault plan. Set it with classic_plan_cut. A command is each select the card answers, each
 * exchange an active card receives and each halt. An EEPROM write is a write that was allowed, or
 * a transfer. */
struct classic_cut {
    enum classic_cut_when when;
    uint32_t n;             /* AFTER: 0.. (0: the card leaves before the next); WRITE: 1.. */
    enum classic_tear tear; /* WRITE only */
    uint8_t head_bytes;     /* 0..16, for the HEAD tears only */
};

struct classic {
    enum classic_kind kind;
    uint8_t uid_bytes; /* 4 or 7 */
    uint8_t uid[CLASSIC_UID_BYTES_MAX];

    /* EEPROM. `weak` marks the bits that flip on every second read of their block. */
    uint8_t memory[CLASSIC_BLOCKS_MAX][CLASSIC_BLOCK_BYTES];
    uint8_t weak[CLASSIC_BLOCKS_MAX][CLASSIC_BLOCK_BYTES];
    uint32_t block_reads[CLASSIC_BLOCKS_MAX];  /* since it was written; the parity drives `weak` */
    uint32_t block_writes[CLASSIC_BLOCKS_MAX]; /* for endurance: 100 000 by the data sheet */

    /* Volatile. */
    bool is_away; /* taken from the reader, by hand or by a cut */
    enum classic_state state;
    bool was_halted; /* where an error sends the card: HALT, or IDLE */
    uint8_t sector;  /* valid when AUTHENTICATED, as is `key` */
    enum classic_key key;
    bool buffer_is_valid; /* the transfer buffer of increment, decrement, restore */
    int32_t buffer_value;
    uint8_t buffer_address;

    /* Since classic_init, or since the owner set them to 0. */
    uint32_t commands;
    uint32_t writes;

    struct classic_cut cut; /* what is still planned; n counts down */
    uint32_t cuts_taken;    /* how often a plan took the card away */
};

/* Makes a card as it leaves the factory: all keys FF*6, access FF 07 80, GPB 69, data 00, the UID
 * and manufacturer bytes in block 0; no power, not away, no cut planned. `uid_bytes` is 4 or 7. */
void classic_init(struct classic *card, enum classic_kind kind, const uint8_t *uid,
                  uint8_t uid_bytes);

/* Number of blocks: 64 or 256. Number of sectors: 16 or 40. */
uint16_t classic_blocks(enum classic_kind kind);
uint8_t classic_sectors(enum classic_kind kind);

/* Where a block is: its sector, and that sector's first block and trailer. */
uint8_t classic_sector_of(uint8_t block);
uint8_t classic_first_block(uint8_t sector);
uint8_t classic_trailer(uint8_t sector);

/* The identification bytes as the reader gets them: ATQA (most significant first) and SAK. */
void classic_identify(const struct classic *card, uint8_t ret_atqa[2], uint8_t *ret_sak);

/* Power comes or goes with the reader's field. Losing it forgets the state, the authentication
 * and the transfer buffer. A card that is away gets no power until classic_insert. */
void classic_field_on(struct classic *card);
void classic_field_off(struct classic *card);

/* A person takes the card from the reader, or lays it there again. Laying it there leaves it
 * without power: call classic_field_on when the reader's field is on. Neither drops a plan. */
void classic_remove(struct classic *card);
void classic_insert(struct classic *card);

/* Plans a cut from now on, in place of any earlier plan; when = CLASSIC_CUT_NEVER drops it. */
void classic_plan_cut(struct classic *card, struct classic_cut cut);

/* Calls and selects the card, up to `tries` times (>= 1; libnfc tells the PN532 3). True when the
 * card is now ACTIVE. A selected card drops back to IDLE or HALT on the first call without an
 * answer (ISO 14443-3), so selecting it again takes two tries. */
bool classic_select(struct classic *card, enum classic_call call, unsigned tries);

/* Sends HLTA. */
void classic_halt(struct classic *card);

/* Sends one command: tx as a PN532 takes it in InDataExchange,
 *     60/61 blk key[6] uid[4]    authenticate with key A/B; uid is the UID's last four bytes
 *     30 blk                     read             -> 16 bytes
 *     A0 blk data[16]            write
 *     C1/C0/C2 blk operand[4]    increment, decrement, restore into the transfer buffer
 *     B0 blk                     transfer the buffer into a block
 * `rx_max` is at least 16. *ret_rx_bytes is always set, to 0 unless there is data. */
enum classic_answer classic_exchange(struct classic *card, const uint8_t *tx, size_t tx_bytes,
                                     uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes);

#endif
