/* desk_priv.h - between desk.c, which takes a request of the counter from its beginning to its end,
 * and the files that serve one sort of request each.
 *
 * Private to firmware/terminal/desk*.c. What returns a progress has ended the request, or begun to
 * wait for a card; a bool is false when the request is answered already. */
#ifndef FIRMWARE_TERMINAL_DESK_PRIV_H
#define FIRMWARE_TERMINAL_DESK_PRIV_H

#include "firmware/terminal/desk.h"

enum phase {
    PHASE_IDLE,
    PHASE_TAP,  /* a tap under its own name */
    PHASE_SCAN, /* find or link: a scan, a tag or (find) a card is waited for */
    PHASE_CARD, /* link: the medium is known, the card is waited for */
    PHASE_OVER, /* answered; the terminal may still hold the card */
};

struct desk {
    struct desk_config config;
    enum phase phase;
    struct desk_request request; /* `medium` is filled in when it was scanned */
    int64_t deadline_ms;
    bool is_cancelled;
    enum st scan;          /* of a scan that came meanwhile; ST_AGAIN: none */
    struct {               /* the last card that was moved: no name lies on a disk */
        uint32_t sequence; /* 0 = none */
        char name[CARD_NAME_BYTES_MAX + 1];
    } moved;
    struct fault scan_say;
    struct desk_answer answer;
};

/* --- desk.c --------------------------------------------------------------------------------- */

void desk_log(const struct desk *desk, const char *event, const char *text);
/* Ends the request; the answer is set. */
enum terminal_progress desk_over(struct desk *desk);
/* Ends it without success. `say` NULL: the reason's own sentence. */
enum terminal_progress desk_fail(struct desk *desk, enum tap_reason reason, const char *say);
/* The same: refused when `st` is ST_REFUSED, else the disk. */
enum terminal_progress desk_fail_say(struct desk *desk, enum st st, const struct fault *say);
enum terminal_progress desk_fail_store(struct desk *desk);
/* Whose unit money is said in; NULL: none is in force. */
const struct programme *desk_programme(const struct desk *desk);
struct members desk_members(const struct desk *desk);

/* Waits for a card, until the request's time is over. */
enum terminal_progress desk_begin_reading(struct desk *desk, enum phase phase);
void desk_end_reading(struct desk *desk);
/* A tag that was read goes on lying there; it is not the card that is waited for. */
void desk_end_reading_of_tag(struct desk *desk);

/* --- desk_link.c: find and link ------------------------------------------------------------- */

/* The card that a medium finds here. ST_REFUSED: none. ST_UNSUPPORTED: no media master. ST_GONE:
 * the key store is silent. Others: the store's. */
ST_CHECK enum st desk_find_link(const struct desk *desk, const struct identifier *id,
                                uint64_t *ret_card);
enum terminal_progress desk_fail_link(struct desk *desk, enum st st);
void desk_log_found(const struct desk *desk, const char *event, uint64_t card);
enum terminal_progress desk_find(struct desk *desk);
/* The medium is known: may it be linked at all? Then the card is waited for. */
enum terminal_progress desk_begin_link(struct desk *desk);
enum terminal_progress desk_link_card(struct desk *desk, const struct tap_answer *tap);

/* --- desk_members.c ------------------------------------------------------------------------- */

enum terminal_progress desk_join(struct desk *desk);
enum terminal_progress desk_earn(struct desk *desk);
enum terminal_progress desk_earn_back(struct desk *desk);
enum terminal_progress desk_tell_number(struct desk *desk);
/* An issue: what was said of the member is judged and sealed before any card is looked for. */
bool desk_prepare_issue(struct desk *desk);

/* --- desk_lost.c: one card in the place of another ------------------------------------------ */

/* The second half of a duplicate: what left the old card is known before a blank one is waited for.
 */
bool desk_prepare_take_over(struct desk *desk);
void desk_keep_moved(struct desk *desk, const struct tap_answer *tap);
/* The card is named: report it, take the report back, or replace it. */
enum terminal_progress desk_lose(struct desk *desk, uint64_t card, enum report_how how);
enum terminal_progress desk_lose_by_medium(struct desk *desk);
bool desk_is_about_loss(const struct desk *desk);

#endif
