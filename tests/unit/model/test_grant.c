/* Tokens and grants: what is not exactly ours is refused. */
#include "model/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void a_token_goes_both_ways(void **state)
{
    (void)state;
    struct grant grant = { 0 };
    struct str id, secret;
    char token[GRANT_TOKEN_MAX];
    grant_make(&grant, token);
    assert_int_equal(grant_token_parse(str_from_c(token), &id, &secret), 0);
    assert_true(str_eq(id, grant.id));
    assert_int_equal(secret.len, GRANT_SECRET_LEN);
    struct sha256 hash;
    grant_secret_hash(secret, &hash);
    assert_memory_equal(&hash, &grant.secret_hash, sizeof hash);

    struct hasher *hasher;
    assert_int_equal(hasher_new(&hasher), 0);
    assert_true(grant_secret_fits(hasher, &grant, secret));
    char wrong[GRANT_SECRET_LEN];
    memcpy(wrong, secret.ptr, sizeof wrong);
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    assert_false(grant_secret_fits(hasher, &grant, str_of(wrong, sizeof wrong)));
    hasher_free(hasher);
}

/* Any one byte changed, a byte less, a byte more: no token. */
static void a_typing_error_is_told(void **state)
{
    (void)state;
    struct grant grant = { 0 };
    struct str id, secret;
    char token[GRANT_TOKEN_MAX];
    grant_make(&grant, token);
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++) {
        char was = token[i];
        token[i] = was == 'a' ? 'b' : 'a';
        assert_int_equal(grant_token_parse(str_of(token, len), &id, &secret), E_SYNTAX);
        token[i] = was;
        assert_int_equal(grant_token_parse(str_of(token, i), &id, &secret), E_SYNTAX);
    }
    assert_int_equal(grant_token_parse(str_of(token, len + 1), &id, &secret), E_SYNTAX);
    assert_int_equal(grant_token_parse(str_of(token, len), &id, &secret), 0);
}

static void two_grants_share_nothing(void **state)
{
    (void)state;
    struct grant a = { 0 }, b = { 0 };
    char first[GRANT_TOKEN_MAX], second[GRANT_TOKEN_MAX];
    grant_make(&a, first);
    grant_make(&b, second);
    assert_false(str_eq(a.id, b.id));
    assert_memory_not_equal(&a.secret_hash, &b.secret_hash, sizeof a.secret_hash);
}

static void a_grant_ends(void **state)
{
    (void)state;
    struct grant grant = { .expires_ms = 1000 };
    assert_true(grant_is_live(&grant, 999));
    assert_false(grant_is_live(&grant, 1000));
    grant.expires_ms = 0;
    assert_true(grant_is_live(&grant, INT64_MAX));
    grant.revoked_ms = 1;
    assert_false(grant_is_live(&grant, 0));
}

static void a_grant_reaches_what_it_names(void **state)
{
    (void)state;
    struct str names[] = { STR("stripe"), STR("mail") };
    struct grant grant = { .servers = names, .server_count = 2 };
    assert_true(grant_reaches(&grant, STR("mail")));
    assert_false(grant_reaches(&grant, STR("mai")));
    assert_false(grant_reaches(&grant, STR("Mail")));
    names[1] = STR("*");
    assert_true(grant_reaches(&grant, STR("anything")));
    grant.server_count = 0;
    assert_false(grant_reaches(&grant, STR("stripe")));
}

