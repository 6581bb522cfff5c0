/* rights.h - the users and groups of a device. tools/image writes the same into /etc/passwd, for
 * people, and gives vafa-reader its user. Which owns what: docs/decisions/0017-image.md. */
#ifndef BOARDS_COMMON_DEVICE_RIGHTS_H
#define BOARDS_COMMON_DEVICE_RIGHTS_H

enum {
    RIGHTS_TERMINAL = 900, /* keys, database, till's socket */
    RIGHTS_READER = 901,   /* the reader's serial device */
    RIGHTS_SYNC = 902,     /* network, TLS identity, database */
    RIGHTS_REGISTER = 903, /* the register's serial device */
    RIGHTS_TILL = 910,     /* a group: who may ask the till */
    RIGHTS_JOURNAL = 911,  /* a group: who may use the database */
};

#endif
