/* RFC 6901: one node out of a tree by its path. */
#include "json/json.h"

#include "json/node.h"

bool json_pointer_next(struct str *pointer, struct str *token)
{
    if (pointer->len == 0 || pointer->ptr[0] != '/')
        return false;
    struct str rest = str_slice(*pointer, 1, pointer->len);
    size_t end = str_find_byte(rest, '/');
    *token = str_slice(rest, 0, end);
    *pointer = str_slice(rest, end, rest.len);
    return true;
}

int json_pointer_byte(struct str token, size_t *at)
{
    if (*at >= token.len)
        return -1;
    char c = token.ptr[(*at)++];
    if (c == '~' && *at < token.len && (token.ptr[*at] == '0' || token.ptr[*at] == '1'))
        c = token.ptr[(*at)++] == '0' ? '~' : '/';
    return (unsigned char)c;
}

static bool token_is(struct str token, struct str name)
{
    size_t at = 0;

    for (size_t i = 0; i < name.len; i++)
        if (json_pointer_byte(token, &at) != (unsigned char)name.ptr[i])
            return false;
    return at == token.len;
}

static const struct json *member_by_token(const struct json *object, struct str token)
{
    struct json_iter iter;
    struct str name;
    const struct json *value;

    if (str_find_byte(token, '~') == token.len)
        return json_get(object, token);
    json_iter_init(&iter, object);
    while (json_iter_next(&iter, &name, &value))
        if (token_is(token, name))
            return value;
    return NULL;
}

const struct json *json_pointer(const struct json *root, struct str pointer)
{
    const struct json *node = root;
    struct str token;
    unsigned long long index;

    while (node && pointer.len > 0) {
        if (!json_pointer_next(&pointer, &token))
            return NULL;
        if (json_is(node, JSON_OBJECT))
            node = member_by_token(node, token);
        else if (json_is(node, JSON_ARRAY) && str_to_u64(token, SIZE_MAX, &index))
            node = json_at(node, (size_t)index);
        else
            node = NULL;
    }
    return node;
}

void json_pointer_append(struct buf *pointer, struct str token)
{
    buf_append_byte(pointer, '/');
    for (size_t at = 0; at < token.len; at++) {
        if (token.ptr[at] == '~')
            buf_append_str(pointer, STR("~0"));
        else if (token.ptr[at] == '/')
            buf_append_str(pointer, STR("~1"));
        else
            buf_append_byte(pointer, token.ptr[at]);
    }
}
