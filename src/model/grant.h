/* A grant: what a bearer token stands for. The token is wdr_<id>_<secret><check>; only a hash of the secret is kept. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
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
    struct str    parent;       /* the id of the grant that it was made under; empty: none */
};

bool grant_is_live(const struct grant *grant, int64_t now_ms);
bool grant_reaches(const struct grant *grant, struct str server);
/* A child is in no way wider than its parent: it reaches no other server, ends no later, and has the same tags, since a
 * policy may give by a tag and may take by one. */
bool grant_is_within(const struct grant *child, const struct grant *parent);

/* Takes a token apart: form and checksum (CRC-32C in base64url, to tell a typing error from a guess). No secret is
 * compared here. E_SYNTAX: not a token of ours. */
int  grant_token_parse(struct str token, struct str *id, struct str *secret) NODISCARD;
/* `out` has room for GRANT_TOKEN_MAX. */
void grant_token_print(struct str id, struct str secret, char *out);
void grant_secret_hash(struct str secret, struct sha256 *out); /* allocates a hasher: not for a call's path */
/* Whether the secret is this grant's, in constant time; `hasher` is the thread's own. */
bool grant_secret_fits(struct hasher *hasher, const struct grant *grant, struct str secret);
/* A new identity: draws id and secret, fills in grant->id (it points into `token`) and secret_hash, and prints the
 * token. The secret stands nowhere else; the caller shows the token once and wipes it. */
void grant_make(struct grant *grant, char token[GRANT_TOKEN_MAX]);

/* The whole grant as the ledger keeps it: never the secret, only its hash. */
void grant_write(const struct grant *grant, struct buf *out);
/* Strings are borrowed from `bytes`, lists stand in the arena. E_SYNTAX: not a grant; E_INVALID: of a later version. */
int  grant_read(struct str bytes, struct arena *arena, struct grant *out) NODISCARD;
