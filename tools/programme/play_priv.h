/* play_priv.h - what the files of play.h share. */
#ifndef TOOLS_PROGRAMME_PLAY_PRIV_H
#define TOOLS_PROGRAMME_PLAY_PRIV_H

#include "tools/programme/play.h"

enum { PLAY_TERMINAL = 1 };

/* Takes the field "at", if there is one, as the time from now on. */
ST_CHECK enum st play_read_at(struct play *play, const json_t *from, struct fault *fault);

#endif
