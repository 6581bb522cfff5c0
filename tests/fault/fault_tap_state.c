/* A world between two lives of its terminal, as bytes; and which bytes of a card can be told apart.
 */
#include <string.h>

#include "tests/fault/fault_tap_priv.h"
#include "tests/support/crash_vfs.h"

/* --- states ----------------------------------------------------------------------------------- */

/* A Classic's EEPROM: content, weak bits, and for blocks that have any whether the next read flips
 * them. A DESFire's model keeps what outlives power in one struct. All else that a model has is
 * lost with power, which comes before each life (soft_reader_tap), or counts for tests only. */
size_t chip_bytes(const struct chip *chip, uint8_t ret[CARD_BYTES_MAX])
{
    static const uint8_t firm[CLASSIC_BLOCK_BYTES];
    if (chip->family == CARD_DESFIRE) {
        _Static_assert(sizeof chip->desfire.memory <= CARD_BYTES_MAX, "it fits");
        memcpy(ret, &chip->desfire.memory, sizeof chip->desfire.memory);
        return sizeof chip->desfire.memory;
    }
    const struct classic *card = &chip->classic;
    const size_t blocks = classic_blocks(card->kind), bytes = blocks * CLASSIC_BLOCK_BYTES;
    memcpy(ret, card->memory, bytes);
    memcpy(ret + bytes, card->weak, bytes);
    for (size_t block = 0; block < blocks; block++) {
        bool is_weak = memcmp(card->weak[block], firm, sizeof firm) != 0;
        ret[2 * bytes + block] = is_weak ? card->block_reads[block] & 1 : 0;
    }
    return 2 * bytes + blocks;
}

