/* LD_PRELOAD recorder: counts the system calls by which one process changes what is on the disk (or prints
 * its answer), writes them down, and at the chosen one kills, tears or fails. Only for tests; nothing of it
 * is in the product. tests/harness/recorder.rs sets the environment and reads the log.
 *
 *   ATOLL_FAULT_LOG=FILE    a line a call: number, name, bytes, file
 *   ATOLL_FAULT_KILL=N      SIGKILL to itself before the N-th call
 *   ATOLL_FAULT_TEAR=P      with KILL: where the N-th call writes, P thousandths of its bytes go out first
 *   ATOLL_FAULT_SYNC=N      the N-th fsync or fdatasync fails with EIO and syncs nothing
 *   ATOLL_FAULT_FULL=N      the N-th write to a file, or one that creates a file, fails with ENOSPC
 *   ATOLL_FAULT_EVER=1      and every one after it
 *
 * A call counts where it goes to a regular file or to standard output (the answer is an event too); sockets,
 * pipes and standard error do not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long kill_at, tear = -1, sync_at, full_at, ever;
static int log_fd = -1;
static atomic_long calls, syncs, fills;
static __thread int inside;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

__attribute__((constructor)) static void begin(void) {
    kill_at = number("ATOLL_FAULT_KILL", 0);
    tear = number("ATOLL_FAULT_TEAR", -1);
    sync_at = number("ATOLL_FAULT_SYNC", 0);
    full_at = number("ATOLL_FAULT_FULL", 0);
    ever = number("ATOLL_FAULT_EVER", 0);
    const char *log = getenv("ATOLL_FAULT_LOG");
    if (log && *log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static int counts(int fd) {
    struct stat st;
    return fd == 1 || (fd > 2 && fd != log_fd && fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
}

static int counts_sync(int fd) {
    struct stat st;
    return fd > 2 && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        pause();
}

/* Numbers a call; whether it is the last one. */
static int reached(const char *name, long bytes, int fd, const char *path) {
    if (inside)
        return 0;
    inside = 1;
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (log_fd >= 0) {
        char line[600], link[40], file[400] = "";
        if (path) {
            snprintf(file, sizeof file, "%s", path);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t len = readlink(link, file, sizeof file - 1);
            file[len < 0 ? 0 : len] = 0;
        }
        int len = snprintf(line, sizeof line, "%ld %s %ld %s\n", n, name, bytes, file);
        syscall(SYS_write, log_fd, line, len);
    }
    inside = 0;
    return kill_at > 0 && n == kill_at;
}

static void last(const char *name, int fd, const char *path) {
    if (reached(name, 0, fd, path))
        die();
}

static int hits(atomic_long *counter, long at) {
    long n = atomic_fetch_add(counter, 1) + 1;
    return at > 0 && (n == at || (ever && n > at));
}

static int is_full(int fd) {
    if (fd <= 2 || !hits(&fills, full_at))
        return 0;
    errno = ENOSPC;
    return 1;
}

/* One write: number it, tear it, refuse it. offset -1: at the file's own place. */
static ssize_t put(const char *name, int fd, const void *bytes, size_t len, off_t offset) {
    if (counts(fd)) {
        if (reached(name, (long)len, fd, NULL)) {
            size_t part = tear > 0 ? len * (size_t)tear / 1000 : 0;
            if (part > 0 && offset < 0)
                syscall(SYS_write, fd, bytes, part);
            else if (part > 0)
                syscall(SYS_pwrite64, fd, bytes, part, offset);
            die();
        }
        if (is_full(fd))
            return -1;
    }
    return offset < 0 ? syscall(SYS_write, fd, bytes, len) : syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t write(int fd, const void *bytes, size_t len) { return put("write", fd, bytes, len, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return put("pwrite", fd, bytes, len, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) { return put("pwrite", fd, bytes, len, at); }

/* Gathered writes go out piece by piece, which POSIX allows (a short write) and which makes each a point. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!counts(fd) || count < 1)
        return syscall(SYS_writev, fd, parts, count);
    while (count > 1 && parts->iov_len == 0)
        parts++, count--;
    return put("writev", fd, parts->iov_base, parts->iov_len, -1);
}

static ssize_t put_at(int fd, const struct iovec *parts, int count, off_t at) {
    while (count > 1 && parts->iov_len == 0)
        parts++, count--;
    return count < 1 ? 0 : put("pwritev", fd, parts->iov_base, parts->iov_len, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return put_at(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return put_at(fd, parts, count, at); }

/* Copying inside the kernel, as `cp` does it: one write, as long as what is left of the source. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags) {
    struct stat st;
    off_t at = from_at ? *from_at : lseek(from, 0, SEEK_CUR);
    if (counts(to) && fstat(from, &st) == 0) {
        if (at >= 0 && (size_t)(st.st_size > at ? st.st_size - at : 0) < len)
            len = st.st_size > at ? st.st_size - at : 0;
        if (len > 0 && reached("copy_file_range", (long)len, to, NULL)) {
            if (tear > 0)
                syscall(SYS_copy_file_range, from, from_at, to, to_at, len * (size_t)tear / 1000, flags);
            die();
        }
        if (len > 0 && is_full(to))
            return -1;
    }
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, len, flags);
}

static int cut_to(int fd, off_t len) {
    if (counts(fd))
        last("ftruncate", fd, NULL);
    return (int)syscall(SYS_ftruncate, fd, len);
}
int ftruncate(int fd, off_t len) { return cut_to(fd, len); }
int ftruncate64(int fd, off64_t len) { return cut_to(fd, len); }

static int reserve(int fd, int mode, off_t at, off_t len) {
    last("fallocate", fd, NULL);
    if (is_full(fd))
        return -1;
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}
int fallocate(int fd, int mode, off_t at, off_t len) { return reserve(fd, mode, at, len); }
int fallocate64(int fd, int mode, off64_t at, off64_t len) { return reserve(fd, mode, at, len); }
int posix_fallocate(int fd, off_t at, off_t len) { return reserve(fd, 0, at, len) ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t len) { return reserve(fd, 0, at, len) ? errno : 0; }

static int sync_or_fail(const char *name, long call, int fd) {
    if (counts_sync(fd)) {
        last(name, fd, NULL);
        if (hits(&syncs, sync_at)) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(call, fd);
}
int fsync(int fd) { return sync_or_fail("fsync", SYS_fsync, fd); }
int fdatasync(int fd) { return sync_or_fail("fdatasync", SYS_fdatasync, fd); }

int rename(const char *from, const char *to) {
    last("rename", -1, to);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int unlink(const char *path) {
    last("unlink", -1, path);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
int unlinkat(int folder, const char *path, int flags) {
    last("unlink", -1, path);
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}
int link(const char *from, const char *to) {
    last("link", -1, to);
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int mkdir(const char *path, mode_t mode) {
    last("mkdir", -1, path);
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
int fchmod(int fd, mode_t mode) {
    last("fchmod", fd, NULL);
    return (int)syscall(SYS_fchmod, fd, mode);
}
int chmod(const char *path, mode_t mode) {
    last("chmod", -1, path);
    return (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

static int open_or_fail(int folder, const char *path, int flags, mode_t mode) {
    struct stat st;
    int makes = (flags & O_CREAT) && fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0;
    if (makes || (flags & O_TRUNC)) {
        last("open", -1, path);
        if (hits(&fills, full_at)) {
            errno = ENOSPC;
            return -1;
        }
    }
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }
int open(const char *path, int flags, ...) { MODE(flags) return open_or_fail(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_or_fail(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_or_fail(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_or_fail(folder, path, flags, mode); }
