/* A FastAGI load generator that costs little and hides nothing.
 *
 *     load PORT CALLS closed IN_FLIGHT FIRST DIDS WORD      a fixed number of calls in flight
 *     load PORT CALLS open PER_SECOND FIRST DIDS WORD       a fixed rate of arrivals
 *
 * DIDS is a file with a number a line; FIRST is the first call's number, so that no two runs share a call's id. Every
 * call sends its header, replies to each command, and ends when the server closes; it counts as answered where an ARRAY
 * that names FR_SOURCE holds WORD, the source that is measured. In an open loop a call's time is counted from the moment at which it was to arrive, so that a
 * stall, the generator's own too, is seen by every call that it held up.
 *
 * It prints `WALL_NS FAILED LATEST_NS` (LATEST_NS: how far behind its plan it ever was), then each call's time in ns,
 * one a line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 65536
#define LINE_BYTES 4096
#define EVENTS 256
#define CALLERS 5000
#define REPLY "200 result=1\n"
#define ARRAY "SET VARIABLE ARRAY("
#define SECOND 1000000000LL

static const char HEADER[] =
    "agi_network: yes\nagi_network_script: ask\nagi_request: agi://127.0.0.1:%d/ask\n"
    "agi_channel: SIP/trunk-%08lx\nagi_language: en\nagi_type: SIP\nagi_uniqueid: 1700000000.%ld\n"
    "agi_version: 22.10.1\nagi_callerid: 7495%07ld\nagi_calleridname: unknown\nagi_callingpres: 0\n"
    "agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: %s\nagi_rdnis: unknown\n"
    "agi_context: from-trunk\nagi_extension: %s\nagi_priority: 5\nagi_enhanced: 0.0\nagi_accountcode: \n"
    "agi_threadid: 140000000000000\nagi_arg_1: %s\nagi_arg_2: init\n\n";

/* A call in flight: when it was to arrive, whether its header is out, and the line that is being read. */
struct call {
    int64_t planned;
    long number;
    int sent, answered;
    size_t length;
    char line[LINE_BYTES];
};

static struct call *calls[MOST_FDS];
static int port, epoll;
static long wanted_calls, first, placed, ended, failed, did_count;
static char (*dids)[24];
static int64_t *took, latest;
static const char *word;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * SECOND + at.tv_nsec;
}

static void read_dids(const char *path) {
    FILE *in = fopen(path, "r");
    long room = 0;
    if (!in) fail(path);
    for (;;) {
        if (did_count == room && !(dids = realloc(dids, (size_t)(room = room * 2 + 64) * sizeof *dids))) fail("realloc");
        if (fscanf(in, "%23s", dids[did_count]) != 1) break;
        did_count++;
    }
    fclose(in);
    if (!did_count) {
        fprintf(stderr, "%s names no number\n", path);
        exit(1);
    }
}

static void end(int64_t planned, int answered) {
    took[ended++] = now() - planned;
    failed += !answered;
}

static void place(int64_t planned) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    long number = placed++;
    if (fd < 0 || fd >= MOST_FDS || (!calls[fd] && !(calls[fd] = malloc(sizeof *calls[fd])))) fail("socket");
    *calls[fd] = (struct call){.planned = planned, .number = number};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) && errno != EINPROGRESS) {
        close(fd);
        end(planned, 0);
    } else if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

/* Each of these returns 0 where the call is over. */
static int send_header(int fd, struct call *call) {
    char text[2048];
    const char *did = dids[call->number % did_count];
    unsigned long number = (unsigned long)(first + call->number);
    int size = snprintf(text, sizeof text, HEADER, port, number, (long)number, (long)(number % CALLERS), did, did, did);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    call->sent = 1;
    return write(fd, text, (size_t)size) == size && !epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static int read_lines(int fd, struct call *call) {
    char *end_of_line;
    ssize_t got = read(fd, call->line + call->length, LINE_BYTES - call->length);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
    call->length += (size_t)got;
    while ((end_of_line = memchr(call->line, '\n', call->length))) {
        size_t size = (size_t)(end_of_line - call->line) + 1;
        if (size > sizeof ARRAY && !memcmp(call->line, ARRAY, sizeof ARRAY - 1) &&
            memmem(call->line, size, "FR_SOURCE", 9) && memmem(call->line, size, word, strlen(word)))
            call->answered = 1;
        memmove(call->line, call->line + size, call->length -= size);
        if (write(fd, REPLY, sizeof REPLY - 1) < 0 && errno != EPIPE && errno != ECONNRESET) return 0;
    }
    return call->length < LINE_BYTES;
}

/* Carries on what is ready; returns how many calls ended. */
static long carry_on(int timer) {
    struct epoll_event ready[EVENTS];
    long before = ended;
    int count = epoll_wait(epoll, ready, EVENTS, -1);
    for (int n = 0; n < count; n++) {
        int fd = ready[n].data.fd;
        uint64_t ticks;
        if (fd == timer) {
            if (read(fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN) fail("timer");
            continue;
        }
        if (calls[fd]->sent ? read_lines(fd, calls[fd]) : send_header(fd, calls[fd])) continue;
        end(calls[fd]->planned, calls[fd]->answered);
        close(fd);
    }
    return ended - before;
}

static void closed_loop(long in_flight) {
    while (ended < wanted_calls) {
        while (placed < wanted_calls && placed - ended < in_flight) place(now());
        if (ended < placed) carry_on(-1);
    }
}

static void open_loop(double per_second, int64_t begun) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer};
    if (timer < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event)) fail("timer");
    while (ended < wanted_calls) {
        int64_t next = begun + (int64_t)((double)placed * SECOND / per_second), late;
        if (placed < wanted_calls && (late = now() - next) >= 0) {
            if (late > latest) latest = late;
            place(next);
            continue;
        }
        struct itimerspec at = {.it_value = {.tv_sec = next / SECOND, .tv_nsec = next % SECOND}};
        if (placed < wanted_calls && timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL)) fail("timer");
        carry_on(timer);
    }
}

int main(int argc, char **argv) {
    int64_t begun;
    if (argc != 8) {
        fputs("usage: load PORT CALLS closed|open IN_FLIGHT|PER_SECOND FIRST DIDS WORD\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    wanted_calls = atol(argv[2]);
    first = atol(argv[5]);
    read_dids(argv[6]);
    word = argv[7];
    took = calloc((size_t)wanted_calls, sizeof *took);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!took || epoll < 0) fail("load");
    begun = now();
    if (!strcmp(argv[3], "open")) open_loop(atof(argv[4]), begun);
    else closed_loop(atol(argv[4]));
    printf("%lld %ld %lld\n", (long long)(now() - begun), failed, (long long)latest);
    for (long n = 0; n < ended; n++) printf("%lld\n", (long long)took[n]);
    return 0;
}
