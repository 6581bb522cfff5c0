/* timing_cards.h - what commands of DESFire and Ultralight cards cost, beside timing.h.
 *
 * `air_us` of a DESFire command is bytes in the air alone; what the card thinks comes on top. The
 * card's thinking is not in its public data sheet. Measured on a real card (proxmark3, traces
 * hf_mfdes_sniff.trace): select 0.8 ms, authentication 2.5 and 2.0, GetFileSettings 1.0, read 1.1.
 * Assumed, for want of any figure: Debit, Credit 1.5, writing into a shadow 3.0, CommitTransaction
 * and all else that programs EEPROM 8.0, and 1.0 for the rest. Programming a page of an Ultralight
 * is assumed to take 4.0 ms. */
#ifndef TOOLS_PN532_SIM_TIMING_CARDS_H
#define TOOLS_PN532_SIM_TIMING_CARDS_H

#include "tools/pn532-sim/card.h"
#include "tools/pn532-sim/timing.h"

/* Select and RATS of a DESFire. */
struct timing_cost timing_activate(uint8_t uid_bytes);

/* DESELECT, R(NAK) and the like, a byte each way. */
struct timing_cost timing_block(const char *name);

/* One exchange: what went out and came back. `authenticates`: it is the second half of an
 * authentication. `timeout_us` passes when the card is silent. */
struct timing_cost timing_desfire(const uint8_t *tx, size_t tx_bytes, const uint8_t *rx,
                                  size_t rx_bytes, bool authenticates, uint32_t timeout_us);

struct timing_cost timing_ultralight(const uint8_t *tx, size_t tx_bytes,
                                     enum ultralight_answer answer, size_t rx_bytes,
                                     uint32_t timeout_us);

#endif