static void a_grant_is_kept_whole(void **state)
{
    (void)state;
    struct str names[] = { STR("stripe"), STR("mail") }, tags[] = { STR("ci") };
    struct grant grant = { .label = STR("nightly run"), .tags = tags, .tag_count = 1, .servers = names, .server_count = 2,
                           .created_ms = 5, .expires_ms = -7, .unattended = true };
    struct grant read;
    char token[GRANT_TOKEN_MAX];
    struct buf bytes;
    struct arena arena;
    grant_make(&grant, token);
    buf_init(&bytes, 4096);
    arena_init(&arena, NULL, 65536);
    grant_write(&grant, &bytes);
    assert_int_equal(grant_read(buf_str(&bytes), &arena, &read), 0);
    assert_true(str_eq(read.id, grant.id) && str_eq(read.label, grant.label));
    assert_true(read.server_count == 2 && str_eq(read.servers[1], STR("mail")));
    assert_true(read.tag_count == 1 && str_eq(read.tags[0], STR("ci")));
    assert_true(read.created_ms == 5 && read.expires_ms == -7 && read.revoked_ms == 0 && read.unattended);
    assert_memory_equal(&read.secret_hash, &grant.secret_hash, SHA256_LEN);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(grant_read(str_of(bytes.ptr, len), &arena, &read), E_SYNTAX);
    assert_int_equal(read.parent.len, 0);
    bytes.ptr[0] += 2; /* a form of a later version */
    assert_int_equal(grant_read(buf_str(&bytes), &arena, &read), E_INVALID);
    arena_release(&arena);
    buf_release(&bytes);
}

static void a_child_keeps_its_parent(void **state)
{
    (void)state;
    struct str names[] = { STR("mail") };
    struct grant grant = { .label = STR("child"), .servers = names, .server_count = 1, .parent = STR("0123456789ab") };
    struct grant read;
    char token[GRANT_TOKEN_MAX];
    struct buf bytes;
    struct arena arena;
    grant_make(&grant, token);
    buf_init(&bytes, 4096);
    arena_init(&arena, NULL, 65536);
    grant_write(&grant, &bytes);
    assert_int_equal(grant_read(buf_str(&bytes), &arena, &read), 0);
    assert_true(str_eq(read.parent, grant.parent));
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(grant_read(str_of(bytes.ptr, len), &arena, &read), E_SYNTAX);
    bytes.ptr[0]--; /* the form without a parent has nothing behind the servers */
    assert_int_equal(grant_read(buf_str(&bytes), &arena, &read), E_SYNTAX);
    bytes.ptr[0] += 2;
    assert_int_equal(grant_read(buf_str(&bytes), &arena, &read), E_INVALID);
    arena_release(&arena);
    buf_release(&bytes);
}

static void a_child_is_in_no_way_wider(void **state)
{
    (void)state;
    struct str two[] = { STR("stripe"), STR("mail") }, one[] = { STR("mail") }, other[] = { STR("files") }, all[] = { STR("*") };
    struct str tags[] = { STR("ci"), STR("dry") }, more[] = { STR("ci"), STR("admin") };
    struct grant parent = { .servers = two, .server_count = 2, .tags = tags, .tag_count = 2, .expires_ms = 1000 };
    struct grant child = { .servers = one, .server_count = 1, .tags = tags, .tag_count = 2, .expires_ms = 1000 };
    assert_true(grant_is_within(&child, &parent));
    child.expires_ms = 1001;
    assert_false(grant_is_within(&child, &parent));
    child.expires_ms = 0;
    assert_false(grant_is_within(&child, &parent));
    parent.expires_ms = 0;
    assert_true(grant_is_within(&child, &parent));
    child.servers = other;
    assert_false(grant_is_within(&child, &parent));
    child.servers = all;
    assert_false(grant_is_within(&child, &parent));
    parent.servers = all;
    parent.server_count = 1;
    assert_true(grant_is_within(&child, &parent));
    child.tags = more;
    assert_false(grant_is_within(&child, &parent));
    child.tags = tags;
    child.tag_count = 1; /* what a policy denies by a tag must not be shaken off */
    assert_false(grant_is_within(&child, &parent));
    child.tag_count = 2;
    parent.unattended = true;
    assert_false(grant_is_within(&child, &parent));
    child.unattended = true;
    assert_true(grant_is_within(&child, &parent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_goes_both_ways),
        cmocka_unit_test(a_typing_error_is_told),
        cmocka_unit_test(two_grants_share_nothing),
        cmocka_unit_test(a_grant_ends),
        cmocka_unit_test(a_grant_reaches_what_it_names),
        cmocka_unit_test(a_grant_is_kept_whole),
        cmocka_unit_test(a_child_keeps_its_parent),
        cmocka_unit_test(a_child_is_in_no_way_wider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
