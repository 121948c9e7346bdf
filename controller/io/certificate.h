#ifndef TIDEMILL_IO_CERTIFICATE_H
#define TIDEMILL_IO_CERTIFICATE_H

/*
 * A server's certificate and key from two PEM files, which are read anew when they change: those of
 * a mounted Secret are swapped as a whole, by a symbolic link. For io/serve, whose library does TLS
 * by GnuTLS. Invariant: there is always a pair that fits; what does not is left on the disk, told
 * once, and the pair before serves on. Connections that exist never notice.
 */

#include "core/result.h"

#include <gnutls/abstract.h>
#include <stdint.h>

struct certificate;
struct loop;

enum {
    CERTIFICATE_CHECK_MS = 10 * 1000, /* how often the files are looked at */
    CERTIFICATE_CHAIN_MAXIMUM = 16,   /* certificates in one file */
    CERTIFICATE_FILE_MAXIMUM = 256 * 1024
};

/*
 * Borrows all until certificate_close(). ERROR_NOT_FOUND or ERROR_IO for files that can't be read,
 * ERROR_INVALID for what is no PEM or does not fit together; the message names the file. One that
 * has expired is taken, and said in the log.
 */
MUST_CHECK struct result certificate_open(struct loop *loop, const char *certificate_file,
                                          const char *key_file, struct certificate **certificate,
                                          struct error *error);

/* No handshake is under way any more. Accepts NULL; returns NULL. */
struct certificate *certificate_close(struct certificate *certificate);

/* Looks at the files now, as the timer does. */
void certificate_check(struct certificate *certificate);

struct certificate_numbers {
    int64_t expires_unix; /* of the one that serves */
    uint64_t loaded;      /* pairs that were taken after the first one */
    uint64_t failed;      /* changes of the files that could not be taken */
};
struct certificate_numbers certificate_numbers(const struct certificate *certificate);

/*
 * What the certificate of a handshake is (gnutls_certificate_retrieve_function2). It is handed no
 * context, so a process has one open certificate at a time.
 */
int certificate_choose(gnutls_session_t session, const gnutls_datum_t *authorities,
                       int authority_count, const gnutls_pk_algorithm_t *algorithms,
                       int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_size,
                       gnutls_privkey_t *key);

#endif
