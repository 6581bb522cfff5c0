/* owner.h - gives files to their users, in folders that belong to users who may have been broken
 * into. */
#ifndef BOARDS_COMMON_DEVICE_OWNER_H
#define BOARDS_COMMON_DEVICE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

/* True: it has them now, or it is not there. A link, a device, a pipe or a file with a second name
 * is left as it is: who may write in its folder would choose what is given away. Then, and when the
 * file system fails, false, and errno says why. */
bool owner_set(const char *path, uid_t user, gid_t group, mode_t mode);

#endif
