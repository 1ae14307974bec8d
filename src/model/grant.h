/* A grant: what a bearer token stands for. The token is wdr_<id>_<secret><check>; only a hash of the secret is kept. */
#pragma once

#include "base/digest.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define GRANT_ID_LEN 12      /* characters of [0-9a-z] */
#define GRANT_SECRET_LEN 43  /* 32 random bytes, base64url */
#define GRANT_TOKEN_MAX 80

struct grant {
    struct str    id;
    struct str    label;
    struct str   *tags;
    size_t        tag_count;
    struct str   *servers;      /* names that it may reach; the one name "*" is all of them */
    size_t        server_count;
    struct sha256 secret_hash;
    int64_t       created_ms, expires_ms; /* Unix time; expires_ms 0: never */
    int64_t       revoked_ms;   /* 0: in force */
    bool          unattended;
};

bool grant_is_live(const struct grant *grant, int64_t now_ms);
bool grant_reaches(const struct grant *grant, struct str server);

/* Takes a token apart: form and checksum (CRC-32C in base64url, to tell a typing error from a guess). No secret is
 * compared here. E_SYNTAX: not a token of ours. */
int  grant_token_parse(struct str token, struct str *id, struct str *secret) NODISCARD;
/* `out` has room for GRANT_TOKEN_MAX. */
void grant_token_print(struct str id, struct str secret, char *out);
void grant_secret_hash(struct str secret, struct sha256 *out);
