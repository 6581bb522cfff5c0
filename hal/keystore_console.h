/* keystore_console.h - what a ceremony at a device's console asks before anybody types a half.
 *
 * A device has no command line: version, roles and custodians are asked for, with an answer that
 * Enter takes. Shows which masters the store has, by check values. For vafa-keys only. */
#ifndef HAL_KEYSTORE_CONSOLE_H
#define HAL_KEYSTORE_CONSOLE_H

#include "hal/base/status.h"
#include "hal/keystore_ceremony.h"

#define KEYSTORE_CONSOLE_PATIENCE "300" /* seconds for a line */

/* Fills in all but `where` and `patience_s`, which the caller has set. A store that is there must
 * be proved: who stands at a console is nobody who may write its file.
 * ST_REFUSED  an answer was wrong three times. ST_GONE  the input ended, or nobody answered.
 * Others      as keystore_open(): there is a store, and it cannot be used. */
ST_CHECK enum st keystore_console_ask(struct ceremony *ceremony, struct fault *fault);

#endif
