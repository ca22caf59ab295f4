/* The yardstick for the libfabric transport: put + fence and get written directly on libfabric, between two processes.
 *
 *     cc -O2 ofi_direct.c -lfabric -o ofi_direct
 *     ./ofi_direct 0 /tmp/book "tcp;ofi_rxm" &        the target: looks at its queue in a loop until told to stop
 *     ./ofi_direct 1 /tmp/book "tcp;ofi_rxm"          the origin: measures and prints
 *
 * A fourth argument, `wait`, gives the queues a descriptor to sleep on, as a program needs that is served while it computes. Nobody
 * sleeps on it here.
 *
 * Both find each other through the files /tmp/book.0 and /tmp/book.1, which they remove at the end; the two may run on different
 * hosts that share the directory. A put + fence is one write that asks for delivery complete. Lines are "what bytes median p99 us",
 * of blocking operations one after the other. The messages are for comparison: one of that length there, eight bytes back.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include "timing.h"

enum { MOST = 1 << 20, MESSAGE = 64 << 10, SLOTS = 16, CARD = 512 };

/* What one process tells the other; the address follows. */
struct card {
    uint64_t base, key, address_len;
    char address[CARD];
};

static struct fi_info *info;
static struct fid_fabric *fabric;
static struct fid_domain *domain;
static struct fid_av *addresses;
static struct fid_cq *queue;
static struct fid_ep *endpoint;
static struct fid_mr *memory_mr, *local_mr, *slots_mr;
static char *memory, *local, *slots;
static fi_addr_t peer;
static struct card theirs;
static struct fi_context2 contexts[SLOTS + 1];
static int is_stopped, pongs, is_origin, has_descriptor;

static void check(const char *what, long code) {
    if (code >= 0) return;
    fprintf(stderr, "ofi_direct: %s: %s\n", what, fi_strerror((int)-code));
    exit(1);
}

static void post(long slot) {
    check("fi_recv", fi_recv(endpoint, slots + slot * MESSAGE, MESSAGE, fi_mr_desc(slots_mr), FI_ADDR_UNSPEC,
                             &contexts[slot]));
}

static void answer(void);

/* Takes one completion, if there is one; whether it was that of our own operation. */
static int progress(void) {
    struct fi_cq_msg_entry entry;
    ssize_t count = fi_cq_read(queue, &entry, 1);
    if (count == -FI_EAGAIN) return 0;
    if (count == -FI_EAVAIL) {
        struct fi_cq_err_entry error = {0};
        fi_cq_readerr(queue, &error, 0);
        check("completion", -error.err);
    }
    check("fi_cq_read", count);
    long slot = (struct fi_context2 *)entry.op_context - contexts;
    if (slot == SLOTS) return 1;
    char kind = slots[slot * MESSAGE];
    post(slot);
    if (kind == 's') is_stopped = 1;
    else if (is_origin) pongs++;
    else answer();
    return 0;
}

static void start_send(size_t len) {
    long code;
    while ((code = fi_send(endpoint, local, len, fi_mr_desc(local_mr), peer, &contexts[SLOTS])) == -FI_EAGAIN) progress();
    check("fi_send", code);
}

static void wait_own(void) {
    while (!progress()) {}
}

static void answer(void) {
    long code;
    while ((code = fi_inject(endpoint, local, 8, peer)) == -FI_EAGAIN) progress();
    check("fi_inject", code);
}

static void put_fence(size_t len) {
    struct iovec here = {local, len};
    struct fi_rma_iov there = {theirs.base, len, theirs.key};
    void *desc = fi_mr_desc(local_mr);
    struct fi_msg_rma message = {&here, &desc, 1, peer, &there, 1, &contexts[SLOTS], 0};
    long code;
    while ((code = fi_writemsg(endpoint, &message, FI_COMPLETION | FI_DELIVERY_COMPLETE)) == -FI_EAGAIN) progress();
    check("fi_writemsg", code);
    wait_own();
}

static void get(size_t len) {
    long code;
    while ((code = fi_read(endpoint, local, len, fi_mr_desc(local_mr), peer, theirs.base, theirs.key,
                           &contexts[SLOTS])) == -FI_EAGAIN)
        progress();
    check("fi_read", code);
    wait_own();
}

static void ping(size_t len) {
    int before = pongs, is_sent = 0;
    start_send(len);
    while (pongs == before || !is_sent) is_sent |= progress();
}

static struct fid_mr *registered(void *base, size_t len, uint64_t access, uint64_t key) {
    struct fid_mr *mr;
    check("fi_mr_reg", fi_mr_reg(domain, base, len, access, 0, key, 0, &mr, NULL));
    if (info->domain_attr->mr_mode & FI_MR_ENDPOINT) {
        check("fi_mr_bind", fi_mr_bind(mr, &endpoint->fid, 0));
        check("fi_mr_enable", fi_mr_enable(mr));
    }
    return mr;
}

