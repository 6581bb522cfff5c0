#include "server/said.h"

#include "hal/base/utf8.h"

static void make_plain(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
}

void said_sync(struct wire_sync *batch)
{
    utf8_make_shown(batch->refused_say);
    make_plain(batch->health.firmware);
    make_plain(batch->device.board);
    make_plain(batch->device.self_test);
    make_plain(batch->device.update);
}

void said_enrol(struct wire_enrol *enrol)
{
    make_plain(enrol->board);
}
