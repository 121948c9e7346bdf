#include "io/credentials.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/plugin.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

enum {
    TOKEN_MAXIMUM = 64 * 1024,
    PEM_MAXIMUM = 1024 * 1024,

    /* client-go's file token source: read again every minute, 10 s ahead (C15). */
    TOKEN_PERIOD_MS = 60000 - 10000,
    /* client-go's certificate rotation (C16). */
    PEM_PERIOD_MS = 5 * 60 * 1000,
    /* After a failure, or a pair caught half replaced, look again soon. */
    RETRY_PERIOD_MS = 10000,
    /* A plugin's token is replaced before it ends. */
    EXPIRY_LEEWAY_SECONDS = 10,
    /* A person may have to look at another window first. */
    PLUGIN_TIMEOUT_MS = 60000,
};

struct secret {
    char *bytes; /* NUL-terminated; NULL: none */
    size_t size;
};

enum plugin_state { PLUGIN_NONE, PLUGIN_NEEDED, PLUGIN_RUNNING, PLUGIN_DONE, PLUGIN_FAILED };

struct credentials {
    struct credentials_options options;
    uint64_t generation;
    uint64_t identity;
    struct secret token;
    struct secret authority;
    struct secret certificate;
    struct secret key;
    int64_t token_due_ms; /* when the file is read again */
    int64_t pem_due_ms;

    enum plugin_state plugin_state;
    struct plugin *plugin;
    struct arena plugin_arena; /* its input */
    int64_t expires_unix;      /* of what the plugin gave; 0: never */
    struct error plugin_error;
};

/* ---- Secrets ---- */

static void secret_clear(struct secret *secret)
{
    memory_wipe(secret->bytes, secret->size);
    secret->bytes = memory_free(secret->bytes);
    secret->size = 0;
}

/* Takes a copy; true when it differs from what was there. */
static bool secret_replace(struct secret *secret, const char *bytes, size_t size)
{
    bool is_same = secret->bytes && secret->size == size &&
                   (size == 0 || memcmp(secret->bytes, bytes, size) == 0);
    if (is_same) {
        return false;
    }
    secret_clear(secret);
    secret->bytes = memory_allocate(1, size + 1);
    if (size > 0) {
        memcpy(secret->bytes, bytes, size);
    }
    secret->size = size;
    return true;
}

static void free_wiped(struct buffer *buffer)
{
    memory_wipe(buffer->data, buffer->size);
    buffer_free(buffer);
}

/* ---- Tokens ---- */

/* Visible ASCII alone: it stands in a header line. */
static bool is_token(const char *text, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (text[at] <= ' ' || text[at] > '~') {
            return false;
        }
    }
    return size > 0;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static struct result check_token(const char *text, size_t *start, size_t *size, const char *where,
                                 struct error *error)
{
    while (*size > 0 && is_space(text[*start])) {
        (*start)++;
        (*size)--;
    }
    while (*size > 0 && is_space(text[*start + *size - 1])) {
        (*size)--;
    }
    if (*size == 0) {
        return error_set(error, ERROR_INVALID, "%s: the token is empty", where);
    }
    if (!is_token(text + *start, *size)) {
        return error_set(error, ERROR_INVALID,
                         "%s: the token has bytes that no token has; is it the right file?", where);
    }
    return RESULT_OK;
}

static struct result set_token(struct credentials *credentials, const char *text, size_t size,
                               const char *where, struct error *error)
{
    size_t start = 0;
    TRY(check_token(text, &start, &size, where, error));
    if (secret_replace(&credentials->token, text + start, size)) {
        credentials->generation++;
    }
    return RESULT_OK;
}

static struct result read_token_file(struct credentials *credentials, struct error *error)
{
    const char *path = credentials->options.access->token_file;
    struct buffer bytes = BUFFER_INIT(TOKEN_MAXIMUM);
    struct result result = file_read(path, &bytes, error);
    if (result_is_ok(result)) {
        result = set_token(credentials, buffer_text(&bytes), bytes.size, path, error);
    }
    free_wiped(&bytes);
    return result;
}

