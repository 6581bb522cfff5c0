/* said.h - what terminals say of themselves, made fit to be kept and shown.
 *
 * A terminal in another's hands can say any bytes: they would order about the screen of whoever
 * looks at the fleet, turn a line around, or be cut in the middle of a letter. Called once on what
 * was decoded, before anything else reads it. Pure. */
#ifndef SERVER_SAID_H
#define SERVER_SAID_H

#include "sync/wire.h"

/* Boards, firmware and what a device says: ours are plain ASCII, so any other byte becomes a '?'.
 * Why a programme is refused may quote its Persian names: what is not shown becomes a '?'
 * (hal/base/utf8.h). */
void said_sync(struct wire_sync *batch);
void said_enrol(struct wire_enrol *enrol);

#endif
