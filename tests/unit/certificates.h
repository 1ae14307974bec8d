/* Authorities and certificates for tests, made on the spot: P-256 keys, PEM files in a directory of their own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct identity {
    EVP_PKEY *key;
    X509     *certificate;
    char      cert_path[96], key_path[96];
};

static inline void identity_extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX about;
    X509V3_set_ctx(&about, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &about, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: an authority, signed by itself. `names`: "DNS:a.example,IP:127.0.0.1". Valid from a day ago, for
 * so many days from now. */
static inline void identity_init(struct identity *identity, const struct identity *issuer, const char *directory,
                                 const char *name, const char *names, int days)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509 *issuing = issuer ? issuer->certificate : certificate;
    *identity = (struct identity){ .key = EVP_EC_gen("P-256"), .certificate = certificate };
    assert_non_null(identity->key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400L);
    X509_set_pubkey(certificate, identity->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuing));
    identity_extend(certificate, issuing, NID_subject_key_identifier, "hash");
    if (issuer) {
        identity_extend(certificate, issuing, NID_subject_alt_name, names);
    } else {
        identity_extend(certificate, issuing, NID_basic_constraints, "critical,CA:TRUE");
        identity_extend(certificate, issuing, NID_key_usage, "critical,keyCertSign");
    }
    assert_true(X509_sign(certificate, issuer ? issuer->key : identity->key, EVP_sha256()) > 0);
    snprintf(identity->cert_path, sizeof(identity->cert_path), "%s/%s.pem", directory, name);
    snprintf(identity->key_path, sizeof(identity->key_path), "%s/%s.key", directory, name);
    FILE *file = fopen(identity->cert_path, "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(identity->key_path, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static inline void identity_release(struct identity *identity)
{
    unlink(identity->cert_path);
    unlink(identity->key_path);
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}
