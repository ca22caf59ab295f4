/* The yardstick for the UCX transport: put + flush, get and active messages written directly on UCP, between two processes.
 *
 *     cc -O2 ucp_direct.c -lucp -lucs -o ucp_direct
 *     UCX_TLS=tcp ./ucp_direct 0 /tmp/book &        the target: progresses in a loop until told to stop
 *     UCX_TLS=tcp ./ucp_direct 1 /tmp/book          the origin: measures and prints
 *
 * Both find each other through the files /tmp/book.0 and /tmp/book.1, which they remove at the end; the two may run on different
 * hosts that share the directory. Lines are "what bytes median p99 unit" for latencies (microseconds, of blocking operations one
 * after the other) and "what bytes rate unit" for streams (several operations under way, MB/s and million per second).
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <ucp/api/ucp.h>
#include "timing.h"

enum { PING = 0, PONG = 1, STREAM = 2, STOP = 3, WINDOW = 32, MOST = 1 << 20 };

static ucp_context_h context;
static ucp_mem_h memh;
static ucp_worker_h worker;
static ucp_ep_h peer;
static char *memory;
static volatile int pongs, is_stopped;

static void fail(const char *what, ucs_status_t status) {
    fprintf(stderr, "ucp_direct: %s: %s\n", what, ucs_status_string(status));
    exit(1);
}

static void check(const char *what, ucs_status_t status) {
    if (status != UCS_OK) fail(what, status);
}

/* Progresses until an operation is over. */
static void wait_for(ucs_status_ptr_t request) {
    if (request == NULL) return;
    if (UCS_PTR_IS_ERR(request)) fail("operation", UCS_PTR_STATUS(request));
    while (ucp_request_check_status(request) == UCS_INPROGRESS) ucp_worker_progress(worker);
    check("operation", ucp_request_check_status(request));
    ucp_request_free(request);
}

static const ucp_request_param_t plain;

/* Something arrived. A ping is answered with as many bytes out of our own memory. */
static ucs_status_t arrived(void *kind, const void *header, size_t header_len, void *data, size_t len,
                            const ucp_am_recv_param_t *param) {
    (void)header, (void)header_len, (void)data, (void)param;
    switch ((intptr_t)kind) {
    case PING: {
        ucs_status_ptr_t request = ucp_am_send_nbx(peer, PONG, NULL, 0, memory, len, &plain);
        if (UCS_PTR_IS_PTR(request)) ucp_request_free(request);
        break;
    }
    case PONG: pongs++; break;
    case STOP: is_stopped = 1; break;
    }
    return UCS_OK;
}

static void start(void) {
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = UCP_FEATURE_RMA | UCP_FEATURE_AM};
    ucp_config_t *config;
    check("ucp_config_read", ucp_config_read(NULL, NULL, &config));
    /* Eager at every size, as in the transport. */
    if (!getenv("UCX_RNDV_THRESH")) ucp_config_modify(config, "RNDV_THRESH", "inf");
    check("ucp_init", ucp_init(&params, config, &context));
    ucp_config_release(config);
    ucp_worker_params_t wparams = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE,
                                   .thread_mode = UCS_THREAD_MODE_SINGLE};
    check("ucp_worker_create", ucp_worker_create(context, &wparams, &worker));
    for (intptr_t kind = PING; kind <= STOP; kind++) {
        ucp_am_handler_param_t handler = {
            .field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB |
                          UCP_AM_HANDLER_PARAM_FIELD_ARG | UCP_AM_HANDLER_PARAM_FIELD_FLAGS,
            .id = (unsigned)kind, .flags = UCP_AM_FLAG_WHOLE_MSG, .cb = arrived, .arg = (void *)kind};
        check("ucp_worker_set_am_recv_handler", ucp_worker_set_am_recv_handler(worker, &handler));
    }
}

