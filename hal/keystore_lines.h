/* keystore_lines.h - the lines of a ceremony: typed by people at a terminal, or given by a script.
 *
 * From lines_open() to lines_close() a terminal shows nothing that is typed but the lines that are
 * asked for as shown; bytes are taken one by one, so that no buffer keeps a half. At a terminal
 * Backspace and Ctrl-U correct, Ctrl-C ends the program, and whatever is no letter, digit or sign
 * is left out: noise on a serial line. One at a time; for vafa-keys only. */
#ifndef HAL_KEYSTORE_LINES_H
#define HAL_KEYSTORE_LINES_H

#include <stdbool.h>

#include "hal/base/status.h"

enum { LINES_TEXT_MAX = 160 };

struct lines {
    bool is_terminal;
    unsigned patience_s;           /* a line that is not whole after so long ends it; 0: no bound */
    bool was_return;               /* the line before ended with CR: a LF may follow */
    char text[LINES_TEXT_MAX + 1]; /* the last line, without its end; the caller wipes it */
};

/* Standard input. */
void lines_open(struct lines *lines, unsigned patience_s);
/* The terminal is as it was. */
void lines_close(const struct lines *lines);

/* The next line, in lines->text.
 * ST_REFUSED  it is longer than LINES_TEXT_MAX bytes.
 * ST_GONE     the input ended, or nobody finished a line in time. */
ST_CHECK enum st lines_read(struct lines *lines, bool is_shown, struct fault *fault);

/* Takes all blanks out of lines->text. */
void lines_squeeze(struct lines *lines);

#endif
