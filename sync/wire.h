/* wire.h - the bodies that terminal and club exchange, as structs and as JSON, and their gzip.
 *
 * Pure codec, linked by terminal and club alike, so that both sides can only disagree about the
 * page that it follows: docs/sync.md. Vectors in tests/vectors/wire.json. The caller owns every
 * struct and buffer; nothing that is decoded points into the body. Every call is reentrant. Some
 * allocate while they run (jansson, zlib) and free before they return.
 *
 * Statuses of every decode, and what the caller does:
 * ST_OK       *ret is filled in, every field within the limits below.
 * ST_FOREIGN  not JSON, a field missing, ill-typed, repeated or out of range, or not version 1:
 *             refuse it whole (club: 400). `fault` names the field. *ret is undefined.
 * ST_FULL     larger than the limit: refuse it (club: 413).
 * ST_IO       out of memory: 503.
 * Statuses of every encode: ST_OK; ST_FULL: it does not fit in `max` bytes; ST_IO: out of memory,
 * or a text that is not UTF-8. Fields out of range are bugs. What was encoded has a size and no
 * NUL. */
#ifndef SYNC_WIRE_H
#define SYNC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/action.h"
#include "firmware/engine/entry.h"
#include "firmware/engine/listing.h"
#include "firmware/engine/mandate.h"
#include "firmware/engine/programme.h"
#include "hal/base/status.h"

#define WIRE_PATH_ENROL  "/v1/enrol"
#define WIRE_PATH_RENEW  "/v1/renew"
#define WIRE_PATH_SYNC   "/v1/sync"
#define WIRE_PATH_UPDATE "/v1/update/" /* and the version, then "?from=BYTE" */
#define WIRE_PATH_LOGS   "/v1/logs/"   /* and the number that was asked for */

enum {
    WIRE_VERSION = 1,
    /* Body sizes in bytes: as JSON, and as it travels when that is gzip. */
    WIRE_REQUEST_MAX = 1048576,
    WIRE_REQUEST_PACKED_MAX = 262144,
    WIRE_ANSWER_MAX = 2162688,    /* a programme; or links, actions and a piece of the hotlist */
    WIRE_PROGRAMME_MAX = 1400000, /* a signed programme: 4/3 of PROGRAMME_TEXT_MAX and its head */
    WIRE_ENTRIES_MAX = 1000,      /* in one batch */
    WIRE_CHANGES_MAX = 10000,     /* of the hotlist in one answer */
    WIRE_TERMINAL_MAX = (1 << 20) - 1,
    WIRE_SEQUENCE_MAX = (1 << 24) - 1,
    /* Texts, in bytes without their NUL. */
    WIRE_CODE_MAX = 32,
    WIRE_PEM_MAX = 8192, /* a certificate request, a certificate, a CA */
    WIRE_BOARD_MAX = 32,
    WIRE_NAME_MAX = 96, /* merchant, branch */
    WIRE_ERROR_MAX = 32,
    WIRE_SAY_MAX = 255,
    WIRE_FIRMWARE_MAX = 32,
    /* Of devices that boot one of our images. */
    WIRE_IMAGE_MAX = INT32_MAX,  /* an image's version */
    WIRE_BUNDLE_MAX = 128 << 20, /* bytes of a bundle: both partitions of a slot */
    WIRE_PIECE_MAX = 262144,     /* of it in one answer */
    WIRE_LOGS_MAX = 262144,      /* bytes of a log as it travels */
    WIRE_SHA256_BYTES = 32,
};

/* Card numbers on the wire are payloads without the Luhn digit: 1..10^15-1. */
#define WIRE_CARD_PAYLOAD_MAX UINT64_C(999999999999999)

/* --- enrolment ------------------------------------------------------------------------------ */

struct wire_enrol {
    char code[WIRE_CODE_MAX + 1]; /* 1.. characters */
    char csr[WIRE_PEM_MAX + 1];   /* PEM, 1.. characters; whether it is a request is not tested */
    char board[WIRE_BOARD_MAX + 1];
};

ST_CHECK enum st wire_enrol_encode(const struct wire_enrol *enrol, char *ret_text, size_t max,
                                   size_t *ret_size);
