/* desfire-ours - issues and reads member cards with our driver over our reader process, with the
 * test masters of tests/support/card_world.c: the other side of desfire-oracle.
 *
 *     desfire-ours VAFA-READER CONNECTION issue COUNTER   a member card with that many transactions
 *     desfire-ours VAFA-READER CONNECTION read            what is on it, as words and numbers
 *     desfire-ours VAFA-READER CONNECTION sell            one more transaction */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/reader/reader.h"
#include "tests/support/card_world.h"

static struct card_world world;

static enum st read_card(struct card_view *ret)
{
    enum st st = ST_IO;
    for (unsigned tries = 0; tries < 20 && (st == ST_IO || st == ST_AGAIN); tries += 1) {
        st = world.port.ops->read(world.port.ctx, NULL, 0, ret);
    }
    if (st == ST_OK && ret->condition != CARD_MEMBER) {
        printf("condition %d %s\n", (int)ret->condition, ret->why.say);
    }
    return st;
}

static enum st sell(const struct card_view *view)
{
    const struct snapshot next = card_world_snapshot_of(&world, view->snapshot.counter + 1);
    const enum st st = world.port.ops->commit(world.port.ctx, &next);
    if (st == ST_OK) {
        world.port.ops->refresh(world.port.ctx);
    }
    return st;
}

static enum st issue(uint32_t counter)
{
    struct card_view view;
    const struct snapshot first = card_world_snapshot_of(&world, 1);

    enum st st = read_card(&view);
    if (st == ST_OK) {
        st = world.port.ops->issue(world.port.ctx, &card_world_identity, &first);
    }
    view.snapshot = first;
    while (st == ST_OK && view.snapshot.counter < counter) {
        st = sell(&view);
        view.snapshot.counter += 1;
    }
    return st;
}

static enum st print(void)
{
    struct snapshot history[CARD_HISTORY_MAX];
    struct card_identity identity;
    struct card_view view;
    size_t count = 0;

    enum st st = read_card(&view);
    if (st != ST_OK || view.condition != CARD_MEMBER) {
        return st == ST_OK ? ST_FOREIGN : st;
    }
    st = world.port.ops->history(world.port.ctx, history, CARD_HISTORY_MAX, &count);
    if (st == ST_OK) {
        st = world.port.ops->identity(world.port.ctx, &identity);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct snapshot *it = &view.snapshot;
    printf("number %" PRIu64 "\nname %s\nmember %" PRIu64 "\ncounter %" PRIu32 "\ncredit %" PRId64
           "\ngift %" PRId64 "\nvoucher %" PRId64 "\npoints %" PRId64 "\namount %" PRId64
           "\nterminal %" PRIu32 "\nsequence %" PRIu32 "\nhistory %zu\n",
           view.number, identity.name, identity.member, it->counter, it->purse[PURSE_CREDIT].rials,
           it->purse[PURSE_GIFT].rials, it->purse[PURSE_VOUCHER].rials, (int64_t)it->points.n,
           it->last.amount.rials, it->last.terminal, it->last.sequence, count);
    return ST_OK;
}

int main(int argc, char **argv)
{
    struct reader_driver *driver = NULL;
    struct card_view view;
    struct fault fault;

    if (argc < 4) {
        fprintf(stderr, "usage: desfire-ours VAFA-READER CONNECTION issue N | read | sell\n");
        return 2;
    }
    const struct reader_config config = {
        .program = argv[1], .connection = argv[2], .keep_stderr = true};
    if (reader_open(&config, &driver, &fault) != ST_OK) {
        fprintf(stderr, "%s\n", fault.say);
        return 2;
    }
    card_world_init_desfire(&world);
    world.port = card_families_open(&world.families, reader_seam(driver), world.keystore);
    enum st st = ST_UNSUPPORTED;
    if (strcmp(argv[3], "issue") == 0 && argc == 5) {
        st = issue((uint32_t)strtoul(argv[4], NULL, 10));
    } else if (strcmp(argv[3], "read") == 0) {
        st = print();
    } else if (strcmp(argv[3], "sell") == 0) {
        st = read_card(&view);
        st = st == ST_OK ? sell(&view) : st;
    }
    printf("%s\n", st_word(st));
    world.port.ops->release(world.port.ctx);
    reader_close(driver);
    card_world_finish(&world);
    return st == ST_OK ? 0 : 1;
}
