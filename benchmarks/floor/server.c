/* The floor: a FastAGI server that decides nothing and records nothing, as cheap as a server can be.
 *
 * One thread, one epoll. Each call: the header is read to its empty line, the same variables as the router's are set by
 * one ARRAY, Asterisk's reply is awaited, and the connection is closed. It prints its port, and serves until it is
 * killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_FDS 65536
#define HEADER_BYTES 4096
#define EVENTS 256

static const char ANSWER[] =
    "SET VARIABLE ARRAY(app,num,time,auto,audio1,text,digium,select,FR_SOURCE,FR_RULE,FR_DECISION,FR_STATUS,FR_DEST) "
    "\"group,62,100,,,,,,synced,client-1,01a20705-b361-7000-971d-c8cbdffefa63,ok,\"\n";

/* What is known of a connection: how much of its header came, and whether it has been answered. */
struct call {
    int answered;
    size_t length;
    char header[HEADER_BYTES];
};

static struct call *calls[MOST_FDS];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_somewhere(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (door < 0 || bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 1024)) fail("listen");
    if (getsockname(door, (struct sockaddr *)&at, &size)) fail("getsockname");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return door;
}

static void take_all(int epoll, int door) {
    int fd;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        int on = 1;
        if (fd >= MOST_FDS || (!calls[fd] && !(calls[fd] = malloc(sizeof *calls[fd])))) {
            close(fd);
            continue;
        }
        calls[fd]->answered = 0;
        calls[fd]->length = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted)) fail("epoll_ctl");
    }
}

/* Returns 0 where the connection has no more to say. */
static int serve(int fd) {
    struct call *call = calls[fd];
    ssize_t got = read(fd, call->header + call->length, HEADER_BYTES - call->length);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0 || call->answered) return 0;
    call->length += (size_t)got;
    if (!memmem(call->header, call->length, "\n\n", 2)) return call->length < HEADER_BYTES;
    call->answered = 1;
    call->length = 0;
    return write(fd, ANSWER, sizeof ANSWER - 1) == sizeof ANSWER - 1;
}

int main(void) {
    struct epoll_event ready[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int door = listen_somewhere();
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = door};
    signal(SIGPIPE, SIG_IGN);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, door, &wanted)) fail("epoll");
    for (;;) {
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int n = 0; n < count; n++) {
            int fd = ready[n].data.fd;
            if (fd == door) take_all(epoll, door);
            else if (!serve(fd)) close(fd);
        }
    }
}
