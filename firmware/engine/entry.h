/* entry.h - the journal entry's bytes: what a terminal records, sends, and the club posts.
 *
 * Pure codec, shared by terminal, sync and club. Little-endian, fixed offsets, version in the first
 * byte; table in docs/journal.md, vectors in tests/vectors/entry.json. A terminal's entries carry
 * dense sequence numbers from 1 and are chained: hash(n) = SHA-256(hash(n-1) || bytes(n)), hash(0)
 * = 32 zero bytes. An entry never changes; an outcome is an entry of its own. */
#ifndef FIRMWARE_ENGINE_ENTRY_H
#define FIRMWARE_ENGINE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/bon.h"
#include "firmware/engine/entry_member.h"
#include "firmware/engine/entry_refused.h"
#include "firmware/engine/occasion.h"
#include "firmware/engine/operators.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

enum {
    ENTRY_VERSION = 3,
    ENTRY_UID_MAX = 10,
    ENTRY_BYTES_MAX = 592, /* an intent: 216 and its occasion */
    ENTRY_HASH_BYTES = 32,
    ENTRY_TAG_BYTES = 16,
    ENTRY_RECEIPT_MAX = 15, /* a register's number of a basket */
};

enum entry_kind {
    ENTRY_INTENT = 1,    /* a planned transaction, durable before the card is written */
    ENTRY_OUTCOME = 2,   /* what became of an intent */
    ENTRY_SIGHTING = 3,  /* a snapshot read from a card's ring that this terminal did not write */
    ENTRY_START = 4,     /* the terminal's process started */
    ENTRY_LINK = 5,      /* a medium was linked to a card that was held on the reader */
    ENTRY_MEMBER = 6,    /* somebody became a member, or a member got a card (entry_member.h) */
    ENTRY_REPORT = 7,    /* a card is said to be lost, or found again */
    ENTRY_BON = 8,       /* an organisation's voucher was taken, or given back; it is no card's */
    ENTRY_ACCRUAL = 9,   /* a member earned without a card */
    ENTRY_RELEASE = 10,  /* a transfer that waits here is handed to the club; it is no card's */
    ENTRY_OPERATOR = 11, /* somebody signed in or out, was locked or unlocked */
    ENTRY_REFUSED = 12,  /* an action for a card was not believed, or not known (entry_refused.h) */
};

enum entry_verdict {
    VERDICT_DONE = 1,     /* the card carries the transaction */
    VERDICT_NOT_DONE = 2, /* the card does not, and never will: its counter went another way */
    VERDICT_LEFT = 3,     /* the card moved on beyond its history: the club decides from others */
};

enum entry_evidence {
    EVIDENCE_READ_BACK = 1, /* read back from the card in the same tap */
    EVIDENCE_HISTORY = 2,   /* found in the card's ring at a later sighting */
    EVIDENCE_UNMOVED = 3,   /* the card still stood before it, and the intent was given up */
    EVIDENCE_OTHER = 4,     /* another transaction holds that counter */
    EVIDENCE_LOST = 5,      /* done, for all that anybody can know: the card, a new one that never
                               came back, was reported lost (docs/decisions/0015) */
};

/* How a card showed the snapshot of a sighting. */
enum entry_shown {
    SHOWN_NEWEST = 0, /* as its newest */
    SHOWN_OLDER = 1,  /* in its ring, behind newer ones */
    SHOWN_BACK = 2,   /* as its newest, though this terminal has seen it further on, or otherwise */
};

/* The parts of a transaction, all >= 0. In a refund or unload the same fields are what goes back.
 */
struct breakdown {
    struct money amount;         /* basket before the rebate, load or refunded part */
    struct money rebate;         /* price cut */
    struct points redeemed;      /* points spent (refund: given back) */
    struct money redeemed_value; /* what they paid for */
    struct money payment;        /* taken from the credit purse (refund: given back) */
    struct money load;           /* put on the credit purse: a load, a sale's cashback (unload,
                                    refund: taken off) */
    struct points award;         /* points earned (refund: taken back; expire: gone) */
    struct money due;            /* left to pay, or to hand back, by other means */
    struct money gift;           /* gift purse: sale: taken; expire, unload: off; else put on */
    struct money voucher;        /* voucher purse, likewise */
};

/* Numbers are in journals: never renumber. */
enum report_event { REPORT_LOST = 1, REPORT_FOUND = 2 };
enum report_how {
    REPORT_BY_NUMBER = 1, /* typed or scanned */
    REPORT_BY_MEDIUM = 2, /* what the medium of the member finds */
    REPORT_BY_CARD = 3,   /* the card was held on the reader */
};