static void refresh_token(struct credentials *credentials, int64_t now_ms)
{
    if (!credentials->options.access->token_file || now_ms < credentials->token_due_ms) {
        return;
    }
    struct error error;
    bool ok = result_is_ok(read_token_file(credentials, &error));
    credentials->token_due_ms = now_ms + (ok ? TOKEN_PERIOD_MS : RETRY_PERIOD_MS);
    if (!ok) {
        log_warning("cannot read the token again, going on with the one before",
                    LOG_TEXT("error", error.message));
    }
}

/* ---- Certificates ---- */

static struct result read_material(const struct access_material *material, struct buffer *bytes,
                                   struct error *error)
{
    if (material->data) {
        REQUIRE(result_is_ok(buffer_append(bytes, material->data, material->size)));
        return RESULT_OK;
    }
    return material->file ? file_read(material->file, bytes, error) : RESULT_OK;
}

static const char *material_name(const struct credentials *credentials,
                                 const struct access_material *material)
{
    return material->file ? material->file : credentials->options.access->source;
}

/* OpenSSL's: that there was no memory to read a file, else what it found wrong first. */
static const char *take_reason(void)
{
    const char *reason = NULL;
    for (unsigned long code; (code = ERR_get_error()) != 0;) {
        if (!reason || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
            reason = ERR_reason_error_string(code);
        }
    }
    return text_or(reason, "no reason given");
}

