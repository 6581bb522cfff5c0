#include "server/schema.h"

/* clang-format off */

/* Owned by the card. b0..b3 are points, credit, gift, voucher: the sums of the posted deltas. image
 * is the snapshot after counter `top`. hi: all of 1..hi are posted. cnt posted in all. known: the
 * highest counter that any evidence names. hi = top = cnt = known: no gap. */
static const char ddl_card[] =
    "CREATE TABLE card (card_no " KEY64 " PRIMARY KEY, hi " I64 " NOT NULL, top " I64 " NOT NULL,"
    " cnt " I64 " NOT NULL, known " I64 " NOT NULL, b0 " I64 " NOT NULL, b1 " I64 " NOT NULL,"
    " b2 " I64 " NOT NULL, b3 " I64 " NOT NULL, image " BYTES " NOT NULL,"
    " CHECK (hi >= 0 AND hi <= cnt AND cnt <= top)) " STRICT ";"
    /* Posted above hi. */
    "CREATE TABLE ahead (card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL,"
    " PRIMARY KEY (card_no, card_ctr)) " STRICT ";"
    /* Posted, without the raw bytes: those stay with their terminal. */
    "CREATE TABLE txn (card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL, month " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, op " I64 " NOT NULL,"
    " amount " I64 " NOT NULL, d0 " I64 " NOT NULL, d1 " I64 " NOT NULL, d2 " I64 " NOT NULL,"
    " d3 " I64 " NOT NULL, ts " I64 " NOT NULL, merch " I64 " NOT NULL, prog " I64 " NOT NULL,"
    " batch " I64 " NOT NULL, digest " BYTES " NOT NULL,"
    " PRIMARY KEY (card_no, card_ctr)) " STRICT ";"
    /* Read off a card but not posted: what a gap is known to be. */
    "CREATE TABLE seen (card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, image " BYTES " NOT NULL,"
    " by_term " I64 " NOT NULL, by_seq " I64 " NOT NULL,"
    " PRIMARY KEY (card_no, card_ctr)) " STRICT ";";

/* Owned by the terminal. hash is the chain value of entry hi. The wire has no gaps, so hi = top =
 * cnt today; the columns are there for a wire that has. */
static const char ddl_term[] =
    "CREATE TABLE term (term_id " KEY64 " PRIMARY KEY, merch " I64 " NOT NULL,"
    " branch " I64 " NOT NULL, hi " I64 " NOT NULL, top " I64 " NOT NULL, cnt " I64 " NOT NULL,"
    " hash " BYTES " NOT NULL, batch_no " I64 " NOT NULL, last_at " I64 " NOT NULL,"
    " unsent " I64 " NOT NULL, pending " I64 " NOT NULL, oldest " I64 " NOT NULL,"
    " clock " I64 " NOT NULL, firmware TEXT NOT NULL, prog " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE rec (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, batch " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL, fate " I64 " NOT NULL,"
    " raw " BYTES " NOT NULL, PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE TABLE batch (term_id " I64 " NOT NULL, batch_no " I64 " NOT NULL,"
    " first_seq " I64 " NOT NULL, last_seq " I64 " NOT NULL, hash " BYTES " NOT NULL,"
    " at " I64 " NOT NULL, posted " I64 " NOT NULL, unchecked " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, batch_no)) " STRICT ";"
    /* The counter legs of the postings, summed per batch and only ever added. */
    "CREATE TABLE jrn (term_id " I64 " NOT NULL, batch_no " I64 " NOT NULL, merch " I64 " NOT NULL,"
    " day " I64 " NOT NULL, purse " I64 " NOT NULL, acct " I64 " NOT NULL, n " I64 " NOT NULL,"
    " amount " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, batch_no, merch, day, purse, acct)) " STRICT ";"
    "CREATE TABLE tcase (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, why TEXT NOT NULL,"
    " card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL, at " I64 " NOT NULL, say TEXT NOT NULL,"
    " raw " BYTES " NOT NULL, PRIMARY KEY (term_id, term_seq, why)) " STRICT ";"
    "CREATE TABLE cert (term_id " I64 " NOT NULL, fingerprint " BYTES " NOT NULL,"
    " issued_at " I64 " NOT NULL, revoked_at " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, fingerprint)) " STRICT ";";

