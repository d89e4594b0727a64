/* Lets the Nth system call that concerns a folder fail, or end the process: preloaded by tests/faults/sweep.py.

   Counted are the calls below on paths in the folder and on descriptors that were opened there. Nothing happens until
   fault_arm; the count starts there. Once a call has failed, SQLite's pauses before it tries again take no time: it
   counts them, and so gives up after as many tries, half a minute sooner. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KILL = -1, TORN = -2 }; /* else an errno */

static char folder[4096];
static size_t folder_size;
static long at, count;
static int action, always;
static unsigned char ours[65536];
static const char *where = "";

void fault_arm(const char *path, long n, int what, int from_then_on) {
    strncpy(folder, path, sizeof folder - 1);
    folder_size = strlen(folder);
    at = n, action = what, always = from_then_on, count = 0, where = "";
}
long fault_count(void) { return count; }
const char *fault_where(void) { return where; }

static int inside(const char *path) { return folder_size && path && !strncmp(path, folder, folder_size); }
static int open_here(int fd) { return fd >= 0 && fd < (int)sizeof ours && ours[fd]; }

/* Whether this call is to fail; one that is to kill does not return. */
static int strikes(const char *name) {
    count++;
    if (!at || count < at || (count > at && !always)) return 0;
    if (count == at) where = name;
    if (action == KILL) kill(getpid(), SIGKILL);
    if (action == TORN) return 0;
    errno = action;
    return 1;
}
static int torn(void) { return at && count == at && action == TORN; }

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = inside(path);
    return fd;
}

#define OPEN(NAME) \
    int NAME(const char *path, int flags, ...) { \
        REAL(int, #NAME, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (inside(path) && strikes(#NAME)) return -1; \
        return opened(real(path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(NAME) \
    int NAME(int folder_fd, const char *path, int flags, ...) { \
        REAL(int, #NAME, int, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (inside(path) && strikes(#NAME)) return -1; \
        return opened(real(folder_fd, path, flags, mode), path); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = 0;
    return real(fd);
}

ssize_t read(int fd, void *data, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    if (open_here(fd) && strikes("read")) return -1;
    return real(fd, data, size);
}
ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (open_here(fd)) {
        if (strikes("write")) return -1;
        if (torn()) { real(fd, data, size / 2); kill(getpid(), SIGKILL); }
    }
    return real(fd, data, size);
}

#define PREAD(NAME, OFFSET) \
    ssize_t NAME(int fd, void *data, size_t size, OFFSET offset) { \
        REAL(ssize_t, #NAME, int, void *, size_t, OFFSET); \
        if (open_here(fd) && strikes(#NAME)) return -1; \
        return real(fd, data, size, offset); \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define PWRITE(NAME, OFFSET) \
    ssize_t NAME(int fd, const void *data, size_t size, OFFSET offset) { \
        REAL(ssize_t, #NAME, int, const void *, size_t, OFFSET); \
        if (open_here(fd)) { \
            if (strikes(#NAME)) return -1; \
            if (torn()) { real(fd, data, size / 2, offset); kill(getpid(), SIGKILL); } \
        } \
        return real(fd, data, size, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define ON_DESCRIPTOR(NAME) \
    int NAME(int fd) { \
        REAL(int, #NAME, int); \
        if (open_here(fd) && strikes(#NAME)) return -1; \
        return real(fd); \
    }
ON_DESCRIPTOR(fsync)
ON_DESCRIPTOR(fdatasync)

#define TRUNCATE(NAME, OFFSET) \
    int NAME(int fd, OFFSET size) { \
        REAL(int, #NAME, int, OFFSET); \
        if (open_here(fd) && strikes(#NAME)) return -1; \
        return real(fd, size); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int flock(int fd, int operation) {
    REAL(int, "flock", int, int);
    if (open_here(fd) && strikes("flock")) return -1;
    return real(fd, operation);
}

#define FCNTL(NAME) \
    int NAME(int fd, int command, ...) { \
        REAL(int, #NAME, int, int, ...); \
        va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest); \
        if (open_here(fd) && strikes(#NAME)) return -1; \
        return real(fd, command, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(NAME, OFFSET) \
    void *NAME(void *address, size_t size, int protection, int flags, int fd, OFFSET offset) { \
        REAL(void *, #NAME, void *, size_t, int, int, int, OFFSET); \
        if (open_here(fd) && strikes(#NAME)) return MAP_FAILED; \
        return real(address, size, protection, flags, fd, offset); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    if (inside(path) && strikes("unlink")) return -1;
    return real(path);
}
int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    if ((inside(from) || inside(to)) && strikes("rename")) return -1;
    return real(from, to);
}
int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    if ((inside(from) || inside(to)) && strikes("link")) return -1;
    return real(from, to);
}

#define STAT(NAME, TYPE) \
    int NAME(const char *restrict path, struct TYPE *restrict status) { \
        REAL(int, #NAME, const char *, struct TYPE *); \
        if (inside(path) && strikes(#NAME)) return -1; \
        return real(path, status); \
    }
STAT(stat, stat)
STAT(stat64, stat64)

#define FSTAT(NAME, TYPE) \
    int NAME(int fd, struct TYPE *status) { \
        REAL(int, #NAME, int, struct TYPE *); \
        if (open_here(fd) && strikes(#NAME)) return -1; \
        return real(fd, status); \
    }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

int usleep(useconds_t microseconds) {
    REAL(int, "usleep", useconds_t);
    return at && count >= at ? 0 : real(microseconds);
}
int nanosleep(const struct timespec *time, struct timespec *left) {
    REAL(int, "nanosleep", const struct timespec *, struct timespec *);
    return at && count >= at ? 0 : real(time, left);
}
