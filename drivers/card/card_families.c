#include "drivers/card/card_families.h"

#include <string.h>

/* NXP AN10833, table 5: all Ultralights and NTAGs, which NFC Forum calls tags of type 2. */
enum { SAK_TYPE_2 = 0x00 };

static enum st families_read(void *ctx, const uint8_t *uid, size_t uid_bytes, struct card_view *ret)
{
    struct card_families *families = ctx;
    struct reader_target target;

    /* Only a card of ISO 14443-4 has to be asleep before it hears a call. */
    const enum st st = desfire_io_seek(&families->desfire.io, uid, uid_bytes, &target);
    if (st != ST_OK) {
        return st;
    }
    if (desfire_card_is_for(&target)) {
        families->active = &families->desfire_port;
        return desfire_card_take(&families->desfire, &target, ret);
    }
    families->active = &families->classic_port;
    const enum st taken = classic_card_take(&families->classic, &target, ret);
    if (taken == ST_OK && target.sak == SAK_TYPE_2) {
        ret->condition = CARD_MEDIUM;
        ret->why = (struct fault){{0}};
    }
    return taken;
}

static enum st families_history(void *ctx, struct snapshot *ret, size_t max, size_t *ret_count)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    return port->ops->history(port->ctx, ret, max, ret_count);
}

static enum st families_identity(void *ctx, struct card_identity *ret)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    return port->ops->identity(port->ctx, ret);
}

static enum st families_facts(void *ctx, const struct facts_rules *rules, struct facts *ret)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    return port->ops->facts(port->ctx, rules, ret);
}

static void families_remember(void *ctx, const struct facts *facts)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->remember(port->ctx, facts);
}

static void families_prepare(void *ctx, const struct snapshot *next)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->prepare(port->ctx, next);
}

static enum st families_commit(void *ctx, const struct snapshot *next)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    return port->ops->commit(port->ctx, next);
}

static void families_amend(void *ctx, const struct action_particulars *particulars)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->amend(port->ctx, particulars);
}

static void families_refresh(void *ctx)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->refresh(port->ctx);
}

static void families_keep_facts(void *ctx, const struct facts_rules *rules)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->keep_facts(port->ctx, rules);
}

static enum st families_issue(void *ctx, const struct card_identity *identity,
                              const struct snapshot *first)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    return port->ops->issue(port->ctx, identity, first);
}

static void families_release(void *ctx)
{
    const struct card_port *port = ((struct card_families *)ctx)->active;
    port->ops->release(port->ctx);
}

struct card_port card_families_open(struct card_families *ret, struct reader reader,
                                    struct keystore *keystore)
{
    static const struct card_ops ops = {
        .read = families_read,
        .history = families_history,
        .identity = families_identity,
        .facts = families_facts,
        .remember = families_remember,
        .prepare = families_prepare,
        .commit = families_commit,
        .amend = families_amend,
        .refresh = families_refresh,
        .keep_facts = families_keep_facts,
        .issue = families_issue,
        .release = families_release,
    };
    memset(ret, 0, sizeof *ret);
    ret->classic_port = classic_card_open(&ret->classic, reader, keystore);
    ret->desfire_port = desfire_card_open(&ret->desfire, reader, keystore);
    ret->active = &ret->classic_port;
    return (struct card_port){.ops = &ops, .ctx = ret};
}
