/* SHA-256 over OpenSSL's EVP interface, with the digest fetched once a hasher. */
#include "base/digest.h"

#include "base/check.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct hasher {
    EVP_MD *algorithm;
    EVP_MD_CTX *state;
};

int hasher_new(struct hasher **out)
{
    struct hasher *hasher = calloc(1, sizeof(*hasher));
    if (!hasher)
        return E_NOMEM;
    hasher->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->state = EVP_MD_CTX_new();
    if (!hasher->algorithm || !hasher->state || !EVP_DigestInit_ex2(hasher->state, hasher->algorithm, NULL)) {
        hasher_free(hasher);
        return E_NOMEM;
    }
    *out = hasher;
    return 0;
}

void hasher_free(struct hasher *hasher)
{
    if (!hasher)
        return;
    EVP_MD_CTX_free(hasher->state);
    EVP_MD_free(hasher->algorithm);
    free(hasher);
}

/* With its memory there, SHA-256 cannot fail. */
void hasher_begin(struct hasher *hasher)
{
    AN(EVP_DigestInit_ex2(hasher->state, NULL, NULL));
}

void hasher_add(struct hasher *hasher, const void *bytes, size_t len)
{
    if (len > 0)
        AN(EVP_DigestUpdate(hasher->state, bytes, len));
}

void hasher_add_field(struct hasher *hasher, struct str field)
{
    uint8_t length[8];

    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)field.len >> (56 - 8 * i));
    hasher_add(hasher, length, sizeof(length));
    hasher_add(hasher, field.ptr, field.len);
}

void hasher_end(struct hasher *hasher, struct sha256 *out)
{
    unsigned len = 0;
    AN(EVP_DigestFinal_ex(hasher->state, out->bytes, &len));
    CHECK(len == SHA256_LEN);
}
