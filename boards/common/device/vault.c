#include "boards/common/device/vault.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "hal/base/bytes.h"

/* ext4's superblock, and where LUKS2 with the smallest metadata area has its second header. */
enum {
    SUPER_AT = 1024,
    SUPER_INODES = SUPER_AT,
    SUPER_INODES_FREE = SUPER_AT + 0x10,
    SUPER_MOUNTED_AT = SUPER_AT + 0x2c,
    SUPER_MOUNTS = SUPER_AT + 0x34,
    SUPER_MAGIC = SUPER_AT + 0x38,
    EXT4_MAGIC = 0xef53,
    INODES_OF_EMPTY = 11, /* ten are ext4's own, one is lost+found */
    SECOND_HEADER_AT = 16 * 1024,
};

/* The count of free inodes is right as long as nothing was mounted: the kernel notes mounts at
 * once, and this count later. */
static bool is_empty(const uint8_t *head)
{
    return get_le32(head + SUPER_MOUNTED_AT) == 0 && get_le16(head + SUPER_MOUNTS) == 0 &&
           get_le32(head + SUPER_INODES) - get_le32(head + SUPER_INODES_FREE) == INODES_OF_EMPTY;
}

static bool is_luks(const uint8_t *head)
{
    static const uint8_t first[] = {'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 2};
    static const uint8_t second[] = {'S', 'K', 'U', 'L', 0xba, 0xbe, 0, 2};
    return memcmp(head, first, sizeof first) == 0 ||
           memcmp(head + SECOND_HEADER_AT, second, sizeof second) == 0;
}

static bool is_mark(const uint8_t *mark, const char *text)
{
    return memcmp(mark, text, strlen(text) + 1) == 0;
}

enum vault_disk vault_look(const uint8_t head[VAULT_HEAD_BYTES],
                           const uint8_t mark[VAULT_MARK_BYTES])
{
    if (get_le16(head + SUPER_MAGIC) == EXT4_MAGIC) {
        return is_empty(head) ? VAULT_DISK_EMPTY : VAULT_DISK_PLAIN;
    }
    if (is_mark(mark, VAULT_MARK_MAKING)) {
        return VAULT_DISK_BEGUN;
    }
    return is_luks(head) || is_mark(mark, VAULT_MARK_DONE) ? VAULT_DISK_ENCIPHERED
                                                           : VAULT_DISK_UNKNOWN;
}

enum vault_act vault_decide(enum vault_disk disk, bool has_key)
{
    switch (disk) {
    case VAULT_DISK_EMPTY:
        return has_key ? VAULT_ACT_MAKE : VAULT_ACT_PLAIN;
    case VAULT_DISK_BEGUN:
        return has_key ? VAULT_ACT_MAKE : VAULT_ACT_REFUSE;
    case VAULT_DISK_ENCIPHERED:
        return has_key ? VAULT_ACT_OPEN : VAULT_ACT_REFUSE;
    case VAULT_DISK_UNKNOWN:
    case VAULT_DISK_PLAIN:
        break;
    }
    return VAULT_ACT_PLAIN; /* where it is damaged, it is repaired as ever */
}

bool vault_has_key(const char *path)
{
    uint8_t key[VAULT_KEY_BYTES + 1];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = fd >= 0 ? read(fd, key, sizeof key) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    const bool is_key = bytes == VAULT_KEY_BYTES && memcmp(key, key + 1, VAULT_KEY_BYTES - 1) != 0;
    explicit_bzero(key, sizeof key);
    return is_key;
}
