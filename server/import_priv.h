/* import_priv.h - what the parts of an import share: import_read.c (the file), import_commit.c
 * (makes its actions), import.c (undoes them, and lists). */
#ifndef SERVER_IMPORT_PRIV_H
#define SERVER_IMPORT_PRIV_H

#include "server/actions.h"
#include "server/import.h"

/* Lines that one write transaction makes or undoes. */
enum { IMPORT_LINES_A_PIECE = 200 };

/* The giver's reference of one balance: the same for ever, so that it is made once. */
void import_ref(int64_t number, uint32_t line, int book, char ret[ACTIONS_REF_MAX + 1]);

#endif
