/* places.h - where things lie on a device: docs/decisions/0017-image.md. */
#ifndef BOARDS_COMMON_DEVICE_PLACES_H
#define BOARDS_COMMON_DEVICE_PLACES_H

#define DATABASE "/data/terminal/terminal.db"
#define KEYS     "/data/keys/keys"
#define IDENTITY "/data/identity"
#define LOG      "/data/log/device"
#define SOCKET   "/run/till/till.sock"
#define REPORT   "/run/vafa/device"
/* What the club's clock says, by vafa-sync, in a folder of its own. */
#define CLOCK_CLAIM "/run/clock/club"

#endif