ST_CHECK enum st wire_enrol_decode(const char *text, size_t size, struct wire_enrol *ret,
                                   struct fault *fault);

/* The answer of status 200 (approved) or 202 (pending). */
struct wire_enrol_answer {
    bool is_approved;  /* false: pending, and every field below is empty */
    uint32_t terminal; /* 1..WIRE_TERMINAL_MAX */
    char merchant[WIRE_NAME_MAX + 1];
    char branch[WIRE_NAME_MAX + 1];
    uint32_t merchant_no, branch_no; /* the club's numbers; 0 = not told */
    char certificate[WIRE_PEM_MAX + 1];
    char ca[WIRE_PEM_MAX + 1];
    char programme_key[WIRE_PEM_MAX + 1]; /* public key that signs programmes, PEM */
    char member_key[WIRE_PEM_MAX + 1];    /* public key that particulars are sealed to, PEM; "" =
                                             the club has none */
    uint64_t cards_first, cards_last;     /* 1..WIRE_CARD_PAYLOAD_MAX, first <= last */
};

ST_CHECK enum st wire_enrol_answer_encode(const struct wire_enrol_answer *answer, char *ret_text,
                                          size_t max, size_t *ret_size);
ST_CHECK enum st wire_enrol_answer_decode(const char *text, size_t size,
                                          struct wire_enrol_answer *ret, struct fault *fault);

/* --- another certificate -------------------------------------------------------------------- */

struct wire_renew {
    uint32_t terminal;          /* 1..WIRE_TERMINAL_MAX */
    char csr[WIRE_PEM_MAX + 1]; /* as above, with a new key */
};

ST_CHECK enum st wire_renew_encode(const struct wire_renew *renew, char *ret_text, size_t max,
                                   size_t *ret_size);
ST_CHECK enum st wire_renew_decode(const char *text, size_t size, struct wire_renew *ret,
                                   struct fault *fault);

/* The answer of status 200. */
struct wire_renew_answer {
    char certificate[WIRE_PEM_MAX + 1];
    char ca[WIRE_PEM_MAX + 1]; /* the club's, as it is now */
};

ST_CHECK enum st wire_renew_answer_encode(const struct wire_renew_answer *answer, char *ret_text,
                                          size_t max, size_t *ret_size);
ST_CHECK enum st wire_renew_answer_decode(const char *text, size_t size,
                                          struct wire_renew_answer *ret, struct fault *fault);

/* --- sync ----------------------------------------------------------------------------------- */

struct wire_entry {
    uint16_t size; /* 1..ENTRY_BYTES_MAX */
    uint8_t bytes[ENTRY_BYTES_MAX];
};

struct wire_health {
    uint32_t unsent, pending;
    int64_t oldest_s; /* time of the oldest unsent entry, >= 0; 0 = none */
    uint8_t clock;    /* hal/clock.h: 0..2 */
    int64_t now_s;    /* the terminal's own clock, >= 0; 0 = not told */
    char firmware[WIRE_FIRMWARE_MAX + 1];
};

/* What a device that boots one of our images says of itself (docs/decisions/0017-image.md). */
struct wire_device {
    bool is_there;                    /* false: a plain Linux */
    char board[WIRE_BOARD_MAX + 1];   /* not empty */
    uint32_t version;                 /* that runs, 1..WIRE_IMAGE_MAX */
    char slot;                        /* 'A' or 'B' */
    bool is_good;                     /* the slot was marked good; false: on trial */
    uint32_t other;                   /* version in the other slot, 0 = none */
    uint32_t failed;                  /* the last version that fell back, 0 = none */
    char self_test[WIRE_SAY_MAX + 1]; /* "ok", or the first thing that failed */
    int64_t free_bytes;               /* on /data, >= 0 */
    char update[WIRE_SAY_MAX + 1]; /* "none", "coming 8", "waiting 8", "installing 8", "refused 8:
                                      why" */
    int64_t have_bytes;            /* of the bundle that is coming, 0..WIRE_BUNDLE_MAX */
    bool has_consent;              /* somebody at the terminal lets its log be taken now */
};

