/* A network switch between the hosts of a rig that delays frames and loses some.
 *
 *   slowswitch DELAY_US JITTER_US LOSS_PPM KEEPER...
 *
 * Makes a TAP device `eth0` in the network namespace of each keeper, with a MAC address that ends in the port's number,
 * says "ready", and passes frames on until standard input closes. A frame waits DELAY_US plus up to JITTER_US, but never
 * overtakes an earlier one from the same port, so it is delay and not reordering that is tested. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTS = 64, FRAME = 2048, QUEUE = 8192 };

struct frame { int64_t due_ns; int len; unsigned char bytes[FRAME]; };
/* Frames of one port in the order they came; due times never decrease. */
struct queue { struct frame *frames; unsigned head, tail; int64_t last_due_ns; };

static int taps[PORTS], ports;
static struct queue queues[PORTS];

static void die(const char *what) { perror(what); exit(1); }

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int tap_in(const char *keeper, int port)
{
    char path[64];
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(path, sizeof path, "/proc/%s/ns/net", keeper);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) != 0) die(path);
    close(space);
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strcpy(request.ifr_name, "eth0");
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) die("/dev/net/tun");
    unsigned char address[6] = {2, 0, 0, 0, 0, port};
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, address, 6);
    if (ioctl(tap, SIOCSIFHWADDR, &request) != 0) die("SIOCSIFHWADDR");
    return tap;
}

static void deliver(int from, const struct frame *frame)
{
    int is_group = frame->bytes[0] & 1, to = frame->bytes[5];
    for (int port = 0; port < ports; port++)
        if (port != from && (is_group || port == to) && write(taps[port], frame->bytes, frame->len) < 0) {
            /* A full or closed device loses the frame, as a real one does. */
        }
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 4 > PORTS) return 2;
    int64_t delay_ns = atoll(argv[1]) * 1000, jitter_ns = atoll(argv[2]) * 1000, loss_ppm = atoll(argv[3]);
    ports = argc - 4;
    for (int port = 0; port < ports; port++) {
        taps[port] = tap_in(argv[4 + port], port);
        queues[port].frames = malloc(QUEUE * sizeof(struct frame));
        if (!queues[port].frames) die("malloc");
    }
    srandom(1);
    puts("ready");
    fclose(stdout);
    struct pollfd polled[PORTS + 1] = {{.fd = 0, .events = POLLIN}};
    for (;;) {
        int64_t now = now_ns(), next = now + 1000000000;
        for (int port = 0; port < ports; port++) {
            struct queue *queue = &queues[port];
            for (; queue->head != queue->tail; queue->head++) {
                struct frame *frame = &queue->frames[queue->head % QUEUE];
                if (frame->due_ns > now) {
                    if (frame->due_ns < next) next = frame->due_ns;
                    break;
                }
                deliver(port, frame);
            }
            /* A full queue stops reading; the device's own queue then overflows. */
            int has_room = queue->tail - queue->head < QUEUE;
            polled[port + 1] = (struct pollfd){.fd = has_room ? taps[port] : -1, .events = POLLIN};
        }
        struct timespec wait = {(next - now) / 1000000000, (next - now) % 1000000000};
        if (ppoll(polled, ports + 1, &wait, NULL) <= 0) continue;
        char rest[256];
        if (polled[0].revents && read(0, rest, sizeof rest) <= 0) return 0;
        now = now_ns();
        for (int port = 0; port < ports; port++) {
            struct queue *queue = &queues[port];
            while (polled[port + 1].revents && queue->tail - queue->head < QUEUE) {
                struct frame *frame = &queue->frames[queue->tail % QUEUE];
                frame->len = read(taps[port], frame->bytes, FRAME);
                if (frame->len < 14) break;
                if (random() % 1000000 < loss_ppm) continue;
                int64_t due = now + delay_ns + (jitter_ns ? random() % jitter_ns : 0);
                if (due < queue->last_due_ns) due = queue->last_due_ns;
                frame->due_ns = queue->last_due_ns = due;
                queue->tail++;
            }
        }
    }
}
