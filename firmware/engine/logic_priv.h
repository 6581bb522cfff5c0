/* logic_priv.h - what logic.c and logic_load.c share: the operators of compiled nodes. */
#ifndef FIRMWARE_ENGINE_LOGIC_PRIV_H
#define FIRMWARE_ENGINE_LOGIC_PRIV_H

#include "firmware/engine/logic.h"

enum logic_op {
    OP_NONE, /* node 0 */
    OP_LITERAL,
    OP_LIST,
    OP_FACT,    /* var of a known path: slot; child: default */
    OP_SCOPE,   /* var "": the item, or all facts; child: default */
    OP_FACT_AT, /* var of a computed path; children: path, default */
    OP_MISSING,
    OP_MISSING_SOME,
    OP_IF,
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_TRUTH,
    OP_EQUAL,
    OP_SAME,
    OP_NOT_EQUAL,
    OP_NOT_SAME,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_MAX,
    OP_MIN,
    OP_IN,
    OP_MERGE,
    OP_ALL,
    OP_SOME,
    OP_NO, /* "none" */
    OP_SUBSTR,
};

/* The id of a text in the pool, or 0. */
uint16_t logic_find(const struct logic_pool *pool, const char *text, size_t bytes);

#endif