static X509 *read_certificate(const struct buffer *bytes)
{
    BIO *bio = BIO_new_mem_buf(buffer_text(bytes), (int)bytes->size);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

/* Never asks for a pass phrase on the terminal. */
static int no_pass_phrase(char *phrase, int size, int writing, void *context)
{
    (void)phrase;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

static EVP_PKEY *read_key(const struct buffer *bytes)
{
    BIO *bio = BIO_new_mem_buf(buffer_text(bytes), (int)bytes->size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static struct result check_authority(const struct buffer *bytes, const char *where,
                                     struct error *error)
{
    ERR_clear_error();
    X509 *certificate = read_certificate(bytes);
    if (!certificate) {
        return error_set(error, ERROR_INVALID,
                         "%s: certificate-authority holds no PEM certificate: %s", where,
                         take_reason());
    }
    X509_free(certificate);
    return RESULT_OK;
}

static struct result check_pair(const struct buffer *certificate_bytes,
                                const struct buffer *key_bytes, const char *where,
                                struct error *error)
{
    ERR_clear_error();
    X509 *certificate = read_certificate(certificate_bytes);
    EVP_PKEY *key = read_key(key_bytes);
    const char *problem = NULL;
    if (!certificate) {
        problem = "client-certificate holds no PEM certificate";
    } else if (!key) {
        problem = "client-key holds no PEM private key without a pass phrase";
    } else if (X509_check_private_key(certificate, key) != 1) {
        problem = "client-certificate and client-key do not belong together";
    }
    const char *reason = take_reason();
    X509_free(certificate);
    EVP_PKEY_free(key);
    return problem ? error_set(error, ERROR_INVALID, "%s: %s: %s", where, problem, reason)
                   : RESULT_OK;
}

static bool has_material(const struct access_material *material)
{
    return material->data || material->file;
}

static struct result load_authority(struct credentials *credentials, struct error *error)
{
    const struct access_material *material = &credentials->options.access->authority;
    if (!has_material(material)) {
        return RESULT_OK;
    }
    struct buffer bytes = BUFFER_INIT(PEM_MAXIMUM);
    struct result result = read_material(material, &bytes, error);
    if (result_is_ok(result)) {
        result = check_authority(&bytes, material_name(credentials, material), error);
    }
    if (result_is_ok(result)) {
        credentials->identity += secret_replace(&credentials->authority, bytes.data, bytes.size)
                                     ? 1
                                     : 0;
    }
    buffer_free(&bytes);
    return result;
}

static void set_pair(struct credentials *credentials, const struct buffer *certificate,
                     const struct buffer *key)
{
    bool changed = secret_replace(&credentials->certificate, certificate->data, certificate->size);
    changed = secret_replace(&credentials->key, key->data, key->size) || changed;
    credentials->generation += changed ? 1 : 0;
    credentials->identity += changed ? 1 : 0;
}

/* Both are read before either is used: a rotation may be under way between the two. */
static struct result load_pair(struct credentials *credentials, struct error *error)
{
    const struct access *access = credentials->options.access;
    if (!has_material(&access->certificate)) {
        return RESULT_OK;
    }
    struct buffer certificate = BUFFER_INIT(PEM_MAXIMUM);
    struct buffer key = BUFFER_INIT(PEM_MAXIMUM);
    struct result result = read_material(&access->certificate, &certificate, error);
    if (result_is_ok(result)) {
        result = read_material(&access->key, &key, error);
    }
    if (result_is_ok(result)) {
        const char *where = material_name(credentials, &access->certificate);
        result = check_pair(&certificate, &key, where, error);
    }
    if (result_is_ok(result)) {
        set_pair(credentials, &certificate, &key);
    }
    buffer_free(&certificate);
    free_wiped(&key);
    return result;
}

static bool reads_certificate_files(const struct access *access)
{
    return access->authority.file || access->certificate.file || access->key.file;
}

static void refresh_certificates(struct credentials *credentials, int64_t now_ms)
{
    if (!reads_certificate_files(credentials->options.access) || now_ms < credentials->pem_due_ms) {
        return;
    }
    struct error error;
    bool ok = result_is_ok(load_authority(credentials, &error)) &&
              result_is_ok(load_pair(credentials, &error));
    credentials->pem_due_ms = now_ms + (ok ? PEM_PERIOD_MS : RETRY_PERIOD_MS);
    if (!ok) {
        log_warning("cannot read the certificates again, going on with those before",
                    LOG_TEXT("error", error.message));
    }
}

/* ---- The plugin ---- */

static struct result take_plugin_credential(struct credentials *credentials,
                                            const struct plugin_credential *given,
                                            struct error *error)
{
    const char *where = credentials->options.access->plugin->command;
    if (given->certificate) {
        struct buffer certificate = BUFFER_INIT(PEM_MAXIMUM);
        struct buffer key = BUFFER_INIT(PEM_MAXIMUM);
        struct result result = RESULT_OK;
        if (!result_is_ok(buffer_append_text(&certificate, given->certificate)) ||
            !result_is_ok(buffer_append_text(&key, given->key))) {
            result = error_set(error, ERROR_LIMIT, "%s: its certificate is too large", where);
        } else {
            result = check_pair(&certificate, &key, where, error);
        }
        if (result_is_ok(result)) {
            set_pair(credentials, &certificate, &key);
        }
        buffer_free(&certificate);
        free_wiped(&key);
        TRY(result);
    }
    if (given->token) {
        TRY(set_token(credentials, given->token, strlen(given->token), where, error));
    }
    credentials->expires_unix = given->expires_unix;
    return RESULT_OK;
}

static void on_plugin_done(void *context, const struct plugin_credential *given,
                           const struct error *error)
{
    struct credentials *credentials = context;
    credentials->plugin = NULL;
    if (!given) {
        credentials->plugin_error = *error;
        credentials->plugin_state = PLUGIN_FAILED;
    } else if (result_is_ok(
                   take_plugin_credential(credentials, given, &credentials->plugin_error))) {
        credentials->plugin_state = PLUGIN_DONE;
    } else {
        credentials->plugin_state = PLUGIN_FAILED;
    }
    credentials->options.on_change(credentials->options.context);
}

static void start_plugin(struct credentials *credentials)
{
    const struct access *access = credentials->options.access;
    arena_reset(&credentials->plugin_arena);
    const char *input = plugin_input(&credentials->plugin_arena, access,
                                     credentials->authority.bytes, credentials->authority.size);
    struct result result = plugin_start(credentials->options.loop, access->plugin, input,
                                        PLUGIN_TIMEOUT_MS, on_plugin_done, credentials,
                                        &credentials->plugin, &credentials->plugin_error);
    credentials->plugin_state = result_is_ok(result) ? PLUGIN_RUNNING : PLUGIN_FAILED;
}

static bool has_expired(const struct credentials *credentials)
{
    return credentials->expires_unix != 0 &&
           (int64_t)time(NULL) >= credentials->expires_unix - EXPIRY_LEEWAY_SECONDS;
}

static enum credentials_state run_plugin(struct credentials *credentials, struct error *error)
{
    bool expired = credentials->plugin_state == PLUGIN_DONE && has_expired(credentials);
    if (credentials->plugin_state == PLUGIN_NEEDED || expired) {
        start_plugin(credentials);
    }
    switch (credentials->plugin_state) {
    case PLUGIN_RUNNING:
        return CREDENTIALS_AWAITED;
    case PLUGIN_FAILED:
        credentials->plugin_state = PLUGIN_NEEDED;
        *error = credentials->plugin_error;
        return CREDENTIALS_FAILED;
    default:
        return CREDENTIALS_READY;
    }
}

/* ---- For the client ---- */

enum credentials_state credentials_get(struct credentials *credentials, int64_t now_ms,
                                       struct credential *credential, struct error *error)
{
    refresh_token(credentials, now_ms);
    refresh_certificates(credentials, now_ms);
    if (credentials->plugin_state != PLUGIN_NONE) {
        enum credentials_state state = run_plugin(credentials, error);
        if (state != CREDENTIALS_READY) {
            return state;
        }
    }
    *credential = (struct credential){
        .generation = credentials->generation,
        .identity = credentials->identity,
        .token = credentials->token.bytes,
        .authority = credentials->authority.bytes,
        .authority_size = credentials->authority.size,
        .certificate = credentials->certificate.bytes,
        .certificate_size = credentials->certificate.size,
        .key = credentials->key.bytes,
        .key_size = credentials->key.size,
    };
    return CREDENTIALS_READY;
}

bool credentials_reject(struct credentials *credentials, uint64_t generation, int64_t now_ms)
{
    if (generation != credentials->generation) {
        return true; /* replaced since that request began */
    }
    if (credentials->plugin_state == PLUGIN_DONE) {
        credentials->plugin_state = PLUGIN_NEEDED;
        return true;
    }
    if (credentials->plugin_state != PLUGIN_NONE) {
        return true; /* being replaced */
    }
    credentials->token_due_ms = now_ms;
    refresh_token(credentials, now_ms);
    return generation != credentials->generation;
}

static struct result load(struct credentials *credentials, struct error *error)
{
    const struct access *access = credentials->options.access;
    int64_t now_ms = loop_now_ms();
    credentials->token_due_ms = now_ms + TOKEN_PERIOD_MS;
    credentials->pem_due_ms = now_ms + PEM_PERIOD_MS;
    TRY(load_authority(credentials, error));
    TRY(load_pair(credentials, error));
    if (access->token_file) {
        struct result result = read_token_file(credentials, error);
        if (result_is_ok(result) || !access->token) {
            return result;
        }
        log_warning("cannot read the token file, using the token given beside it",
                    LOG_TEXT("error", error->message));
    }
    if (access->token) {
        return set_token(credentials, access->token, strlen(access->token), access->source, error);
    }
    return RESULT_OK;
}

struct result credentials_open(const struct credentials_options *options,
                               struct credentials **credentials, struct error *error)
{
    const struct access *access = options->access;
    if (access->plugin && !options->allow_plugins) {
        return error_set(error, ERROR_INVALID,
                         "%s: its user needs the credential plugin %s, and the controller starts "
                         "no other program; give it a token file or a client certificate",
                         access->source, access->plugin->command);
    }
    struct credentials *made = memory_allocate(1, sizeof(*made));
    made->options = *options;
    made->plugin_state = access->plugin ? PLUGIN_NEEDED : PLUGIN_NONE;
    struct result result = load(made, error);
    if (!result_is_ok(result)) {
        (void)credentials_close(made);
        return result;
    }
    *credentials = made;
    return RESULT_OK;
}

struct credentials *credentials_close(struct credentials *credentials)
{
    if (!credentials) {
        return NULL;
    }
    (void)plugin_cancel(credentials->plugin);
    arena_free(&credentials->plugin_arena);
    secret_clear(&credentials->token);
    secret_clear(&credentials->authority);
    secret_clear(&credentials->certificate);
    secret_clear(&credentials->key);
    return memory_free(credentials);
}
