// A clock of the day that jumps: preloaded, it is an hour ahead, an hour behind and in the year 2040 by turns.
// The clocks that only go on, by which time is measured, are left alone.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

static long jump(void) {
    static atomic_uint calls;
    switch (atomic_fetch_add(&calls, 1) % 4) {
        case 0: return 3600;
        case 1: return -3600;
        case 2: return 14L * 365 * 24 * 3600;
        default: return 0;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*true_clock)(clockid_t, struct timespec *);
    if (!true_clock) true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = true_clock(clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec spec;
    int failed = clock_gettime(CLOCK_REALTIME, &spec);
    if (!failed) *now = (struct timeval){spec.tv_sec, spec.tv_nsec / 1000};
    return failed;
}

time_t time(time_t *result) {
    struct timespec spec;
    clock_gettime(CLOCK_REALTIME, &spec);
    if (result) *result = spec.tv_sec;
    return spec.tv_sec;
}