/* True when every field is in range; that texts are UTF-8 is not tested. */
bool wire_device_is_valid(const struct wire_device *device);

/* The version that the club wants on the device. */
struct wire_update {
    bool is_there;                  /* false: what runs is wanted */
    uint32_t version;               /* 1..WIRE_IMAGE_MAX */
    char board[WIRE_BOARD_MAX + 1]; /* not empty */
    int64_t bytes;                  /* 1..WIRE_BUNDLE_MAX */
    uint8_t sha256[WIRE_SHA256_BYTES];
    uint8_t from_hour, to_hour; /* 0..23 by the terminal's clock: install from the one until the
                                   other begins; equal: at any hour */
};

/* Media (docs/media.md): how far the terminal has the club's links. */
enum { WIRE_LINKS_MAX = 100, WIRE_MEDIUM_BYTES = 17, WIRE_LINK_MARK_BYTES = 8 };
struct wire_links_have {
    bool is_there;                      /* false: it takes none */
    uint32_t no;                        /* 0 = none; the number of the last one, 0..2^31-1 */
    uint8_t mark[WIRE_LINK_MARK_BYTES]; /* that one's hash, its beginning; zeros for 0 */
};

struct wire_link {
    uint8_t medium[WIRE_MEDIUM_BYTES]; /* version of the media master, keyed hash */
    uint64_t card_number;              /* a valid one */
};

/* Links from + 1, from + 2 ... Other than the terminal's `no`: the club begins anew. */
struct wire_links {
    bool is_there;
    uint32_t from, count; /* 0..2^31-1; 0..WIRE_LINKS_MAX */
    struct wire_link list[WIRE_LINKS_MAX];
};

/* Actions (firmware/engine/action.h): how far the terminal has what the club says of them. */
enum { WIRE_ACTIONS_MAX = 1000, WIRE_ACTION_MARK_BYTES = 8 };
struct wire_actions_have {
    bool is_there;                        /* false: it takes none */
    uint32_t no;                          /* 0 = nothing yet; else 1..2^31-1 */
    uint8_t mark[WIRE_ACTION_MARK_BYTES]; /* drawn by the club for that number; zeros for 0 */
    uint32_t start; /* where the club stood when the terminal began: of cards that had gone past an
                       action by then it need not hear */
    uint8_t layout; /* the latest layout of cards that it reads, 1..15; 1 when it does not tell */
};

struct wire_action {
    bool is_past;    /* the card is past this number: it and all lower ones of the card are over.
                        False:    this is the action of that number now */
    uint16_t number; /* 1..SNAPSHOT_ACTION_MAX */
    uint64_t card_number;                                 /* a valid one */
    uint8_t image[ACTION_BYTES], seal[ACTION_SEAL_BYTES]; /* not looked into; zeros when past */
};

/* What became of numbers from + 1 .. to, those that matter still. Other than the terminal's `no`:
 * the club begins anew, and what the terminal holds is over. */
struct wire_actions {
    bool is_there;
    uint32_t from, to;                    /* 0..2^31-1, from <= to */
    uint8_t mark[WIRE_ACTION_MARK_BYTES]; /* of `to` */
    uint32_t start;                       /* as in have */
    uint32_t count;                       /* 0..WIRE_ACTIONS_MAX */
    const struct wire_action *list;
};

/* Vouchers of organisations (docs/vouchers.md). A stream: the club numbers each change, and a
 * terminal tells the last one that it has. */
enum { WIRE_BONS_MAX = 200 };

/* One change. */
struct wire_bon {
    uint32_t series, serial;     /* 1..BON_NUMBER_MAX of engine/bon.h */
    bool is_used;                /* false: given back */
    uint32_t terminal, sequence; /* the entry that says so */
};

/* What a terminal has. */
struct wire_bons_have {
    bool is_there;        /* false: it takes none */
    uint32_t no;          /* of its last change, 0..2^31-1; 0 = none */
    struct wire_bon last; /* that one; meaningless when no is 0 */
};

/* Changes from + 1, from + 2 ... Other than the terminal's `no`: the club begins anew. */
struct wire_bons {
    bool is_there;
    uint32_t from, count; /* 0..2^31-1; 0..WIRE_BONS_MAX */
    struct wire_bon list[WIRE_BONS_MAX];
};

