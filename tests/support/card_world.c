#include "tests/support/card_world.h"

#include <assert.h>
#include <fcntl.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/keystore_admin.h"

const struct card_identity card_world_identity = {
    .number = UINT64_C(6273531234567890),
    .kind = 3,
    .member = UINT64_C(1099511627000),
    .birthday = 33000,
    .wedding = 41234,
    .issued = 46000,
    .expires = 49650,
    .name = "مریم امیری",
};

struct keystore *card_world_keys(void)
{
    uint8_t file[16 + 2 * 48 + 32] = {'V', 'A', 'F', 'A', 'K', 'E', 'Y', 'S', 1, 2, 0};
    char path[] = "/tmp/vafa-keys-XXXXXX";
    struct keystore *keystore = NULL;
    struct fault fault;

    file[16 + 48] = 3;
    for (unsigned i = 0; i < 32; i += 1) {
        file[16 + 16 + i] = (uint8_t)(0x10 + i);
        file[16 + 48 + 16 + i] = (uint8_t)(0x80 + i);
    }
    mbedtls_sha256_ret(file, sizeof file - 32, file + sizeof file - 32, 0);
    const int fd = mkstemp(path);
    const bool is_written = fd >= 0 && write(fd, file, sizeof file) == (ssize_t)sizeof file;
    assert(is_written);
    close(fd);
    const enum st st = keystore_open(path, &keystore, &fault);
    unlink(path);
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", fault.say);
        abort();
    }
    return keystore;
}

/* A store of its own file, which is gone again when this returns. */
static struct keystore *store_of(const struct keystore_entry *entries, size_t count)
{
    char folder[] = "/tmp/vafa-keys-XXXXXX";
    char path[64], secret[64];
    struct keystore *keystore = NULL;
    struct fault fault;

    const char *made = mkdtemp(folder);
    assert(made != NULL && count > 0);
    (void)snprintf(path, sizeof path, "%s/keys", made);
    (void)snprintf(secret, sizeof secret, "%s/keys.device", made);
    enum st st = keystore_add(path, entries, count, &fault);
    if (st == ST_OK) {
        st = keystore_open(path, &keystore, &fault);
    }
    unlink(path);
    unlink(secret);
    rmdir(made);
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", fault.say);
        abort();
    }
    return keystore;
}

static struct keystore_entry entry_of(unsigned master, unsigned version)
{
    struct keystore_entry entry = {.master = (enum key_master)master, .version = (uint8_t)version};
    /* DESFire masters are 40, 50 and 60 and the version, sixteen times. */
    memset(entry.key, (int)(0x20 + 16 * master + version), sizeof entry.key);
    return entry;
}

struct keystore *card_world_desfire_keys(unsigned roles, unsigned versions)
{
    struct keystore_entry entries[KEY_ROLES * KEYSTORE_VERSIONS];
    size_t count = 0;

    for (unsigned role = 0; role < KEY_ROLES; role += 1) {
        for (unsigned version = 0; version < KEYSTORE_VERSIONS; version += 1) {
            if ((roles >> role & 1) != 0 && (versions >> version & 1) != 0) {
                entries[count] = entry_of(MASTER_ISSUE + role, version);
                count += 1;
            }
        }
    }
    return store_of(entries, count);
}

struct keystore *card_world_all_keys(void)
{
    struct keystore_entry entries[KEY_MASTERS];

    for (unsigned master = 0; master < KEY_MASTERS; master += 1) {
        entries[master] = entry_of(master, 1);
    }
    return store_of(entries, KEY_MASTERS);
}

static const uint8_t uid[7] = {0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6};

void card_world_init_desfire(struct card_world *world)
{
    memset(world, 0, sizeof *world);
    world->is_desfire = true;
    world->keystore = card_world_desfire_keys(CARD_WORLD_ISSUE, 3);
    desfire_init(&world->desfire, uid);
    desfire_set_random(&world->desfire, 20240101, NULL);
    soft_reader_init_desfire(&world->soft, &world->desfire);
}

void card_world_use_keys(struct card_world *world, struct keystore *keystore)
{
    keystore_close(world->keystore);
    world->keystore = keystore;
}

void card_world_init(struct card_world *world, enum classic_kind kind, size_t uid_bytes)
{
    memset(world, 0, sizeof *world);
    world->keystore = card_world_keys();
    classic_init(&world->card, kind, uid, (uint8_t)uid_bytes);
    soft_reader_init(&world->soft, &world->card);
}