struct entry {
    enum entry_kind kind;
    uint32_t sequence;     /* dense from 1, <= 2^24-1 */
    int64_t time_s;        /* since 1970 UTC, by the terminal's clock */
    uint8_t clock_quality; /* hal/clock.h */
    uint32_t terminal;     /* 1..2^20-1; 0 before enrolment is never journalled */
    uint32_t operator_no;  /* 0 = nobody signed in */
    union {
        struct entry_intent {
            uint64_t card_number;
            uint8_t family; /* 1 = MIFARE Classic, 2 = DESFire */
            uint8_t uid_bytes;
            uint8_t uid[ENTRY_UID_MAX];
            uint32_t programme; /* version in force, <= 2^31-1; 0 = the terminal had none */
            uint8_t has_before; /* 0 for a card's first transaction: there was no snapshot */
            struct snapshot before, after;
            struct breakdown parts;
            uint32_t refers_counter;  /* refund, unload: the counter of what goes back; else 0 */
            struct occasion occasion; /* what else the plan looked at; all zeros = nothing. Its
                                         facts are at before.counter; in a duplicate into a new
                                         card at 1: what that card is to remember */
        } intent;
        struct entry_outcome {
            uint32_t intent_sequence;
            enum entry_verdict verdict;
            enum entry_evidence evidence;
            uint64_t card_number;
            uint32_t counter; /* the intent's card counter */
        } outcome;
        struct entry_sighting {
            uint64_t card_number;
            uint8_t family;
            uint8_t uid_bytes;
            uint8_t uid[ENTRY_UID_MAX];
            uint8_t shown; /* enum entry_shown */
            struct snapshot snapshot;
        } sighting;
        struct entry_start {
            char firmware[16]; /* version, NUL-padded */
        } start;
        struct entry_link {
            uint64_t card_number;
            uint8_t family;
            uint8_t uid_bytes;
            uint8_t uid[ENTRY_UID_MAX];
            uint8_t medium;               /* enum media_kind (media.h): 1, 2, 4, 5 or 6 */
            uint8_t key_version;          /* 0..15, of the media master */
            uint8_t tag[ENTRY_TAG_BYTES]; /* the medium's keyed hash: never its text */
        } link;
        struct entry_bon {
            struct bon bon;
            uint8_t is_back;                     /* 1: what this terminal took is given back */
            char receipt[ENTRY_RECEIPT_MAX + 1]; /* entry_receipt_is_valid(), NUL-padded */
        } bon;
        struct entry_member member;
        struct entry_report {
            uint64_t card_number;
            uint8_t event; /* enum report_event */
            uint8_t how;   /* enum report_how */
        } report;
        struct entry_accrual accrual;
        struct entry_operator {
            uint32_t number;      /* whom it is about, 1..65535; the head names who was signed in */
            uint8_t event;        /* enum operator_event */
            uint8_t role;         /* enum operator_role */
            uint64_t card_number; /* the operator card; 0 = none was there */
            uint32_t unlocks;     /* how often the club had unlocked, as far as it was known */
        } operator_event;
        struct entry_release {
            uint32_t out_sequence; /* the intent of the transfer out */
            uint64_t card_number;  /* that shall get it; 0 = the card that it left */
        } release;
        struct entry_refused refused;
    };
};

/* True when every field is in range: numbers as stated above, a Luhn-valid card number, a UID of 4,
 * 7 or 10 bytes with zeros behind it, valid snapshots and occasion, the card's own actions in an
 * ACTION and only there, a peer in a TRANSFER or DUPLICATE and only there, parts within what a card
 * can hold, a time from 1970 to 9999, an outcome and a release that name an earlier intent, a
 * version in printable ASCII. */
bool entry_is_valid(const struct entry *entry);

/* True for 1..ENTRY_RECEIPT_MAX printable ASCII characters without blanks. */
bool entry_receipt_is_valid(const char *text);

/* Writes the entry's bytes; out-of-range fields are bugs. Returns the size, <= ENTRY_BYTES_MAX. */
size_t entry_encode(const struct entry *entry, uint8_t ret_bytes[ENTRY_BYTES_MAX]);
/* ST_FOREIGN  not an entry of this version, cut, too long, a field out of range, or any byte that
 * entry_encode() would not write: there is exactly one byte string for an entry. */
ST_CHECK enum st entry_decode(const uint8_t *bytes, size_t size, struct entry *ret);

#endif
