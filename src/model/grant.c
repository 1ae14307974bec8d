/* Grants: their tokens, and the bytes in which the ledger keeps them. */
#include "model/grant.h"

#include "base/check.h"
#include "base/encode.h"
#include "base/random.h"
#include "model/wire.h"

#include <string.h>

#define TOKEN_PREFIX "wdr_"
#define CHECK_LEN 6 /* CRC-32C, four bytes in base64url */
#define TOKEN_LEN (sizeof TOKEN_PREFIX - 1 + GRANT_ID_LEN + 1 + GRANT_SECRET_LEN + CHECK_LEN)
#define GRANT_FORMAT 1
#define GRANT_FORMAT_CHILD 2 /* the same, and the parent behind it */

bool grant_is_live(const struct grant *grant, int64_t now_ms)
{
    if (grant->revoked_ms != 0)
        return false;
    return grant->expires_ms == 0 || now_ms < grant->expires_ms;
}

bool grant_reaches(const struct grant *grant, struct str server)
{
    for (size_t i = 0; i < grant->server_count; i++) {
        if (str_eq(grant->servers[i], STR("*")) || str_eq(grant->servers[i], server))
            return true;
    }
    return false;
}

static bool is_among(struct str name, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

/* "*" is reached by "*" alone. */
bool grant_is_within(const struct grant *child, const struct grant *parent)
{
    for (size_t i = 0; i < child->server_count; i++) {
        if (!grant_reaches(parent, child->servers[i]))
            return false;
    }
    for (size_t i = 0; i < child->tag_count; i++) {
        if (!is_among(child->tags[i], parent->tags, parent->tag_count))
            return false;
    }
    bool outlives = parent->expires_ms != 0 && (child->expires_ms == 0 || child->expires_ms > parent->expires_ms);
    return !outlives && child->tag_count == parent->tag_count && (child->unattended || !parent->unattended);
}

static bool is_id_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool is_secret_byte(char c)
{
    return is_id_byte(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static bool all_are(struct str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is(s.ptr[i]))
            return false;
    }
    return true;
}

/* Over everything that stands before it. */
static void check_make(struct str before, char out[CHECK_LEN])
{
    uint32_t crc = crc32c(0, before.ptr, before.len);
    const uint8_t bytes[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc };
    CHECK(base64url_encode(bytes, sizeof bytes, out) == CHECK_LEN);
}

int grant_token_parse(struct str token, struct str *id, struct str *secret)
{
    if (token.len != TOKEN_LEN || !str_starts_with(token, STR(TOKEN_PREFIX)))
        return E_SYNTAX;
    size_t at = sizeof TOKEN_PREFIX - 1;
    struct str id_part = str_slice(token, at, at + GRANT_ID_LEN);
    at += GRANT_ID_LEN;
    if (token.ptr[at++] != '_')
        return E_SYNTAX;
    struct str secret_part = str_slice(token, at, at + GRANT_SECRET_LEN);
    at += GRANT_SECRET_LEN;
    if (!all_are(id_part, is_id_byte) || !all_are(secret_part, is_secret_byte))
        return E_SYNTAX;

    char check[CHECK_LEN];
    check_make(str_slice(token, 0, at), check);
    if (!str_eq(str_slice(token, at, token.len), str_of(check, sizeof check)))
        return E_SYNTAX;
    *id = id_part;
    *secret = secret_part;
    return 0;
}

void grant_token_print(struct str id, struct str secret, char *out)
{
    CHECK(id.len == GRANT_ID_LEN && secret.len == GRANT_SECRET_LEN);
    char *at = out;
    memcpy(at, TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1);
    at += sizeof TOKEN_PREFIX - 1;
    memcpy(at, id.ptr, id.len);
    at += id.len;
    *at++ = '_';
    memcpy(at, secret.ptr, secret.len);
    at += secret.len;
    check_make(str_of(out, (size_t)(at - out)), at);
    at[CHECK_LEN] = '\0';
}

void grant_secret_hash(struct str secret, struct sha256 *out)
{
    struct hasher *hasher;
    AZ(hasher_new(&hasher));
    hasher_begin(hasher);
    hasher_add(hasher, secret.ptr, secret.len);
    hasher_end(hasher, out);
    hasher_free(hasher);
}

bool grant_secret_fits(struct hasher *hasher, const struct grant *grant, struct str secret)
{
    struct sha256 hash;
    hasher_begin(hasher);
    hasher_add(hasher, secret.ptr, secret.len);
    hasher_end(hasher, &hash);
    return str_eq_secret(str_of((const char *)hash.bytes, SHA256_LEN),
                         str_of((const char *)grant->secret_hash.bytes, SHA256_LEN));
}

/* Each of the 36 characters is equally likely: bytes from 252 on are drawn again. */
static void id_draw(char out[GRANT_ID_LEN])
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t len = 0;
    while (len < GRANT_ID_LEN) {
        uint8_t bytes[GRANT_ID_LEN];
        random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes && len < GRANT_ID_LEN; i++) {
            if (bytes[i] < 252)
                out[len++] = alphabet[bytes[i] % 36];
        }
    }
}

