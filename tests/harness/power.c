/* Cuts the power of a file system: what its journal has not written is gone (EXT4_IOC_SHUTDOWN, NOLOGFLUSH).
 * Usage: power FOLDER. Exit code 0: it is off; 1: no right or no ext4. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

int main(int count, char **words) {
    uint32_t no_log_flush = 2;
    int fd = count == 2 ? open(words[1], O_RDONLY) : -1;
    if (fd < 0 || ioctl(fd, 0x8004587d, &no_log_flush) != 0) {
        perror("shutdown");
        return 1;
    }
    return 0;
}
