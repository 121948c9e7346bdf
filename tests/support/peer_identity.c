/* Certificates and keys of peers. */

#include "support/peer_private.h"

#include "support/test.h"

#include "core/memory.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static char *text_of(BIO *bio)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    char *text = memory_print("%.*s", (int)size, data);
    BIO_free(bio);
    return text;
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    REQUIRE(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

struct peer_identity *peer_identity_new(const char *name)
{
    static long serial;
    struct peer_identity *identity = memory_allocate(1, sizeof(*identity));
    identity->key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    REQUIRE(identity->key && certificate);
    (void)X509_set_version(certificate, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_set_pubkey(certificate, identity->key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    char *common = memory_print("peer %ld", serial);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common, -1,
                                     -1, 0);
    memory_free(common);
    (void)X509_set_issuer_name(certificate, subject);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    char *names = memory_print("IP:127.0.0.1%s%s", name ? ",DNS:" : "", name ? name : "");
    add_extension(certificate, NID_subject_alt_name, names);
    memory_free(names);
    REQUIRE(X509_sign(certificate, identity->key, EVP_sha256()) > 0);
    identity->certificate = certificate;
    BIO *bio = BIO_new(BIO_s_mem());
    REQUIRE(PEM_write_bio_X509(bio, certificate) == 1);
    identity->certificate_text = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    REQUIRE(PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) == 1);
    identity->key_text = text_of(bio);
    return identity;
}

const char *peer_identity_certificate(const struct peer_identity *identity)
{
    return identity->certificate_text;
}

const char *peer_identity_key(const struct peer_identity *identity)
{
    return identity->key_text;
}

void peer_identity_free(struct peer_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    memory_free(identity->key_text);
    memory_free(identity->certificate_text);
    memory_free(identity);
}