void grant_make(struct grant *grant, char token[GRANT_TOKEN_MAX])
{
    char id[GRANT_ID_LEN], secret[GRANT_SECRET_LEN];
    uint8_t bytes[32];
    id_draw(id);
    random_bytes(bytes, sizeof bytes);
    CHECK(base64url_encode(bytes, sizeof bytes, secret) == sizeof secret);
    grant_token_print(str_of(id, sizeof id), str_of(secret, sizeof secret), token);
    grant_secret_hash(str_of(secret, sizeof secret), &grant->secret_hash);
    grant->id = str_of(token + sizeof TOKEN_PREFIX - 1, GRANT_ID_LEN);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(bytes, sizeof bytes);
}

void grant_write(const struct grant *grant, struct buf *out)
{
    buf_append_byte(out, grant->parent.len > 0 ? GRANT_FORMAT_CHILD : GRANT_FORMAT);
    wire_put_str(out, grant->id);
    wire_put_str(out, grant->label);
    buf_append(out, grant->secret_hash.bytes, SHA256_LEN);
    wire_put_int(out, grant->created_ms);
    wire_put_int(out, grant->expires_ms);
    wire_put_int(out, grant->revoked_ms);
    buf_append_byte(out, grant->unattended ? 1 : 0);
    wire_put_uint(out, grant->tag_count);
    for (size_t i = 0; i < grant->tag_count; i++)
        wire_put_str(out, grant->tags[i]);
    wire_put_uint(out, grant->server_count);
    for (size_t i = 0; i < grant->server_count; i++)
        wire_put_str(out, grant->servers[i]);
    if (grant->parent.len > 0)
        wire_put_str(out, grant->parent);
}

static int list_read(struct str *in, struct arena *arena, struct str **out, size_t *count)
{
    uint64_t n;
    if (!wire_get_uint(in, &n) || n > in->len) /* each takes a byte at least */
        return E_SYNTAX;
    *out = NULL;
    *count = 0;
    if (n == 0)
        return 0;
    *out = arena_zalloc(arena, (size_t)n * sizeof **out);
    if (*out == NULL)
        return E_NOMEM;
    for (; *count < n; (*count)++) {
        if (!wire_get_str(in, &(*out)[*count]))
            return E_SYNTAX;
    }
    return 0;
}

static bool byte_read(struct str *in, unsigned char *out)
{
    if (in->len == 0)
        return false;
    *out = (unsigned char)*in->ptr;
    *in = str_slice(*in, 1, in->len);
    return true;
}

int grant_read(struct str bytes, struct arena *arena, struct grant *out)
{
    struct grant grant = { 0 };
    unsigned char format, unattended;
    if (!byte_read(&bytes, &format))
        return E_SYNTAX;
    if (format != GRANT_FORMAT && format != GRANT_FORMAT_CHILD)
        return E_INVALID;
    if (!wire_get_str(&bytes, &grant.id) || !wire_get_str(&bytes, &grant.label) || bytes.len < SHA256_LEN)
        return E_SYNTAX;
    memcpy(grant.secret_hash.bytes, bytes.ptr, SHA256_LEN);
    bytes = str_slice(bytes, SHA256_LEN, bytes.len);
    if (!wire_get_int(&bytes, &grant.created_ms) || !wire_get_int(&bytes, &grant.expires_ms) ||
        !wire_get_int(&bytes, &grant.revoked_ms) || !byte_read(&bytes, &unattended) || unattended > 1)
        return E_SYNTAX;
    grant.unattended = unattended == 1;
    int error = list_read(&bytes, arena, &grant.tags, &grant.tag_count);
    if (error == 0)
        error = list_read(&bytes, arena, &grant.servers, &grant.server_count);
    if (error == 0 && format == GRANT_FORMAT_CHILD && (!wire_get_str(&bytes, &grant.parent) || grant.parent.len == 0))
        error = E_SYNTAX;
    if (error == 0 && bytes.len != 0)
        error = E_SYNTAX;
    if (error == 0)
        *out = grant;
    return error;
}