/* Small, and the same on every machine. */
static const char ddl_reference[] =
    "CREATE TABLE merchant (merch " KEY64 " PRIMARY KEY, name TEXT NOT NULL) " STRICT ";"
    "CREATE TABLE branch (branch " KEY64 " PRIMARY KEY, merch " I64 " NOT NULL,"
    " name TEXT NOT NULL) " STRICT ";"
    "CREATE TABLE code (hash " BYTES " PRIMARY KEY, branch " I64 " NOT NULL,"
    " made_at " I64 " NOT NULL, expires_at " I64 " NOT NULL, request " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE enrolment (request " KEY64 " PRIMARY KEY, branch " I64 " NOT NULL,"
    " csr_digest " BYTES " NOT NULL, csr TEXT NOT NULL, board TEXT NOT NULL,"
    " asked_at " I64 " NOT NULL, term_id " I64 " NOT NULL, certificate TEXT NOT NULL) " STRICT ";"
    "CREATE TABLE programme (version " KEY64 " PRIMARY KEY, stored_at " I64 " NOT NULL,"
    " text TEXT NOT NULL) " STRICT ";"
    "CREATE TABLE club (name TEXT PRIMARY KEY, value " I64 " NOT NULL) " STRICT ";"
    "INSERT INTO club (name, value) VALUES ('schema', 1)";

/* What each version added to the one before it. A medium owns its link; medium = version of the
 * media master and keyed hash (docs/journal.md). no: dense from 1 in the order of posting, for terminals that
 * ask what is new. */
static const char *const ddl_added[SCHEMA_VERSION + 1] = {
    [2] =
    "CREATE TABLE link (medium " BYTES " PRIMARY KEY NOT NULL, kind " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " at " I64 " NOT NULL, no " I64 " NOT NULL) " STRICT ";"
    "CREATE UNIQUE INDEX link_no ON link (no);"
    "UPDATE club SET value = 2 WHERE name = 'schema'",
    /* The cards that every terminal refuses, and every change of that, each a version with its mark:
     * what a terminal with an older version is sent. */
    [3] =
    "CREATE TABLE hotlist (card_no " KEY64 " PRIMARY KEY, reason " I64 " NOT NULL,"
    " at " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE hotlog (version " KEY64 " PRIMARY KEY, mark " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, reason " I64 " NOT NULL, at " I64 " NOT NULL) " STRICT ";"
    "UPDATE club SET value = 3 WHERE name = 'schema'",
    /* What terminals get: the document signed. '': stored before programmes were signed. */
    [4] =
    "ALTER TABLE programme ADD COLUMN signed TEXT NOT NULL DEFAULT '';"
    "UPDATE club SET value = 4 WHERE name = 'schema'",
    /* Terminals that are declared dead, and what of them was posted by proof: the card's snapshots
     * before (empty for the first) and after. value, flags: rials a point and flags of the sale that
     * is given back, as the parts were derived with. club 'rebuilt': some terminal ever was dead. */
    [5] =
    "ALTER TABLE term ADD COLUMN dead_at " I64 " NOT NULL DEFAULT 0;"
    "CREATE TABLE proof (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, card_ctr " I64 " NOT NULL, before " BYTES " NOT NULL,"
    " image " BYTES " NOT NULL, value " I64 " NOT NULL, flags " I64 " NOT NULL,"
    " by_term " I64 " NOT NULL, by_seq " I64 " NOT NULL, at " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "INSERT INTO club (name, value) VALUES ('rebuilt', 0);"
    /* The other snapshot of a clone: what the club had under the same counter. NULL: no clone. */
    "ALTER TABLE tcase ADD COLUMN other " BYTES ";"
    "UPDATE club SET value = 5 WHERE name = 'schema'",
    /* The newest programme that the terminal was sent and did not take, and why. 0, '': none. */
    [6] =
    "ALTER TABLE term ADD COLUMN refused " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE term ADD COLUMN refused_say TEXT NOT NULL DEFAULT '';"
    "UPDATE club SET value = 6 WHERE name = 'schema'",
    /* Organisations' vouchers: what was made, each redemption (back_seq: the entry that gave it back,
     * 0: it stands; twice: another one stood when it came), and every change for terminals. */
    [7] =
    "CREATE TABLE bon_series (series " KEY64 " PRIMARY KEY, organisation TEXT NOT NULL,"
    " amount " I64 " NOT NULL, count " I64 " NOT NULL, first_day " I64 " NOT NULL,"
    " last_day " I64 " NOT NULL, merch " I64 " NOT NULL, made_at " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE bon_use (series " I64 " NOT NULL, serial " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, merch " I64 " NOT NULL,"
    " amount " I64 " NOT NULL, at " I64 " NOT NULL, receipt TEXT NOT NULL, twice " I64 " NOT NULL,"
    " back_seq " I64 " NOT NULL, PRIMARY KEY (series, serial, term_id, term_seq)) " STRICT ";"
    "CREATE TABLE bon_log (no " KEY64 " PRIMARY KEY, series " I64 " NOT NULL,"
    " serial " I64 " NOT NULL, used " I64 " NOT NULL, term_id " I64 " NOT NULL,"
    " term_seq " I64 " NOT NULL) " STRICT ";"
    "UPDATE club SET value = 7 WHERE name = 'schema'",
    /* Blocks of card numbers beside those that follow from terminals' numbers (server/numbers.h). */
    [8] =
    "CREATE TABLE reserved (first " KEY64 " PRIMARY KEY, term_id " I64 " NOT NULL,"
    " at " I64 " NOT NULL, used " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX reserved_of ON reserved (term_id, at);"
    /* Who the members are (server/members.h). box, key_id: as it came, while it is sealed; empty when
     * it was opened or there was none. term_id 0: joined without a terminal. */
    "CREATE TABLE member (account " KEY64 " PRIMARY KEY, joined_at " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, kind " I64 " NOT NULL,"
    " route " I64 " NOT NULL, consent " I64 " NOT NULL, grp " I64 " NOT NULL,"
    " card_kind " I64 " NOT NULL, birthday " I64 " NOT NULL, wedding " I64 " NOT NULL,"
    " expires " I64 " NOT NULL, invited_by " I64 " NOT NULL, national_code TEXT NOT NULL,"
    " phone TEXT NOT NULL, name TEXT NOT NULL, key_id " BYTES " NOT NULL,"
    " box " BYTES " NOT NULL) " STRICT ";"
    "CREATE INDEX member_national_code ON member (national_code);"
    "CREATE INDEX member_phone ON member (phone);"
    "CREATE TABLE member_card (card_no " KEY64 " PRIMARY KEY, account " I64 " NOT NULL,"
    " at " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX member_card_of ON member_card (account, at);"
    /* Earned without a card; given: the action that brought it to a card, 0 = it waits; below 0: it went
     * back (server/accruals.c). */
    "CREATE TABLE accrual (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " number " I64 " NOT NULL, points " I64 " NOT NULL, credit " I64 " NOT NULL,"
    " at " I64 " NOT NULL, given " I64 " NOT NULL, PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE INDEX accrual_of ON accrual (number, given);"
    /* Who looked at or changed what a member said. account 0: a search or a list, `what` says which. */
    "CREATE TABLE access (no " KEY64 " PRIMARY KEY, at " I64 " NOT NULL, who TEXT NOT NULL,"
    " what TEXT NOT NULL, account " I64 " NOT NULL) " STRICT ";"
    "UPDATE club SET value = 8 WHERE name = 'schema'",
    /* What the card remembers after counter `top`, by that programme; NULL, 0: not known. */
    [9] =
    "ALTER TABLE card ADD COLUMN facts " BYTES ";"
    "ALTER TABLE card ADD COLUMN facts_prog " I64 " NOT NULL DEFAULT 0;"
    "UPDATE club SET value = 9 WHERE name = 'schema'",
    /* Keys of the club's API: hash is SHA-256 of the key's text, which is not kept. Cases that a
     * person has dealt with: when (0 = open), who and why. */
    [10] =
    "CREATE TABLE api_key (number " KEY64 " PRIMARY KEY, name TEXT NOT NULL, role " I64 " NOT NULL,"
    " hash " BYTES " NOT NULL, made_at " I64 " NOT NULL, expires_at " I64 " NOT NULL,"
    " revoked_at " I64 " NOT NULL) " STRICT ";"
    "ALTER TABLE tcase ADD COLUMN closed_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE tcase ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE tcase ADD COLUMN closed_why TEXT NOT NULL DEFAULT '';"
    "UPDATE club SET value = 10 WHERE name = 'schema'",
    /* Closed settlements between merchants and club, and their lines, which never change. late: of
     * days of earlier periods. merch 0: the club and what cards hold (acct 0). */
    [11] =
    "CREATE TABLE settlement (no " KEY64 " PRIMARY KEY, from_day " I64 " NOT NULL,"
    " to_day " I64 " NOT NULL, closed_at " I64 " NOT NULL, closed_by TEXT NOT NULL,"
    " as_of " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE settlement_line (no " I64 " NOT NULL, merch " I64 " NOT NULL,"
    " branch " I64 " NOT NULL, purse " I64 " NOT NULL, acct " I64 " NOT NULL,"
    " late " I64 " NOT NULL, n " I64 " NOT NULL, amount " I64 " NOT NULL,"
    " PRIMARY KEY (no, merch, branch, purse, acct, late)) " STRICT ";"
    "INSERT INTO club (name, value) VALUES ('restored', 0);" /* when forgotten ones were put back */
    "UPDATE club SET value = 11 WHERE name = 'schema'",
    /* Actions (actions_priv.h): what was ordered for a card, and what became of it. Owned by the
     * card; actref by the giver's reference, of which id is the hash. actlog: the stream to
     * terminals; id 0: the card is past that number. actdoubt: intents that may have applied one.
     * charge: an amount for each card of a group, made so far up to card `made_to`. */
    [12] =
    "CREATE TABLE action (card_no " I64 " NOT NULL, id " I64 " NOT NULL, origin " I64 " NOT NULL,"
    " kind " I64 " NOT NULL, value " I64 " NOT NULL, amount " I64 " NOT NULL,"
    " until " I64 " NOT NULL, say TEXT NOT NULL, ref TEXT NOT NULL, giver TEXT NOT NULL,"
    " charge " I64 " NOT NULL, made_at " I64 " NOT NULL, number " I64 " NOT NULL,"
    " state " I64 " NOT NULL, was " I64 " NOT NULL, is_void " I64 " NOT NULL,"
    " is_due " I64 " NOT NULL, offer " I64 " NOT NULL, offered_at " I64 " NOT NULL,"
    " seal " BYTES " NOT NULL, acct " I64 " NOT NULL, done " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " PRIMARY KEY (card_no, id)) " STRICT ";"
    "CREATE UNIQUE INDEX action_number ON action (card_no, number) WHERE number <> 0;"
    "CREATE INDEX action_due ON action (card_no, id) WHERE is_due = 1;"
    "CREATE INDEX action_until ON action (until) WHERE state = 1 AND until <> 0;"
    "CREATE INDEX action_ended ON action (offered_at) WHERE state = 3;"
    "CREATE INDEX action_charge ON action (charge) WHERE charge <> 0;"
    "CREATE TABLE actref (id " KEY64 " PRIMARY KEY, card_no " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE actcard (card_no " KEY64 " PRIMARY KEY, last " I64 " NOT NULL,"
    " passed " I64 " NOT NULL, past " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE actlog (no " KEY64 " PRIMARY KEY, mark " I64 " NOT NULL, at " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, number " I64 " NOT NULL, id " I64 " NOT NULL,"
    " is_live " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX actlog_live ON actlog (no) WHERE is_live = 1;"
    "CREATE TABLE actdoubt (card_no " I64 " NOT NULL, number " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " PRIMARY KEY (card_no, number, term_id, term_seq)) " STRICT ";"
    "CREATE TABLE charge (charge " KEY64 " PRIMARY KEY, ref TEXT NOT NULL, grp " I64 " NOT NULL,"
    " kind " I64 " NOT NULL, amount " I64 " NOT NULL, until " I64 " NOT NULL, say TEXT NOT NULL,"
    " giver TEXT NOT NULL, at " I64 " NOT NULL, made_to " I64 " NOT NULL,"
    " is_done " I64 " NOT NULL) " STRICT ";"
    /* Up to when the club knows what the terminal did (settled.h). */
    "ALTER TABLE term ADD COLUMN clear_at " I64 " NOT NULL DEFAULT 0;"
    "UPDATE club SET value = 12 WHERE name = 'schema'",
    /* Balances that came from another system's file, and its lines. b0..b3: points, credit, gift,
     * voucher. undone_at: 0 = stands. */
    [13] =
    "CREATE TABLE import (no " KEY64 " PRIMARY KEY, sha256 " BYTES " NOT NULL, name TEXT NOT NULL,"
    " made_by TEXT NOT NULL, at " I64 " NOT NULL, cards " I64 " NOT NULL, b0 " I64 " NOT NULL,"
    " b1 " I64 " NOT NULL, b2 " I64 " NOT NULL, b3 " I64 " NOT NULL, undone_at " I64 " NOT NULL,"
    " undone_by TEXT NOT NULL) " STRICT ";"
    "CREATE TABLE import_line (no " I64 " NOT NULL, line " I64 " NOT NULL, card_no " I64 " NOT NULL,"
    " b0 " I64 " NOT NULL, b1 " I64 " NOT NULL, b2 " I64 " NOT NULL, b3 " I64 " NOT NULL,"
    " PRIMARY KEY (no, line)) " STRICT ";"
    "UPDATE club SET value = 13 WHERE name = 'schema'",
    /* Who works at terminals, how much each may do (server/operators.h, allowances.h), and what was used.
     * quota: scope 1 terminal, 2 merchant, 3 operator; span 0 in all, 1 by day; peak: the highest that
     * may still be in force. used: scope 1 and 2 terminal, in all and by day; 3 operator, 4 card, by day. */
    [14] =
    "CREATE TABLE operator (number " KEY64 " PRIMARY KEY, merch " I64 " NOT NULL, name TEXT NOT NULL,"
    " role " I64 " NOT NULL, card_no " I64 " NOT NULL, pin TEXT NOT NULL, blocked " I64 " NOT NULL,"
    " unlocks " I64 " NOT NULL, added_at " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE opevent (no " KEY64 " PRIMARY KEY, term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " number " I64 " NOT NULL, event " I64 " NOT NULL, by_no " I64 " NOT NULL, card_no " I64 " NOT NULL,"
    " at " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX opevent_of ON opevent (number);"
    "CREATE TABLE quota (scope " I64 " NOT NULL, id " I64 " NOT NULL, span " I64 " NOT NULL,"
    " what " I64 " NOT NULL, unit " I64 " NOT NULL, max " I64 " NOT NULL, peak " I64 " NOT NULL,"
    " PRIMARY KEY (scope, id, span, what, unit)) " STRICT ";"
    "CREATE TABLE used (scope " I64 " NOT NULL, id " I64 " NOT NULL, day " I64 " NOT NULL,"
    " load " I64 " NOT NULL, loads " I64 " NOT NULL, spend " I64 " NOT NULL, spends " I64 " NOT NULL,"
    " issue " I64 " NOT NULL, issues " I64 " NOT NULL, refund " I64 " NOT NULL, refunds " I64 " NOT NULL,"
    " earn " I64 " NOT NULL, points " I64 " NOT NULL, PRIMARY KEY (scope, id, day)) " STRICT ";"
    /* taken: the version that the terminal told; content: what is signed, as of version 1. */
    "CREATE TABLE mandate (term_id " KEY64 " PRIMARY KEY, version " I64 " NOT NULL,"
    " taken " I64 " NOT NULL, settled " I64 " NOT NULL, content TEXT NOT NULL, jws TEXT NOT NULL) " STRICT ";"
    "UPDATE club SET value = 14 WHERE name = 'schema'",
    /* What points are given for beside sales (server/measures.h). */
    [15] =
    "CREATE TABLE measure (name TEXT PRIMARY KEY NOT NULL, points " I64 " NOT NULL,"
    " at " I64 " NOT NULL) " STRICT ";"
    "UPDATE club SET value = 15 WHERE name = 'schema'",
    /* When it was seen that the club has forgotten something (settled.h); 0: over, or never. */
    [16] =
    "INSERT INTO club (name, value) VALUES ('forgot', 0);"
    "UPDATE club SET value = 16 WHERE name = 'schema'",
    /* Credit on its way between two cards at one terminal, by the entry of the transfer out. amount 0:
     * that is not posted yet. in_seq: the transfer in that took it, 0 = it is in transit; in_amount:
     * what that says. card_no: the card that it left, by whichever was posted first. */
    [17] =
    "CREATE TABLE transfer (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, amount " I64 " NOT NULL, in_seq " I64 " NOT NULL,"
    " in_amount " I64 " NOT NULL, PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "UPDATE club SET value = 17 WHERE name = 'schema'",
    /* When an operator was removed: his number stays his, and the books keep his name. 0: he works here. */
    [18] =
    "ALTER TABLE operator ADD COLUMN removed_at " I64 " NOT NULL DEFAULT 0;"
    "UPDATE club SET value = 18 WHERE name = 'schema'",
    /* Lost cards (server/lost_priv.h) and cards that another one replaced. lost: g0..g3 given to the new
     * card, s0..s3 given too much and not asked back; is_due: waits to be settled, or has changed since.
     * lostrep: terminals' reports. lost_release: the actions of each round. successor: which card came in this
     * one's place; is_due: what waits for it has still to move there. duplicate: one card moved whole to
     * another at one terminal, by the entry of the first half; is_out 0: that is not posted yet, new_no 0:
     * the second is not. replacement: a new card for a lost one; old_no 0: nobody knows which. linklog: the
     * stream of links to terminals; link has the newest of each medium. */
    [19] =
    "CREATE TABLE lost (card_no " KEY64 " PRIMARY KEY, listed_at " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, how " I64 " NOT NULL,"
    " found_at " I64 " NOT NULL, settled_at " I64 " NOT NULL, new_no " I64 " NOT NULL,"
    " replaced_at " I64 " NOT NULL, round " I64 " NOT NULL,"
    " g0 " I64 " NOT NULL, g1 " I64 " NOT NULL, g2 " I64 " NOT NULL, g3 " I64 " NOT NULL,"
    " s0 " I64 " NOT NULL, s1 " I64 " NOT NULL, s2 " I64 " NOT NULL, s3 " I64 " NOT NULL,"
    " is_due " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX lost_due ON lost (listed_at) WHERE is_due = 1;"
    "CREATE TABLE lostrep (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, event " I64 " NOT NULL, how " I64 " NOT NULL, at " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE INDEX lostrep_card ON lostrep (card_no);"
    "CREATE TABLE lost_release (card_no " I64 " NOT NULL, round " I64 " NOT NULL, n " I64 " NOT NULL,"
    " id " I64 " NOT NULL, at " I64 " NOT NULL, PRIMARY KEY (card_no, round, n)) " STRICT ";"
    "CREATE TABLE successor (card_no " KEY64 " PRIMARY KEY, new_no " I64 " NOT NULL,"
    " is_due " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX successor_due ON successor (card_no) WHERE is_due = 1;"
    "CREATE TABLE duplicate (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, is_out " I64 " NOT NULL, o0 " I64 " NOT NULL, o1 " I64 " NOT NULL,"
    " o2 " I64 " NOT NULL, o3 " I64 " NOT NULL, new_no " I64 " NOT NULL, in_seq " I64 " NOT NULL,"
    " i0 " I64 " NOT NULL, i1 " I64 " NOT NULL, i2 " I64 " NOT NULL, i3 " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE TABLE replacement (card_no " KEY64 " PRIMARY KEY, old_no " I64 " NOT NULL,"
    " term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL, at " I64 " NOT NULL,"
    " is_second " I64 " NOT NULL, x0 " I64 " NOT NULL, x1 " I64 " NOT NULL, x2 " I64 " NOT NULL,"
    " x3 " I64 " NOT NULL) " STRICT ";"
    "CREATE INDEX replacement_old ON replacement (old_no);"
    "CREATE TABLE linklog (no " KEY64 " PRIMARY KEY, medium " BYTES " NOT NULL,"
    " card_no " I64 " NOT NULL) " STRICT ";"
    "INSERT INTO linklog (no, medium, card_no) SELECT no, medium, card_no FROM link;"
    "CREATE INDEX link_card ON link (card_no);"
    "UPDATE club SET value = 19 WHERE name = 'schema'",
    /* 20: actions that a card is past, while their transaction has not come. */
    "CREATE INDEX action_passed ON action (offered_at)"
    " WHERE offer = 0 AND number <> 0 AND state IN (1, 3);"
    "UPDATE club SET value = 20 WHERE name = 'schema'",
    /* Cards that were found, for the terminals that had reported them: what the club vouched for is over.
     * no: rises, also over a restored backup, for it is never below the club's clock. */
    [21] =
    "CREATE TABLE lost_again (term_id " I64 " NOT NULL, no " I64 " NOT NULL, card_no " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, no)) " STRICT ";"
    "UPDATE club SET value = 21 WHERE name = 'schema'",
    /* An import is made in pieces. */
    [22] =
    "ALTER TABLE import ADD COLUMN is_stopped " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE import ADD COLUMN made " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE import ADD COLUMN made_to " I64 " NOT NULL DEFAULT 0;"
    "UPDATE import SET made = cards;"
    "CREATE INDEX import_sha256 ON import (sha256);"
    "UPDATE club SET value = 22 WHERE name = 'schema'",
    /* Transfers, again: each half in a table of its own (transfers_priv.h). to_card: that the club
     * brings it to, on the word of by_seq (an entry; -1 the club), by the action `ordered`, the
     * `orders`-th. how 1: as a card showed it; then out_seq is a guess. is_open: it is not at zero. */
    [23] =
    "ALTER TABLE transfer RENAME TO transfer_before;"
    "CREATE TABLE transfer (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, amount " I64 " NOT NULL, at " I64 " NOT NULL, how " I64 " NOT NULL,"
    " to_card " I64 " NOT NULL, by_seq " I64 " NOT NULL, ordered " I64 " NOT NULL,"
    " orders " I64 " NOT NULL, is_open " I64 " NOT NULL, PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE INDEX transfer_open ON transfer (term_id, term_seq) WHERE is_open = 1;"
    "CREATE TABLE transfer_in (term_id " I64 " NOT NULL, term_seq " I64 " NOT NULL,"
    " card_no " I64 " NOT NULL, amount " I64 " NOT NULL, at " I64 " NOT NULL, how " I64 " NOT NULL,"
    " from_card " I64 " NOT NULL, out_seq " I64 " NOT NULL, is_open " I64 " NOT NULL,"
    " PRIMARY KEY (term_id, term_seq)) " STRICT ";"
    "CREATE INDEX transfer_in_of ON transfer_in (term_id, out_seq);"
    "CREATE INDEX transfer_in_open ON transfer_in (term_id, term_seq) WHERE is_open = 1;"
    "INSERT INTO transfer SELECT b.term_id, b.term_seq, b.card_no, b.amount, x.ts, 0, 0, 0, 0, 0,"
    " CASE WHEN b.in_amount <> b.amount THEN 1 ELSE 0 END FROM transfer_before b JOIN txn x"
    " ON x.term_id = b.term_id AND x.term_seq = b.term_seq WHERE b.amount <> 0;"
    "INSERT INTO transfer_in SELECT b.term_id, b.in_seq, x.card_no, b.in_amount, x.ts, 0, b.card_no,"
    " b.term_seq, CASE WHEN b.amount = 0 THEN 1 ELSE 0 END FROM transfer_before b JOIN txn x"
    " ON x.term_id = b.term_id AND x.term_seq = b.in_seq WHERE b.in_seq <> 0;"
    "INSERT INTO transfer SELECT x.term_id, x.term_seq, x.card_no, a.amount, x.ts, 0, a.card_no,"
    " x.term_seq, CASE WHEN a.state = 4 THEN 0 ELSE a.id END, 1,"
    " CASE WHEN a.state = 4 THEN 1 ELSE 0 END FROM action a JOIN txn x"
    " ON a.ref = CAST(x.term_id AS TEXT) || '-' || CAST(x.term_seq AS TEXT) WHERE a.origin = 4;"
    "DROP TABLE transfer_before;"
    "UPDATE club SET value = 23 WHERE name = 'schema'",
    /* Which duplicates are guesses, what they look like, and what followed from that, so that it can be
     * taken back (server/duplicates_priv.h, lost_priv.h). actref.first_no: the card that the action was
     * ordered for, if that is not card_no. A second half that a card showed stays in `replacement`. */
    [24] =
    "ALTER TABLE duplicate ADD COLUMN how " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE duplicate ADD COLUMN look " I64 " NOT NULL DEFAULT -1;"
    "ALTER TABLE duplicate ADD COLUMN at " I64 " NOT NULL DEFAULT 0;"
    "CREATE INDEX duplicate_new ON duplicate (new_no) WHERE new_no <> 0;"
    "CREATE INDEX duplicate_old ON duplicate (card_no);"
    "ALTER TABLE replacement ADD COLUMN look " I64 " NOT NULL DEFAULT -1;"
    "ALTER TABLE replacement ADD COLUMN is_named " I64 " NOT NULL DEFAULT 0;"
    "UPDATE replacement SET is_named = 1 WHERE old_no <> 0 AND EXISTS (SELECT 1 FROM proof p"
    " WHERE p.term_id = replacement.term_id AND p.term_seq = replacement.term_seq);"
    "UPDATE duplicate SET how = 1 WHERE new_no <> 0 AND EXISTS (SELECT 1 FROM proof p"
    " WHERE p.term_id = duplicate.term_id AND p.term_seq = duplicate.in_seq);"
    "INSERT INTO replacement (card_no, old_no, term_id, term_seq, at, is_second, x0, x1, x2, x3)"
    " SELECT new_no, 0, term_id, in_seq, 0, 0, i0, i1, i2, i3 FROM duplicate WHERE how = 1;"
    "ALTER TABLE successor ADD COLUMN account " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE actref ADD COLUMN first_no " I64 " NOT NULL DEFAULT 0;"
    "CREATE INDEX linklog_card ON linklog (card_no);"
    "UPDATE club SET value = 24 WHERE name = 'schema'",
    /* What clones did (FATE_CLASHED): a report adds up some of it. An order of a release that comes back
     * finds its lost card; so does a new card that is itself replaced. */
    [25] =
    "CREATE INDEX rec_clashed ON rec (term_id, term_seq) WHERE fate = 4;"
    "CREATE INDEX lost_release_id ON lost_release (id);"
    "CREATE INDEX lost_new ON lost (new_no) WHERE new_no <> 0;"
    "UPDATE club SET value = 25 WHERE name = 'schema'",
    /* The transfer of an order. club 'kept': accruals were not given to cards, for the club had forgotten
     * something (server/accruals.c); 0: none. */
    [26] =
    "CREATE INDEX transfer_ordered ON transfer (ordered) WHERE ordered <> 0;"
    "INSERT INTO club (name, value) VALUES ('kept', 0);"
    "UPDATE club SET value = 26 WHERE name = 'schema'",
    /* What terminals last said of themselves (fleet.h), the bundles that the club has for their boards
     * and how far it has brought them (updates.h), and logs that somebody asked for (logs.h). */
    [27] =
    "CREATE TABLE device (term_id " KEY64 " PRIMARY KEY, told_at " I64 " NOT NULL, board TEXT NOT NULL,"
    " version " I64 " NOT NULL, slot TEXT NOT NULL, good " I64 " NOT NULL, other " I64 " NOT NULL,"
    " failed " I64 " NOT NULL, self_test TEXT NOT NULL, free " I64 " NOT NULL, upd TEXT NOT NULL,"
    " have " I64 " NOT NULL, consent " I64 " NOT NULL, has_clock " I64 " NOT NULL,"
    " clock_error " I64 " NOT NULL, hotlist " I64 " NOT NULL, good_at " I64 " NOT NULL,"
    " version_at " I64 " NOT NULL) " STRICT ";"
    "CREATE TABLE device_past (term_id " I64 " NOT NULL, no " I64 " NOT NULL, at " I64 " NOT NULL,"
    " what " I64 " NOT NULL, version " I64 " NOT NULL, say TEXT NOT NULL,"
    " PRIMARY KEY (term_id, no)) " STRICT ";"
    "CREATE TABLE bundle (board TEXT NOT NULL, version " I64 " NOT NULL, bytes " I64 " NOT NULL,"
    " sha256 " BYTES " NOT NULL, added_at " I64 " NOT NULL, PRIMARY KEY (board, version)) " STRICT ";"
    "CREATE TABLE rollout (board TEXT NOT NULL, version " I64 " NOT NULL, stage " I64 " NOT NULL,"
    " state " I64 " NOT NULL, why TEXT NOT NULL, from_hour " I64 " NOT NULL, to_hour " I64 " NOT NULL,"
    " good_for " I64 " NOT NULL, terminals " I64 " NOT NULL, started_at " I64 " NOT NULL,"
    " stage_at " I64 " NOT NULL, proved_to " I64 " NOT NULL, PRIMARY KEY (board, version)) " STRICT ";"
    "CREATE TABLE rollout_term (board TEXT NOT NULL, version " I64 " NOT NULL, term_id " I64 " NOT NULL,"
    " place " I64 " NOT NULL, offered_at " I64 " NOT NULL, PRIMARY KEY (board, version, term_id)) " STRICT ";"
    "CREATE INDEX rollout_place ON rollout_term (board, version, place);"
    "CREATE TABLE log_asked (no " KEY64 " PRIMARY KEY, term_id " I64 " NOT NULL, asked_by TEXT NOT NULL,"
    " at " I64 " NOT NULL, came_at " I64 " NOT NULL, bytes " I64 " NOT NULL,"
    " ended_at " I64 " NOT NULL) " STRICT ";"
    "INSERT INTO club (name, value) VALUES ('fleet_dead_days', 30);"
    /* When it was approved is no sync. */
    "UPDATE term SET last_at = 0 WHERE firmware = '' AND hi = 0;"
    "UPDATE club SET value = 27 WHERE name = 'schema'",
    /* The latest layout of cards that it reads, as it told last. */
    [28] =
    "ALTER TABLE term ADD COLUMN layout " I64 " NOT NULL DEFAULT 1;"
    "UPDATE club SET value = 28 WHERE name = 'schema'",
    /* What follows to new cards on a terminal's word alone (server/lost_bound.c): the limit, and what is
     * held or confirmed. */
    [29] =
    "ALTER TABLE lost ADD COLUMN held_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE lost ADD COLUMN confirmed_at " I64 " NOT NULL DEFAULT 0;"
    "CREATE INDEX replacement_by ON replacement (term_id);"
    "CREATE INDEX actref_first ON actref (first_no) WHERE first_no <> 0;"
    "INSERT INTO club (name, value) VALUES ('follow_rials', 20000000);"
    "INSERT INTO club (name, value) VALUES ('follow_points', 200000);"
    "UPDATE club SET value = 29 WHERE name = 'schema'",
    /* Halves of transfers that cards showed, and what they can fit. */
    [30] =
    "CREATE INDEX transfer_in_read ON transfer_in (term_id, term_seq) WHERE how = 1;"
    "CREATE INDEX transfer_amount ON transfer (term_id, amount);"
    "UPDATE club SET value = 30 WHERE name = 'schema'",
    /* What a log was when it came, in hexadecimal: a restored club gives its number again. Which log
     * is asked for, and which versions fell back, are looked up at every sync. */
    [31] =
    "ALTER TABLE log_asked ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX log_asked_of ON log_asked (term_id) WHERE came_at = 0 AND ended_at = 0;"
    "CREATE INDEX device_fell_back ON device_past (term_id, version) WHERE what = 2;"
    "UPDATE club SET value = 31 WHERE name = 'schema'",
    /* Certificates that terminals renew by themselves (server/certs.h). seen_at 0: given, not shown yet.
     * replaced_at: another one was shown since; late_at: this one was shown after that, last. key: the
     * SHA-256 of its public key, NULL: not kept. certificate: of one that is not shown yet, and of later
     * exports; '': in `enrolment`. allowed_to: until then it may be renewed though it has ended. */
    [32] =
    "ALTER TABLE cert ADD COLUMN ends_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN seen_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN replaced_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN late_at " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN allowed_to " I64 " NOT NULL DEFAULT 0;"
    "ALTER TABLE cert ADD COLUMN key " BYTES ";"
    "ALTER TABLE cert ADD COLUMN certificate TEXT NOT NULL DEFAULT '';"
    "UPDATE cert SET ends_at = issued_at + 63072000, seen_at = issued_at;" /* 730 days */
    "UPDATE club SET value = 32 WHERE name = 'schema'",
};

/* clang-format on */

static enum st make_tables(struct db *db)
{
    enum st st = db_exec(db, ddl_card);
    if (st == ST_OK) {
        st = db_exec(db, ddl_term);
    }
    return st == ST_OK ? db_exec(db, ddl_reference) : st;
}

/* Tables that an older version lacks. */
static enum st migrate(struct db *db, int64_t version)
{
    enum st st = ST_OK;
    while (version < SCHEMA_VERSION && st == ST_OK) {
        version++;
        st = db_exec(db, ddl_added[version]);
    }
    return st;
}

static enum st read_version(struct db *db, int64_t *ret, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, "SELECT value FROM club WHERE name = 'schema'", "", &stmt);
    bool row = false;
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        int64_t version = row ? db_i64(stmt, 0) : 0;
        if (version < 1 || version > SCHEMA_VERSION) {
            fault_say(fault, "The database is of version %lld, this program reads %d.",
                      (long long)version, SCHEMA_VERSION);
            st = ST_FOREIGN;
        }
        *ret = version;
    }
    db_finish(stmt);
    return st;
}

enum st schema_make(struct db *db, struct fault *fault)
{
    enum st st = db_begin_write(db);
    if (st != ST_OK) {
        fault_say(fault, "%s", db_fault(db)->say);
        return st;
    }
    bool exists = false;
    st = db_has_table(db, "club", &exists);
    if (st == ST_OK) {
        int64_t version = 1; /* of what make_tables() makes */
        st = exists ? read_version(db, &version, fault) : make_tables(db);
        st = st == ST_OK ? migrate(db, version) : st;
    }
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        if (st != ST_FOREIGN) {
            fault_say(fault, "%s", db_fault(db)->say);
        }
        db_rollback(db);
    }
    return st;
}

/* The finaliser of SplitMix64: every input bit reaches every output bit, so that the dense numbers
 * of one terminal's cards spread evenly. */
uint32_t slot_of_card(uint64_t card_number)
{
    uint64_t z = card_number + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)(z & (SLOTS - 1));
}