/* Lost cards (docs/decisions/0015-lost-cards.md): what the club vouches for of the cards that this
 * terminal reported, in the order of its reports. What a terminal has: a vouch for all its reports
 * up to entry `known`, a settled one for all up to entry `settled`; and for cards that were found
 * since, one more for each up to the club's number `again`. */
enum { WIRE_VOUCHES_MAX = 50 };
struct wire_lost_have {
    bool is_there;           /* false: it takes none */
    uint32_t known, settled; /* 0..WIRE_SEQUENCE_MAX, settled <= known; 0 = none */
    int64_t again;           /* 0 = none */
};

/* One lost card as the club's books have it. */
struct wire_vouch {
    uint64_t card_number; /* a valid one */
    uint64_t replaced_by; /* the card that came in its place; 0 = none */
    bool is_settled;      /* no terminal can have anything more of it: all balances may be put on
                             a replacement */
    uint8_t status;       /* enum card_status; 0 = the club knows no such card */
    uint8_t tier, group;
    int64_t points, credit, gift, voucher; /* within what a snapshot holds */
    int64_t as_of_s;  /* what terminals in use did up to then is in it; 0 = not known */
    uint64_t account; /* of the member whose card it is; 0 = nobody's. Theirs, 0 = not known: */
    uint8_t kind;
    uint16_t birthday, wedding, expires;
};

/* ... and what comes with an answer; what the terminal has then. */
struct wire_lost {
    bool is_there;
    uint32_t known, settled;
    int64_t again;
    uint32_t count; /* 0..WIRE_VOUCHES_MAX */
    struct wire_vouch list[WIRE_VOUCHES_MAX];
};

/* Card numbers, payloads: what the terminal has left of those reserved for it ... */
struct wire_numbers_have {
    bool is_there; /* false: it asks for none */
    uint64_t left; /* 0..WIRE_CARD_PAYLOAD_MAX */
    uint64_t last; /* the end of its newest range; 0 = it has none */
};
/* ... and another range for it. */
struct wire_numbers {
    bool is_there;
    uint64_t first, last; /* 1..WIRE_CARD_PAYLOAD_MAX, first <= last */
};

/* Which hotlist the terminal has. */
struct wire_list_have {
    uint32_t version; /* 0 = none */
    int64_t mark;     /* 0..LISTING_MARK_MAX */
    bool has_next;    /* a snapshot is under way: */
    uint32_t next_version;
    int64_t next_mark;
    uint64_t next_after; /* the last card number that has come; 0 = none */
};

/* News of the hotlist: a delta, or a piece of a snapshot. */
struct wire_list {
    bool is_piece;
    uint32_t from; /* delta: the version that it starts from */
    int64_t from_mark;
    uint32_t to; /* delta: the version that it ends at, >= from; piece: the snapshot's */
    int64_t to_mark;
    bool is_newest; /* delta: the club has nothing newer */
    uint64_t after; /* piece: as next_after */
    bool is_last;   /* piece: the snapshot is whole with it */
    uint32_t count; /* 0..WIRE_CHANGES_MAX */
    /* Ascending by card, each once. A piece has no LISTING_NONE. */
    const struct listing_change *changes;
};

/* One batch. About 580 KiB: allocate it once a thread, not on a stack. */
struct wire_sync {
    uint32_t terminal;              /* 1..WIRE_TERMINAL_MAX */
    uint32_t after;                 /* 0..WIRE_SEQUENCE_MAX */
    uint8_t base[ENTRY_HASH_BYTES]; /* chain value of entry `after` */
    uint32_t programme;             /* version that the terminal has; 0 = none */
    uint32_t refused; /* a version that it does not take: do not offer it again; 0 = none */
    char refused_say[WIRE_SAY_MAX + 1]; /* why, for a person; empty: not told, or none refused */
    struct wire_links_have links;
    struct wire_actions_have actions;
    struct wire_bons_have bons;
    struct wire_numbers_have numbers;
    struct wire_lost_have lost;
    int64_t mandate; /* version that the terminal has, 0 = none; -1: it takes none */
    bool has_list;   /* false: it takes no hotlist now */
    struct wire_list_have list;
    struct wire_health health;
    struct wire_device device;
    uint32_t entry_count; /* 0..WIRE_ENTRIES_MAX; after + count <= WIRE_SEQUENCE_MAX */
    struct wire_entry entries[WIRE_ENTRIES_MAX]; /* after + 1, after + 2 ...; not looked into */
};