uint64_t world_mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    hash = hash == 0 ? UINT64_C(0xcbf29ce484222325) : hash;
    for (size_t n = 0; n < size; n++) {
        hash = (hash ^ at[n]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t world_fingerprint(const struct world *world, const struct story *story, unsigned by)
{
    static uint8_t card[CARD_BYTES_MAX];
    const unsigned told[] = {by, world->disk_turn, story->operation, story->was_answered,
                             story->was_answered ? (unsigned)story->first.outcome : 0};
    const uint64_t disk = crash_vfs_fingerprint();
    MUST(world->path == NULL && world->store == NULL);
    uint64_t hash = world_mix(0, told, sizeof told);
    hash = world_mix(hash, &disk, sizeof disk);
    return world_mix(hash, card, chip_bytes(world->chip, card));
}

static void chip_from(struct chip *chip, const uint8_t *bytes)
{
    *chip = prepared.blank; /* which never had power */
    if (chip->family == CARD_DESFIRE) {
        memcpy(&chip->desfire.memory, bytes, sizeof chip->desfire.memory);
        return;
    }
    struct classic *card = &chip->classic;
    const size_t blocks = classic_blocks(card->kind), all = blocks * CLASSIC_BLOCK_BYTES;
    memcpy(card->memory, bytes, all);
    memcpy(card->weak, bytes + all, all);
    for (size_t block = 0; block < blocks; block++) {
        card->block_reads[block] = bytes[2 * all + block];
    }
    memcpy(card->uid, card->memory[0], card->uid_bytes);
}

static struct disk {
    uint64_t fingerprint; /* to find it quickly */
    size_t database_bytes, log_bytes;
    uint8_t *at; /* database, then its log */
} * disks;
static size_t disk_count, disk_room;

void world_forget_disks(void)
{
    for (size_t n = 0; n < disk_count; n++) {
        free(disks[n].at);
    }
    disk_count = 0;
}

static bool is_same_disk(const struct disk *a, const struct disk *b)
{
    return a->fingerprint == b->fingerprint && a->database_bytes == b->database_bytes &&
           a->log_bytes == b->log_bytes &&
           memcmp(a->at, b->at, a->database_bytes + a->log_bytes) == 0;
}

/* The number of the disk as it is now. */
static uint32_t disk_now(void)
{
    struct disk now = {.fingerprint = crash_vfs_fingerprint()};
    const uint8_t *database = crash_vfs_file(world_db_name, &now.database_bytes);
    const uint8_t *log = crash_vfs_file(world_log_name, &now.log_bytes);
    MUST(database != NULL);
    now.log_bytes = log == NULL ? 0 : now.log_bytes;
    now.at = malloc(now.database_bytes + now.log_bytes);
    MUST(now.at != NULL);
    memcpy(now.at, database, now.database_bytes);
    if (now.log_bytes > 0) {
        memcpy(now.at + now.database_bytes, log, now.log_bytes);
    }
    for (size_t n = 0; n < disk_count; n++) {
        if (is_same_disk(&disks[n], &now)) {
            free(now.at);
            return (uint32_t)n;
        }
    }
    if (disk_count == disk_room) {
        disk_room = disk_room == 0 ? 64 : 2 * disk_room;
        disks = realloc(disks, disk_room * sizeof *disks);
        MUST(disks != NULL);
    }
    disks[disk_count] = now;
    disk_count++;
    return (uint32_t)(disk_count - 1);
}

static struct state state_of(const struct chip *chip, uint32_t disk_number)
{
    uint8_t card[CARD_BYTES_MAX];
    struct state state = {.card_bytes = chip_bytes(chip, card), .disk = disk_number};
    state.card = malloc(state.card_bytes);
    MUST(state.card != NULL);
    memcpy(state.card, card, state.card_bytes);
    return state;
}

struct state world_save(const struct world *world)
{
    MUST(world->path == NULL && world->store == NULL);
    return state_of(world->chip, disk_now());
}

void world_load(struct world *world, const struct state *state)
{
    const struct disk *from = &disks[state->disk];
    world_new_chip(world);
    world->path = NULL;
    chip_from(world->chip, state->card);
    crash_vfs_reset();
    crash_vfs_put(world_db_name, from->at, from->database_bytes);
    if (from->log_bytes > 0) {
        crash_vfs_put(world_log_name, from->at + from->database_bytes, from->log_bytes);
    }
}

void state_free(struct state *state)
{
    free(state->card);
    *state = (struct state){0};
}

/* --- what can be told apart ------------------------------------------------------------------- */

/* The keys that a Classic's sector is ever tried with. */
enum { KEY_BYTES = 6, TRIED_MAX = 2 + 2 * KEYSTORE_VERSIONS };
struct tried {
    uint8_t keys[TRIED_MAX][KEY_BYTES];
    size_t count;
};

static const struct tried *tried_in(const struct classic *card, uint8_t sector)
{
    static const uint8_t everywhere[][KEY_BYTES] = {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
                                                    {0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5}};
    static struct {
        uint8_t uid[CLASSIC_UID_BYTES_MAX];
        struct tried sectors[16];
    } known;
    struct tried *tried = &known.sectors[sector];
    MUST(sector < 16);
    if (memcmp(known.uid, card->uid, sizeof known.uid) != 0) {
        memset(&known, 0, sizeof known);
        memcpy(known.uid, card->uid, sizeof known.uid);
    }
    if (tried->count > 0) {
        return tried;
    }
    memcpy(tried->keys, everywhere, sizeof everywhere);
    tried->count = 2;
    for (unsigned n = 0; n < 2 * KEYSTORE_VERSIONS; n++) {
        const enum st st =
            keystore_sector_key(prepared.keys, (uint8_t)(n / 2), card->uid, card->uid_bytes, sector,
                                n % 2 == 0 ? KEY_A : KEY_B, tried->keys[tried->count]);
        tried->count += st == ST_OK;
    }
    return tried;
}

static bool is_tried(const struct tried *tried, const uint8_t key[KEY_BYTES])
{
    for (size_t n = 0; n < tried->count; n++) {
        if (memcmp(tried->keys[n], key, KEY_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

void world_watch_keys(const struct classic *card, const uint8_t *tx, size_t tx_bytes)
{
    enum { AUTH_A = 0x60, AUTH_B = 0x61 };
    if (card != NULL && tx_bytes == 2 + KEY_BYTES + 4 && (tx[0] == AUTH_A || tx[0] == AUTH_B)) {
        MUST(is_tried(tried_in(card, classic_sector_of(tx[1])), tx + 2));
    }
}

/* What is no key, and cannot be seen, is made 0, and so are its weak bits. */
static void blank_out(struct classic *card, uint8_t block, size_t from, size_t bytes)
{
    memset(card->memory[block] + from, 0, bytes);
    memset(card->weak[block] + from, 0, bytes);
}

/* See world_seen(). Only in the transport configuration may key A write access bits, and there key
 * B can be read: so what is left out here stays invisible until the trailer is written anew. */
static void leave_unseen_out(struct chip *chip, uint8_t sector)
{
    enum { ACCESS = 6, KEY_B_AT = 10 };
    struct classic *card = &chip->classic;
    const uint8_t block = classic_trailer(sector);
    const uint8_t *trailer = card->memory[block];
    const struct tried *tried = tried_in(card, sector);
    struct classic_access access;
    const bool is_sound = classic_access_decode(trailer + ACCESS, &access);
    const bool has_a = is_tried(tried, trailer), has_b = is_tried(tried, trailer + KEY_B_AT);
    if (!is_sound || (!has_a && !has_b)) {
        for (uint8_t n = classic_first_block(sector); n <= block; n++) {
            blank_out(card, n, 0, CLASSIC_BLOCK_BYTES);
        }
        return;
    }
    if (!has_a) {
        blank_out(card, block, 0, KEY_BYTES);
    }
    if (!has_b &&
        !classic_may_use_trailer(access.group[3], CLASSIC_KEY_A, CLASSIC_TRAILER_READ_KEY_B)) {
        blank_out(card, block, KEY_B_AT, KEY_BYTES);
    }
}

size_t world_seen(const struct state *state, uint8_t ret[CARD_BYTES_MAX])
{
    static struct chip chip;
    chip_from(&chip, state->card);
    if (prepared.family != CARD_CLASSIC) {
        memcpy(ret, state->card, state->card_bytes);
        return state->card_bytes;
    }
    const bool is_torn = has_torn_trailer(&chip.classic);
    for (uint8_t sector = 0; sector < classic_sectors(chip.classic.kind); sector++) {
        leave_unseen_out(&chip, sector);
    }
    const size_t bytes = chip_bytes(&chip, ret);
    MUST(bytes < CARD_BYTES_MAX);
    ret[bytes] = is_torn;
    return bytes + 1;
}

struct state world_torn(const struct witness *witness, const struct state *state, struct cut cut)
{
    static struct chip chip;
    uint8_t rx[READER_FRAME_MAX];
    size_t rx_bytes = 0;
    MUST(witness->has_struck);
    chip = witness->before;
    cut.when = CUT_WRITE;
    cut.n = 1;
    chip_plan_cut(&chip, cut);
    if (chip.family == CARD_DESFIRE) {
        (void)desfire_exchange(&chip.desfire, witness->tx, witness->tx_bytes, rx, sizeof rx,
                               &rx_bytes);
        MUST(chip.desfire.is_away);
    } else {
        (void)classic_exchange(&chip.classic, witness->tx, witness->tx_bytes, rx, sizeof rx,
                               &rx_bytes);
        MUST(chip.classic.is_away);
    }
    return state_of(&chip, state->disk);
}
