#ifndef TIDEMILL_FAULTS_CALLS_H
#define TIDEMILL_FAULTS_CALLS_H

/*
 * Calls to the kernel and to the resolver that fail, one in each attempt. A test that is linked
 * with this has its own read(), socket(), getaddrinfo() and so on, libcurl's, OpenSSL's, GnuTLS's
 * and libmicrohttpd's calls included (the Makefile says which tests). FAULTS_HOST is a name of this
 * machine, so that resolving needs no network.
 *
 * fcntl() and clock_gettime() are left out: as they are used, they fail for no reason that exists.
 */

#include <stdbool.h>
#include <stddef.h>

#define FAULTS_HOST "peer.faults.test"

enum { FAULTS_MESSAGE_SIZE = 1200 };

/* What came of a scenario, with or without a failure. */
struct fault_attempt {
    bool ok;
    char message[FAULTS_MESSAGE_SIZE]; /* of the error when it is not ok */
};

struct fault_scenario {
    void (*run)(struct fault_attempt *attempt);
    /* An error has one of these words; none: nothing that fails may matter. */
    const char *names[6];
    int calls_minimum; /* fewer would mean that the wrong calls are counted */
    /* Calls that must be among them. */
    const char *calls[16];
};

/*
 * Runs it once as it is, once with each call failing, and once more as it is. Fails the test for an
 * error that says nothing, a descriptor that stays open, and a leak.
 */
void faults_fail_each_call(const struct fault_scenario *scenario);

/* Within a scenario: what follows is the test's own, and does not fail. True: it could before. */
bool faults_pause(void);
void faults_resume(void);

/* The call that failed in this attempt, or NULL. */
const char *faults_failed_call(void);

/* Descriptors that are open. */
size_t faults_open_files(void);

#endif
