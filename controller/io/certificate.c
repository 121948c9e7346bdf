#include "io/certificate.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "io/file.h"
#include "io/loop.h"

#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One that was replaced may still be signing handshakes; none takes as long as this. */
enum { RETIRED_MS = 60 * 1000, KEY_ID_SIZE = 64 };

struct pair {
    struct pair *next; /* the newest first */
    gnutls_pcert_st chain[CERTIFICATE_CHAIN_MAXIMUM];
    unsigned chain_size;
    gnutls_privkey_t key;
    time_t begins;
    time_t expires;
    int64_t retired_ms;
};

/* When a file is another one: a mounted Secret's has a new inode. */
struct mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct certificate {
    struct loop *loop;
    const char *certificate_file;
    const char *key_file;
    struct pair *pairs; /* the first one serves */
    struct mark certificate_mark;
    struct mark key_mark;
    struct loop_timer *timer;
    struct certificate_numbers numbers;
};

static struct certificate *serving;

/* ---- A pair ---- */

static struct pair *free_pair(struct pair *pair)
{
    for (unsigned at = 0; at < pair->chain_size; at++) {
        gnutls_pcert_deinit(&pair->chain[at]);
    }
    gnutls_privkey_deinit(pair->key);
    return memory_free(pair);
}

static struct result read_chain(const char *path, struct pair *pair, struct error *error)
{
    struct buffer bytes = BUFFER_INIT(CERTIFICATE_FILE_MAXIMUM);
    unsigned size = CERTIFICATE_CHAIN_MAXIMUM;
    struct result result = file_read(path, &bytes, error);
    const gnutls_datum_t data = {.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
    int code = result_is_ok(result) ? gnutls_pcert_list_import_x509_raw(pair->chain, &size, &data,
                                                                        GNUTLS_X509_FMT_PEM,
                                                                        GNUTLS_X509_CRT_LIST_SORT)
                                    : 0;
    buffer_free(&bytes);
    if (code < 0) {
        return error_set(error, ERROR_INVALID,
                         "%s has no certificates in PEM form that can be used (tls.crt of a "
                         "kubernetes.io/tls Secret): %s",
                         path, gnutls_strerror(code));
    }
    pair->chain_size = result_is_ok(result) ? size : 0;
    return result;
}

static struct result read_key(const char *path, struct pair *pair, struct error *error)
{
    struct buffer bytes = BUFFER_INIT(CERTIFICATE_FILE_MAXIMUM);
    struct result result = file_read(path, &bytes, error);
    const gnutls_datum_t data = {.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
    int code = result_is_ok(result)
                   ? gnutls_privkey_import_x509_raw(pair->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0)
                   : 0;
    memory_wipe(bytes.data, bytes.size);
    buffer_free(&bytes);
    if (code < 0) {
        return error_set(error, ERROR_INVALID,
                         "%s has no private key in PEM form, without a password, that can be used "
                         "(tls.key of a kubernetes.io/tls Secret): %s",
                         path, gnutls_strerror(code));
    }
    return result;
}

static bool fits_together(const struct pair *pair)
{
    unsigned char ids[2][KEY_ID_SIZE] = {{0}};
    size_t sizes[2] = {KEY_ID_SIZE, KEY_ID_SIZE};
    gnutls_pubkey_t of_key = NULL;
    bool fits = gnutls_pubkey_init(&of_key) == 0 &&
                gnutls_pubkey_import_privkey(of_key, pair->key, 0, 0) == 0 &&
                gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, ids[0], &sizes[0]) == 0 &&
                gnutls_pubkey_get_key_id(pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, ids[1],
                                         &sizes[1]) == 0 &&
                sizes[0] == sizes[1] && memcmp(ids[0], ids[1], sizes[0]) == 0;
    if (of_key) {
        gnutls_pubkey_deinit(of_key);
    }
    return fits;
}

static bool read_times(struct pair *pair)
{
    gnutls_x509_crt_t first = NULL;
    if (gnutls_pcert_export_x509(&pair->chain[0], &first) != 0) {
        return false;
    }
    pair->begins = gnutls_x509_crt_get_activation_time(first);
    pair->expires = gnutls_x509_crt_get_expiration_time(first);
    gnutls_x509_crt_deinit(first);
    return pair->begins != (time_t)-1 && pair->expires != (time_t)-1;
}

static struct result fill_pair(const struct certificate *certificate, struct pair *pair,
                               struct error *error)
{
    TRY(read_chain(certificate->certificate_file, pair, error));
    TRY(read_key(certificate->key_file, pair, error));
    if (!fits_together(pair)) {
        return error_set(
            error, ERROR_INVALID,
            "the key in %s is not that of the first certificate in %s: both must be of "
            "one Secret",
            certificate->key_file, certificate->certificate_file);
    }
    if (!read_times(pair)) {
        return error_set(error, ERROR_INVALID, "%s does not say how long it is valid",
                         certificate->certificate_file);
    }
    return RESULT_OK;
}

static struct result read_pair(const struct certificate *certificate, struct pair **pair,
                               struct error *error)
{
    struct pair *made = memory_allocate(1, sizeof(*made));
    if (gnutls_privkey_init(&made->key) != 0) {
        (void)memory_free(made);
        return error_set(error, ERROR_IO, "GnuTLS has no memory for a key");
    }
    struct result result = fill_pair(certificate, made, error);
    if (!result_is_ok(result)) {
        (void)free_pair(made);
        return result;
    }
    *pair = made;
    return RESULT_OK;
}

/* ---- Changes ---- */

static bool find_mark(const char *path, struct mark *mark)
{
    struct stat status;
    *mark = (struct mark){0};
    if (stat(path, &status) != 0) {
        return false;
    }
    mark->device = status.st_dev;
    mark->inode = status.st_ino;
    mark->size = status.st_size;
    mark->changed = status.st_mtim;
    return true;
}

static bool is_same(const struct mark *a, const struct mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Marks are taken before the files are read: what changes meanwhile is seen the next time. */
static bool have_changed(struct certificate *certificate)
{
    struct mark certificate_mark;
    struct mark key_mark;
    (void)find_mark(certificate->certificate_file, &certificate_mark);
    (void)find_mark(certificate->key_file, &key_mark);
    if (is_same(&certificate_mark, &certificate->certificate_mark) &&
        is_same(&key_mark, &certificate->key_mark)) {
        return false;
    }
    certificate->certificate_mark = certificate_mark;
    certificate->key_mark = key_mark;
    return true;
}

static void say_if_invalid(const struct certificate *certificate, const struct pair *pair)
{
    time_t now = time(NULL);
    if (now >= pair->begins && now < pair->expires) {
        return;
    }
    log_warning(
        "the certificate for webhooks is not valid now, senders will refuse it: renew it in "
        "its Secret, it is taken from there by itself",
        LOG_TEXT("file", certificate->certificate_file),
        LOG_TEXT("why", now < pair->begins ? "it is not valid yet" : "it has expired"),
        LOG_INTEGER("expires_unix", pair->expires));
}

static void take_pair(struct certificate *certificate, struct pair *pair)
{
    if (certificate->pairs) {
        certificate->pairs->retired_ms = loop_now_ms();
    }
    pair->next = certificate->pairs;
    certificate->pairs = pair;
    certificate->numbers.expires_unix = pair->expires;
    say_if_invalid(certificate, pair);
}

static void free_retired(struct certificate *certificate)
{
    int64_t border_ms = loop_now_ms() - RETIRED_MS;
    struct pair **link = &certificate->pairs->next;
    while (*link) {
        struct pair *each = *link;
        if (each->retired_ms > border_ms) {
            link = &each->next;
            continue;
        }
        *link = each->next;
        (void)free_pair(each);
    }
}

void certificate_check(struct certificate *certificate)
{
    struct pair *pair = NULL;
    struct error error = {0};
    free_retired(certificate);
    if (!have_changed(certificate)) {
        return;
    }
    if (!result_is_ok(read_pair(certificate, &pair, &error))) {
        certificate->numbers.failed++;
        log_warning(
            "the new certificate for webhooks can't be used, the one before serves on until "
            "the files change again",
            LOG_TEXT("why", error.message),
            LOG_INTEGER("expires_unix", certificate->numbers.expires_unix));
        return;
    }
    certificate->numbers.loaded++;
    take_pair(certificate, pair);
    log_info("the certificate for webhooks was renewed, new connections get it",
             LOG_TEXT("file", certificate->certificate_file),
             LOG_INTEGER("expires_unix", pair->expires));
}

static void on_timer(void *context)
{
    struct certificate *certificate = context;
    certificate_check(certificate);
    certificate->timer = loop_start_timer(certificate->loop, loop_now_ms() + CERTIFICATE_CHECK_MS,
                                          on_timer, certificate);
}

/* ---- Opening and closing ---- */

struct result certificate_open(struct loop *loop, const char *certificate_file,
                               const char *key_file, struct certificate **certificate,
                               struct error *error)
{
    REQUIRE(!serving);
    struct pair *pair = NULL;
    struct certificate *made = memory_allocate(1, sizeof(*made));
    *made = (struct certificate){
        .loop = loop, .certificate_file = certificate_file, .key_file = key_file};
    (void)have_changed(made);
    struct result result = read_pair(made, &pair, error);
    if (!result_is_ok(result)) {
        (void)memory_free(made);
        return result;
    }
    take_pair(made, pair);
    made->timer = loop_start_timer(loop, loop_now_ms() + CERTIFICATE_CHECK_MS, on_timer, made);
    serving = made;
    *certificate = made;
    return RESULT_OK;
}

struct certificate *certificate_close(struct certificate *certificate)
{
    if (!certificate) {
        return NULL;
    }
    serving = NULL;
    loop_stop_timer(certificate->loop, certificate->timer);
    while (certificate->pairs) {
        struct pair *first = certificate->pairs;
        certificate->pairs = first->next;
        (void)free_pair(first);
    }
    return memory_free(certificate);
}

struct certificate_numbers certificate_numbers(const struct certificate *certificate)
{
    return certificate->numbers;
}

int certificate_choose(gnutls_session_t session, const gnutls_datum_t *authorities,
                       int authority_count, const gnutls_pk_algorithm_t *algorithms,
                       int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_size,
                       gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    REQUIRE(serving);
    *chain = serving->pairs->chain;
    *chain_size = serving->pairs->chain_size;
    *key = serving->pairs->key;
    return 0;
}
