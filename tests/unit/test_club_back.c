/* A terminal that is found again (server/dead.c): its certificate is good again, unless it was
 * revoked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/certs.h"
#include "server/ledger.h"
#include "server/rebuild.h"
#include "server/registry.h"
#include "server/schema.h"

enum { NOW = 1790001000, TERMINAL = 1 };

struct world {
    struct db *db;
    struct ledger *ledger;
    struct ca_signed cert;
    struct fault fault;
};

static void world_open(struct world *world)
{
    uint32_t number = 0;
    *world = (struct world){.cert = {.pem = "pem", .fingerprint = {1}, .ends_at = NOW + 1000}};
    assert_int_equal(db_open(":memory:", true, &world->db, &world->fault), ST_OK);
    assert_int_equal(schema_make(world->db, &world->fault), ST_OK);
    assert_int_equal(ledger_open(world->db, &world->ledger), ST_OK);
    assert_int_equal(registry_add_terminal(world->db, "Refah", "Tajrish", &number), ST_OK);
    assert_int_equal(number, TERMINAL);
    assert_int_equal(certs_add(world->db, TERMINAL, &world->cert, NOW - 1, NOW - 1), ST_OK);
}

static void world_close(struct world *world)
{
    ledger_close(world->ledger);
    db_close(world->db);
}

static void revoke(struct world *world, int64_t at)
{
    assert_int_equal(registry_revoke(world->db, TERMINAL, at, &world->fault), ST_OK);
}

static void declare_dead(struct world *world, int64_t at)
{
    uint32_t posted = 0;
    assert_int_equal(rebuild_dead(world->ledger, TERMINAL, at, &posted, &world->fault), ST_OK);
}

static enum st found(struct world *world)
{
    world->fault.say[0] = '\0';
    return rebuild_back(world->ledger, TERMINAL, NOW + 100, &world->fault);
}

static void assert_standing(struct world *world, enum certs_standing expected)
{
    enum certs_standing standing = CERTS_UNKNOWN;
    assert_int_equal(
        certs_shown(world->db, TERMINAL, world->cert.fingerprint, NOW + 200, &standing), ST_OK);
    assert_int_equal(standing, expected);
}

static void found_again_it_may_sync(void **state)
{
    struct world world;
    (void)state;
    world_open(&world);
    assert_int_equal(found(&world), ST_REFUSED); /* it was not dead */
    declare_dead(&world, NOW);
    assert_standing(&world, CERTS_REVOKED);
    assert_int_equal(found(&world), ST_OK);
    assert_standing(&world, CERTS_GOOD);
    world_close(&world);
}

/* Before its death, since, and within one second, as a script says both. */
static void revoked_it_stays_refused(void **state)
{
    static const int gaps_s[] = {0, 1, 50};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof gaps_s / sizeof gaps_s[0]; i++) {
        struct world world;
        const int64_t then = NOW + gaps_s[i / 2];
        world_open(&world);
        if (i % 2 == 0) {
            revoke(&world, NOW);
            declare_dead(&world, then);
        } else {
            declare_dead(&world, NOW);
            revoke(&world, then);
            revoke(&world, then + 1);
        }
        assert_int_equal(found(&world), ST_REFUSED);
        assert_non_null(strstr(world.fault.say, "was revoked, too"));
        assert_int_equal(found(&world), ST_REFUSED); /* nothing of it was done the first time */
        assert_non_null(strstr(world.fault.say, "was revoked, too"));
        assert_standing(&world, CERTS_REVOKED);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_again_it_may_sync),
        cmocka_unit_test(revoked_it_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