static void start(const char *provider) {
    struct fi_info *hints = fi_allocinfo();
    hints->caps = FI_MSG | FI_RMA;
    hints->mode = FI_CONTEXT | FI_CONTEXT2;
    hints->ep_attr->type = FI_EP_RDM;
    hints->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_ENDPOINT;
    hints->domain_attr->threading = FI_THREAD_DOMAIN;
    hints->domain_attr->control_progress = FI_PROGRESS_MANUAL;
    hints->domain_attr->data_progress = FI_PROGRESS_MANUAL;
    hints->fabric_attr->prov_name = strdup(provider);
    check("fi_getinfo", fi_getinfo(FI_VERSION(1, 17), NULL, NULL, 0, hints, &info));
    fi_freeinfo(hints);
    struct fi_av_attr av = {.type = info->domain_attr->av_type, .count = 2};
    struct fi_cq_attr cq = {.format = FI_CQ_FORMAT_MSG, .wait_obj = has_descriptor ? FI_WAIT_FD : FI_WAIT_NONE};
    check("fi_fabric", fi_fabric(info->fabric_attr, &fabric, NULL));
    check("fi_domain", fi_domain(fabric, info, &domain, NULL));
    check("fi_av_open", fi_av_open(domain, &av, &addresses, NULL));
    check("fi_cq_open", fi_cq_open(domain, &cq, &queue, NULL));
    check("fi_endpoint", fi_endpoint(domain, info, &endpoint, NULL));
    check("fi_ep_bind", fi_ep_bind(endpoint, &addresses->fid, 0));
    check("fi_ep_bind", fi_ep_bind(endpoint, &queue->fid, FI_SEND | FI_RECV));
    check("fi_enable", fi_enable(endpoint));
    memory_mr = registered(memory, MOST, FI_REMOTE_READ | FI_REMOTE_WRITE, 1);
    local_mr = registered(local, MOST, FI_SEND | FI_READ | FI_WRITE, 2);
    slots_mr = registered(slots, SLOTS * MESSAGE, FI_RECV, 3);
    for (long slot = 0; slot < SLOTS; slot++) post(slot);
}

/* Writes one's own card, reads the other's. */
static void meet(const char *book) {
    struct card card = {.key = fi_mr_key(memory_mr), .address_len = CARD};
    if (info->domain_attr->mr_mode & FI_MR_VIRT_ADDR) card.base = (uintptr_t)memory;
    size_t len = CARD;
    check("fi_getname", fi_getname(&endpoint->fid, card.address, &len));
    char mine[4096], other[4096], unfinished[4096];
    snprintf(mine, sizeof mine, "%s.%d", book, is_origin);
    snprintf(other, sizeof other, "%s.%d", book, !is_origin);
    snprintf(unfinished, sizeof unfinished, "%s.%d.part", book, is_origin);
    FILE *file = fopen(unfinished, "w");
    if (!file) perror(unfinished), exit(1);
    fwrite(&card, sizeof card, 1, file);
    fclose(file);
    rename(unfinished, mine);
    while (!(file = fopen(other, "r"))) usleep(1000);
    if (fread(&theirs, sizeof theirs, 1, file) != 1) check("the other's card", -FI_EIO);
    fclose(file);
    unlink(other);
    if (fi_av_insert(addresses, theirs.address, 1, &peer, 0, NULL) != 1) check("fi_av_insert", -FI_EINVAL);
}

int main(int argc, char **argv) {
    has_descriptor = argc == 5 && !strcmp(argv[4], "wait");
    if (argc != 4 + has_descriptor || (argv[1][0] != '0' && argv[1][0] != '1')) {
        fprintf(stderr, "usage: ofi_direct 0|1 BOOK PROVIDER [wait]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    is_origin = argv[1][0] == '1';
    memory = calloc(1, MOST), local = calloc(1, MOST), slots = calloc(SLOTS, MESSAGE);
    start(argv[3]);
    meet(argv[2]);
    if (!is_origin) {
        while (!is_stopped) progress();
    } else {
        uint32_t version = fi_version();
        printf("libfabric %u.%u, %s\n", FI_MAJOR(version), FI_MINOR(version), info->fabric_attr->prov_name);
        const size_t lens[] = {8, 4096, 65536};
        for (int i = 0; i < 3; i++) {
            int count = lens[i] > 10000 ? 3000 : 10000;
            latency("put+fence", put_fence, lens[i], count);
            latency("get", get, lens[i], count);
            latency("message", ping, lens[i], count);
        }
        local[0] = 's';
        start_send(8);
        wait_own();
    }
    struct fid *fids[] = {&endpoint->fid, &slots_mr->fid, &local_mr->fid, &memory_mr->fid,
                          &queue->fid, &addresses->fid, &domain->fid, &fabric->fid};
    for (size_t i = 0; i < sizeof fids / sizeof *fids; i++) fi_close(fids[i]);
    fi_freeinfo(info);
    return 0;
}
