/* line.h - the serial line: a pseudo terminal under a stable name.
 *
 * The simulator keeps the host's end open too, so that hosts may come and go. What nobody reads
 * is dropped when the kernel's buffer is full, as on a wire. One thread. */
#ifndef TOOLS_PN532_SIM_LINE_H
#define TOOLS_PN532_SIM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line {
    int chip_fd; /* -1: unplugged */
    int host_fd;
    char device[64];  /* "/dev/pts/7" */
    const char *link; /* symbolic link to it, or NULL; the caller's string */
};

/* Makes the pseudo terminal, raw, and points `link` to it. NULL, or a sentence for a person. */
const char *line_plug(struct line *line, const char *link);

/* Closes it and removes the link: the host gets errors, as when a USB plug is pulled. */
void line_unplug(struct line *line);

/* Bytes from the host; 0 when there are none. */
size_t line_read(struct line *line, uint8_t *bytes, size_t bytes_max);

/* Bytes to the host. */
void line_write(struct line *line, const uint8_t *bytes, size_t count);

/* The speed that the host has set, in baud; 0 when it is none of 9600 to 921600. */
uint32_t line_host_baud(const struct line *line);

#endif
