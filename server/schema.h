/* schema.h - the club's tables. What each is for and why it is keyed so: docs/club.md 5.
 *
 * Rules that let cards be spread over machines later without another schema: the owner comes first
 * in every primary key; nothing is unique, and no foreign key points, across owners; no sequences;
 * nothing is decided from a count of changed rows. */
#ifndef SERVER_SCHEMA_H
#define SERVER_SCHEMA_H

#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { SCHEMA_VERSION = 32, SLOTS = 1024 };

/* Makes the tables in an empty database; adds what a database of an older version lacks.
 * ST_FOREIGN  not a club's database, or of a newer version: fault says which. */
ST_CHECK enum st schema_make(struct db *db, struct fault *fault);

/* Which of SLOTS a card belongs to; a table from slot to machine is all that sharding adds. Defined
 * here and for ever (vectors: tests/unit/test_club_posting.c), not by an engine's own hash. */
uint32_t slot_of_card(uint64_t card_number);

#endif
