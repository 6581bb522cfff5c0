/* overlap.h - the disk and the card at work at the same time. */
#ifndef FIRMWARE_TERMINAL_OVERLAP_H
#define FIRMWARE_TERMINAL_OVERLAP_H

/* For terminal_config.overlap: runs disk(ctx) in a thread of its own, card(ctx) in the caller's,
 * and returns when both have returned. If no thread can be had, one runs after the other. */
void overlap_by_thread(void (*disk)(void *), void (*card)(void *), void *ctx);

#endif