/* Writes one's own card (address, memory, key), reads the other's. */
static ucp_rkey_h meet(const char *book, int me, uint64_t *remote) {
    ucp_mem_map_params_t params = {.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                                   .address = memory, .length = MOST};
    void *key;
    size_t lens[2];
    ucp_worker_attr_t attr = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS | UCP_WORKER_ATTR_FIELD_ADDRESS_FLAGS,
                              .address_flags = UCP_WORKER_ADDRESS_FLAG_NET_ONLY};
    check("ucp_mem_map", ucp_mem_map(context, &params, &memh));
    check("ucp_rkey_pack", ucp_rkey_pack(context, memh, &key, &lens[1]));
    check("ucp_worker_query", ucp_worker_query(worker, &attr));
    lens[0] = attr.address_length;
    char mine[4096], theirs[4096], unfinished[4096];
    snprintf(mine, sizeof mine, "%s.%d", book, me);
    snprintf(theirs, sizeof theirs, "%s.%d", book, !me);
    snprintf(unfinished, sizeof unfinished, "%s.%d.part", book, me);
    FILE *file = fopen(unfinished, "w");
    if (!file) perror(unfinished), exit(1);
    uint64_t base = (uintptr_t)memory;
    fwrite(lens, sizeof lens, 1, file);
    fwrite(&base, sizeof base, 1, file);
    fwrite(attr.address, lens[0], 1, file);
    fwrite(key, lens[1], 1, file);
    fclose(file);
    rename(unfinished, mine);
    while (!(file = fopen(theirs, "r"))) usleep(1000);
    char card[8192];
    size_t len = fread(card, 1, sizeof card, file);
    fclose(file);
    unlink(theirs);
    memcpy(lens, card, sizeof lens);
    memcpy(remote, card + sizeof lens, sizeof *remote);
    char *address = card + sizeof lens + sizeof *remote;
    if (len != (size_t)(address - card) + lens[0] + lens[1]) fail("the other's card", UCS_ERR_IO_ERROR);
    ucp_ep_params_t ep = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS, .address = (void *)address};
    check("ucp_ep_create", ucp_ep_create(worker, &ep, &peer));
    ucp_rkey_h rkey;
    check("ucp_ep_rkey_unpack", ucp_ep_rkey_unpack(peer, address + lens[0], &rkey));
    return rkey;
}

static char *local;
static uint64_t remote;
static ucp_rkey_h rkey;

static void put_flush(size_t len) {
    wait_for(ucp_put_nbx(peer, local, len, remote, rkey, &plain));
    wait_for(ucp_ep_flush_nbx(peer, &plain));
}

static void get(size_t len) { wait_for(ucp_get_nbx(peer, local, len, remote, rkey, &plain)); }

static void ping(size_t len) {
    int before = pongs;
    wait_for(ucp_am_send_nbx(peer, PING, NULL, 0, local, len, &plain));
    while (pongs == before) ucp_worker_progress(worker);
}

static ucs_status_ptr_t put_one(size_t len) { return ucp_put_nbx(peer, local, len, remote, rkey, &plain); }
static ucs_status_ptr_t get_one(size_t len) { return ucp_get_nbx(peer, local, len, remote, rkey, &plain); }
static ucs_status_ptr_t send_one(size_t len) { return ucp_am_send_nbx(peer, STREAM, NULL, 0, local, len, &plain); }

static void stream(const char *what, ucs_status_ptr_t (*op)(size_t), size_t len, int count) {
    ucs_status_ptr_t window[WINDOW] = {0};
    double best = 1e30;
    for (int round = 0; round < 5; round++) {
        double begin = 1e-3 * now_ns();
        for (int i = 0; i < count; i++) {
            wait_for(window[i % WINDOW]);
            window[i % WINDOW] = op(len);
        }
        for (int i = 0; i < WINDOW; i++) wait_for(window[i]), window[i] = NULL;
        wait_for(ucp_ep_flush_nbx(peer, &plain));
        ping(8); /* everything has been taken */
        double time = 1e-3 * now_ns() - begin;
        if (time < best) best = time;
    }
    printf("%-10s %8zu %10.1f MB/s %8.3f M/s\n", what, len, count * (double)len / best, count / best);
}

int main(int argc, char **argv) {
    if (argc != 3 || (argv[1][0] != '0' && argv[1][0] != '1')) {
        fprintf(stderr, "usage: ucp_direct 0|1 BOOK\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    memory = calloc(1, MOST);
    local = calloc(1, MOST);
    start();
    int me = argv[1][0] - '0';
    rkey = meet(argv[2], me, &remote);
    if (me == 0) {
        while (!is_stopped) ucp_worker_progress(worker);
    } else {
        printf("UCX %s\n", ucp_get_version_string());
        const size_t lens[] = {8, 4096, 65536};
        for (int i = 0; i < 3; i++) {
            int count = lens[i] > 10000 ? 3000 : 10000;
            latency("put+flush", put_flush, lens[i], count);
            latency("get", get, lens[i], count);
            latency("am ping", ping, lens[i], count);
        }
        const size_t pieces[] = {8, 1024, 4096, 8192, 16384, 32768, 65536, 1 << 20};
        for (int i = 0; i < 8; i++) {
            int count = pieces[i] > 100000 ? 300 : pieces[i] > 8192 ? 4000 : 20000;
            stream("puts", put_one, pieces[i], count);
            stream("gets", get_one, pieces[i], count);
            stream("messages", send_one, pieces[i], count);
        }
        wait_for(ucp_am_send_nbx(peer, STOP, NULL, 0, local, 8, &plain));
    }
    wait_for(ucp_ep_flush_nbx(peer, &plain));
    ucp_rkey_destroy(rkey);
    check("ucp_mem_unmap", ucp_mem_unmap(context, memh));
    wait_for(ucp_ep_close_nb(peer, UCP_EP_CLOSE_MODE_FLUSH));
    ucp_worker_destroy(worker);
    ucp_cleanup(context);
    return 0;
}