void card_world_finish(struct card_world *world)
{
    keystore_close(world->keystore);
}

void card_world_new_driver(struct card_world *world)
{
    const struct reader reader = soft_reader_port(&world->soft);
    if (world->is_desfire) {
        world->port = card_families_open(&world->families, reader, world->keystore);
    } else {
        world->port = classic_card_open(&world->driver, reader, world->keystore);
    }
}

enum st card_world_read(struct card_world *world, struct card_view *ret)
{
    soft_reader_tap(&world->soft);
    card_world_new_driver(world);
    return world->port.ops->read(world->port.ctx, NULL, 0, ret);
}

struct snapshot card_world_snapshot(uint32_t counter)
{
    struct snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.layout = SNAPSHOT_LAYOUT_FIRST;
    snapshot.status = CARD_ACTIVE;
    snapshot.counter = counter;
    snapshot.action = (uint16_t)(counter * 7 % 4096);
    snapshot.tier = (uint8_t)(counter % 16);
    snapshot.group = (uint8_t)(counter * 3);
    snapshot.points.n = 1000 + counter * 11;
    for (unsigned i = 0; i < PURSES; i += 1) {
        snapshot.purse[i].rials =
            (int64_t)counter * 1000003 * (i + 1) % snapshot_purse_max((enum purse)i);
    }
    snapshot.stamps = (uint8_t)(counter % 13);
    snapshot.last.offer = (uint8_t)(counter % 27);
    snapshot.last.flags = (uint8_t)(counter % 4);
    snapshot.last.kind = counter == 1 ? TRANSACTION_ACTIVATE : TRANSACTION_SALE;
    snapshot.last.amount.rials = (int64_t)counter * 123457;
    snapshot.last.redeemed.n = counter % 50;
    snapshot.last.minute = 1000000 + counter * 17;
    snapshot.last.terminal = 1 + counter % 5;
    snapshot.last.sequence = 100 + counter * 2;
    return snapshot;
}

struct snapshot card_world_snapshot_of(const struct card_world *world, uint32_t counter)
{
    struct snapshot snapshot = card_world_snapshot(counter);
    if (world->turned_at != 0 && counter >= world->turned_at) {
        snapshot.layout = 2;
    }
    if (world->is_desfire) {
        snapshot.purse[PURSE_CREDIT].rials =
            5000000 + 1000000 * (int64_t)(counter / 5) - 100003 * (int64_t)(counter % 5);
    }
    return snapshot;
}

bool card_world_same(const struct snapshot *a, const struct snapshot *b)
{
    uint8_t image_a[SNAPSHOT_IMAGE_BYTES], image_b[SNAPSHOT_IMAGE_BYTES];
    if (!snapshot_is_valid(a) || !snapshot_is_valid(b)) {
        return false;
    }
    snapshot_encode(a, image_a);
    snapshot_encode(b, image_b);
    return memcmp(image_a, image_b, sizeof image_a) == 0;
}

bool card_world_same_identity(const struct card_identity *a, const struct card_identity *b)
{
    return a->number == b->number && a->kind == b->kind && a->member == b->member &&
           a->birthday == b->birthday && a->wedding == b->wedding && a->issued == b->issued &&
           a->expires == b->expires && strcmp(a->name, b->name) == 0;
}

static void must(enum st st, const char *what)
{
    if (st != ST_OK) {
        fprintf(stderr, "card_world: %s: %s\n", what, st_word(st));
        abort();
    }
}

void card_world_sell(struct card_world *world)
{
    struct card_view view;

    must(card_world_read(world, &view), "read");
    if (view.condition != CARD_MEMBER) {
        fprintf(stderr, "card_world: condition %d: %s\n", (int)view.condition, view.why.say);
        abort();
    }
    const struct snapshot next = card_world_snapshot_of(world, view.snapshot.counter + 1);
    must(world->port.ops->commit(world->port.ctx, &next), "commit");
    world->port.ops->refresh(world->port.ctx);
}

void card_world_issue(struct card_world *world, uint32_t counter)
{
    struct card_view view;
    const struct snapshot first = card_world_snapshot_of(world, 1);

    must(card_world_read(world, &view), "read a blank card");
    must(world->port.ops->issue(world->port.ctx, &card_world_identity, &first), "issue");
    world->port.ops->refresh(world->port.ctx);
    while (--counter > 0) {
        card_world_sell(world);
    }
}
