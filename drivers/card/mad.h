/* mad.h - the MIFARE application directory of a card's first 16 sectors (MAD1), as bytes.
 *
 * Pure. 32 bytes, blocks 1 and 2 of sector 0: a CRC, an info byte, then two bytes for each of the
 * sectors 1..15. Source: NXP AN10787. */
#ifndef DRIVERS_CARD_MAD_H
#define DRIVERS_CARD_MAD_H

#include <stdbool.h>
#include <stdint.h>

enum { MAD_BYTES = 32, MAD_SECTORS = 16 };

/* Application identifiers. Function cluster 38h is "company services"; the application code in it
 * is given out by NXP, and this one is not registered: a club that shares cards with others
 * registers its own and changes it here. */
enum {
    MAD_FREE = 0x0000,
    MAD_OURS = 0x3856,
};

/* General purpose byte of sector 0: a directory is there, several applications, version 1. */
enum { MAD_GPB = 0xC1 };

/* The key that lets everybody read the directory. */
extern const uint8_t mad_public_key[6];

/* True when the CRC fits. */
bool mad_is_valid(const uint8_t mad[MAD_BYTES]);

/* Entry of `sector` 1..15. Setting one leaves the CRC wrong until mad_seal. */
uint16_t mad_entry(const uint8_t mad[MAD_BYTES], uint8_t sector);
void mad_set(uint8_t mad[MAD_BYTES], uint8_t sector, uint16_t aid);
void mad_seal(uint8_t mad[MAD_BYTES]);

/* True when the CRC fits, or fits once our entries of the second block are taken back to free: we
 * claim sectors in the second block first, and that is what a cut between the two leaves. */
bool mad_repair(uint8_t mad[MAD_BYTES]);

/* The sectors that carry `aid`: bit n for sector n. */
uint16_t mad_find(const uint8_t mad[MAD_BYTES], uint16_t aid);

#endif