ST_CHECK enum st wire_sync_encode(const struct wire_sync *sync, char *ret_text, size_t max,
                                  size_t *ret_size);
ST_CHECK enum st wire_sync_decode(const char *text, size_t size, struct wire_sync *ret,
                                  struct fault *fault);

/* The answer of status 200. */
struct wire_sync_answer {
    uint32_t acknowledged;      /* 0..WIRE_SEQUENCE_MAX */
    int64_t time_s;             /* the club's clock, seconds since 1970 UTC, > 0 */
    uint32_t programme_version; /* 0 = none newer than the terminal's; else 1..2^31-1 */
    const char *programme;      /* its document, NUL-terminated; NULL when the version is 0 */
    struct wire_links links;
    struct wire_actions actions;
    struct wire_bons bons;
    struct wire_numbers numbers;
    struct wire_lost lost;
    const char *mandate; /* a newer one, signed; NULL = there is none */
    struct wire_update update;
    uint32_t logs; /* number of the log that the club asks for, 1..2^31-1; 0 = none */
    bool has_list;
    struct wire_list list;
};

/* Where the large parts of an answer are copied to: the caller's, allocated once. */
struct wire_room {
    char programme[WIRE_PROGRAMME_MAX + 1];
    struct listing_change changes[WIRE_CHANGES_MAX];
    struct wire_action actions[WIRE_ACTIONS_MAX];
    char mandate[MANDATE_TEXT_MAX + 1];
};

ST_CHECK enum st wire_sync_answer_encode(const struct wire_sync_answer *answer, char *ret_text,
                                         size_t max, size_t *ret_size);
/* What `ret` points to lies in `room`. */
ST_CHECK enum st wire_sync_answer_decode(const char *text, size_t size,
                                         struct wire_sync_answer *ret, struct wire_room *room,
                                         struct fault *fault);

/* --- every other status --------------------------------------------------------------------- */

struct wire_error {
    char error[WIRE_ERROR_MAX + 1]; /* a word for programs: code, behind, chain ... */
    char say[WIRE_SAY_MAX + 1];     /* a sentence for a person */
    bool has_acknowledged;          /* with behind and chain (409) */
    uint32_t acknowledged;
};

ST_CHECK enum st wire_error_encode(const struct wire_error *error, char *ret_text, size_t max,
                                   size_t *ret_size);
ST_CHECK enum st wire_error_decode(const char *text, size_t size, struct wire_error *ret,
                                   struct fault *fault);

/* --- gzip ----------------------------------------------------------------------------------- */

/* Packs at level 1: entries are mostly numbers, more work gains little. `size` and `max` are at
 * most WIRE_ANSWER_MAX. ST_FULL, ST_IO. */
ST_CHECK enum st wire_gzip(const void *bytes, size_t size, void *ret_packed, size_t max,
                           size_t *ret_size);
/* Unpacks exactly one gzip member. Work and memory are bounded by `max`, whatever the bytes claim.
 * ST_FOREIGN  not gzip, cut, damaged, or followed by other bytes.
 * ST_FULL     it would unpack to more than `max` bytes.
 * ST_IO       out of memory. */
ST_CHECK enum st wire_gunzip(const void *packed, size_t size, void *ret_bytes, size_t max,
                             size_t *ret_size, struct fault *fault);

/* --- base64 (RFC 4648 section 4, with padding) ------------------------------------------------ */

/* Writes 4 * ceil(size / 3) characters, no NUL. */
void wire_base64_encode(const uint8_t *bytes, size_t size, char *ret_text);
/* Reads canonical base64 only, so that the same bytes always are the same text. ST_FOREIGN. */
ST_CHECK enum st wire_base64_decode(const char *text, size_t size, uint8_t *ret_bytes, size_t max,
                                    size_t *ret_size);

#endif
