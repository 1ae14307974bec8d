/* Beginnings come from the index's own vocabulary, rows from its search. */
#include "catalog/shards.h"

#include "base/encode.h"
#include "catalog/index_sql.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARD_MOST 500 /* tools of one file */
#define BEGINNING_LEAST 2
#define BEGINNING_MOST 10
#define SHARD_BYTES ((size_t)4 << 20)
#define MANIFEST_BYTES ((size_t)16 << 20)
#define PATH_BYTES 64
#define FOLDER "search/"

struct term {
    char text[BEGINNING_MOST + 1];
    size_t len;
    int64_t tools;
};

struct shards {
    struct catalog *catalog;
    shards_put *put;
    void *arg;
    struct term *terms; /* that begin with the two letters in hand, in their order */
    size_t count, capacity;
    struct buf shard, servers, paths;
    size_t tools, server_count;
};

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= 'a' && text.ptr[i] <= 'z') || (text.ptr[i] >= '0' && text.ptr[i] <= '9')))
            return false;
    return text.len > 0;
}

/* ---- one file ---- */

/* The number of a server in the shard's own list; a new one is added. Tools of one server stand together. */
static size_t server_number(struct shards *shards, const struct catalog_tool *tool)
{
    struct buf row;
    struct json_writer writer;
    buf_init(&row, 4096);
    json_write_init(&writer, &row);
    json_write_array(&writer);
    json_write_string(&writer, tool->home);
    json_write_string(&writer, tool->home_name);
    json_write_array_end(&writer);
    struct str known = buf_str(&shards->servers);
    if (shards->server_count == 0 || !str_ends_with(known, buf_str(&row))) {
        if (shards->server_count++ > 0)
            buf_append_byte(&shards->servers, ',');
        buf_append_str(&shards->servers, buf_str(&row));
    }
    buf_release(&row);
    return shards->server_count - 1;
}

static int take_tool(void *arg, const struct catalog_tool *tool)
{
    struct shards *shards = arg;
    struct json_writer writer;
    if (shards->tools++ == SHARD_MOST)
        return 0;
    size_t server = server_number(shards, tool);
    if (shards->tools > 1)
        buf_append_byte(&shards->shard, ',');
    json_write_init(&writer, &shards->shard);
    json_write_array(&writer);
    json_write_string(&writer, tool->name);
    json_write_string(&writer, tool->slug);
    json_write_int(&writer, (int64_t)server);
    json_write_int(&writer, tool->class);
    json_write_int(&writer, tool->severity);
    json_write_array_end(&writer);
    return 0;
}

/* The character at `at` as JSON's escapes, where it cannot be seen; its length. */
static size_t escape_hidden(struct buf *out, struct str json, size_t at)
{
    unsigned point;
    size_t len = str_utf8_next(json, at, &point);
    if (len == 0)
        buf_append_str(out, STR("\\ufffd"));
    else if (!text_is_hidden(point))
        buf_append_str(out, str_slice(json, at, at + len));
    else if (point < 0x10000)
        buf_printf(out, "\\u%04x", point);
    else
        buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
    return len > 0 ? len : 1;
}

/* JSON as it is, but for what cannot be seen: such a file is looked at in terminals and editors. */
static void append_visible(struct buf *out, struct str json)
{
    for (size_t at = 0, plain = 0; plain <= json.len; plain++) {
        if (plain < json.len && (unsigned char)json.ptr[plain] < 0x7f)
            continue;
        buf_append_str(out, str_slice(json, at, plain));
        if (plain == json.len)
            break;
        at = plain + escape_hidden(out, json, plain);
        plain = at - 1;
    }
}

static int put_shard(struct shards *shards, struct str beginning)
{
    char path[PATH_BYTES];
    struct buf file;
    buf_reset(&shards->shard);
    buf_reset(&shards->servers);
    shards->tools = shards->server_count = 0;
    int error = catalog_search(shards->catalog, beginning, true, SHARD_MOST + 1, take_tool, shards);
    if (error || shards->tools == 0)
        return error;
    (void)snprintf(path, sizeof(path), FOLDER "%" STR_FMT ".json", STR_ARG(beginning));
    buf_init(&file, 2 * SHARD_BYTES);
    buf_printf(&file, "{\"cut\":%s,\"servers\":[", shards->tools > SHARD_MOST ? "true" : "false");
    append_visible(&file, buf_str(&shards->servers));
    buf_append_str(&file, STR("],\"tools\":["));
    append_visible(&file, buf_str(&shards->shard));
    buf_append_str(&file, STR("]}\n"));
    file.failed |= !buf_ok(&shards->servers) || !buf_ok(&shards->shard);
    error = shards->put(shards->arg, &file, path);
    buf_release(&file);
    buf_printf(&shards->paths, "%s\n", path);
    return error;
}

/* Those of the terms that begin alike; longer beginnings where they are too many for one file. */
static int put_beginning(struct shards *shards, size_t from, size_t to, size_t len)
{
    int64_t tools = 0;
    int error = put_shard(shards, str_of(shards->terms[from].text, len));
    for (size_t i = from; i < to; i++)
        tools += shards->terms[i].tools;
    for (size_t i = from; i < to && !error && tools > SHARD_MOST && len < BEGINNING_MOST;) {
        size_t end = i + 1;
        if (shards->terms[i].len > len) {
            while (end < to && shards->terms[end].len > len &&
                   shards->terms[end].text[len] == shards->terms[i].text[len])
                end++;
            error = put_beginning(shards, i, end, len + 1);
        }
        i = end;
    }
    return error;
}

/* ---- all of two letters ---- */

static int take_terms(struct shards *shards, struct str two)
{
    int error;
    char end[BEGINNING_LEAST + 2];
    (void)snprintf(end, sizeof(end), "%" STR_FMT "{", STR_ARG(two)); /* '{' stands behind 'z' */
    shards->count = 0;
    sqlite3_stmt *row = statement(shards->catalog, STATEMENT_TERMS);
    bind_text(row, 1, two);
    bind_text(row, 2, str_from_c(end));
    while ((error = step(shards->catalog, STATEMENT_TERMS)) == 1) {
        struct str text = column_text(row, 0);
        if (!is_plain(text))
            continue;
        if (shards->count == shards->capacity) {
            size_t capacity = shards->capacity ? 2 * shards->capacity : 1024;
            struct term *grown = reallocarray(shards->terms, capacity, sizeof(*grown));
            if (!grown) {
                error = E_NOMEM;
                break;
            }
            shards->terms = grown;
            shards->capacity = capacity;
        }
        struct term *term = &shards->terms[shards->count++];
        term->len = text.len < BEGINNING_MOST ? text.len : BEGINNING_MOST;
        memcpy(term->text, text.ptr, term->len);
        term->text[term->len] = '\0';
        term->tools = sqlite3_column_int64(row, 1);
    }
    reset(shards->catalog, STATEMENT_TERMS);
    return error;
}

/* Files that stood there and were not written now. */
static int drop_stale(struct shards *shards, struct str two)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    struct buf stale;
    int error;
    (void)snprintf(from, sizeof(from), FOLDER "%" STR_FMT, STR_ARG(two));
    (void)snprintf(to, sizeof(to), FOLDER "%" STR_FMT "{", STR_ARG(two));
    buf_init(&stale, MANIFEST_BYTES);
    sqlite3_stmt *row = statement(shards->catalog, STATEMENT_PAGES_IN);
    bind_text(row, 1, str_from_c(from));
    bind_text(row, 2, str_from_c(to));
    while ((error = step(shards->catalog, STATEMENT_PAGES_IN)) == 1) {
        char line[PATH_BYTES + 2];
        int len = snprintf(line, sizeof(line), "%" STR_FMT "\n", STR_ARG(column_text(row, 0)));
        struct str one = str_of(line, len > 0 && (size_t)len < sizeof(line) ? (size_t)len : 0);
        if (str_find(buf_str(&shards->paths), one) == shards->paths.len)
            buf_append_str(&stale, one);
    }
    reset(shards->catalog, STATEMENT_PAGES_IN);
    struct str rest = buf_str(&stale);
    while (!error && rest.len > 0) {
        struct str one = str_slice(rest, 0, str_find_byte(rest, '\n'));
        error = catalog_gone_add(shards->catalog, one);
        rest = str_slice(rest, one.len + 1, rest.len);
    }
    buf_release(&stale);
    return error;
}

static int put_two(struct shards *shards, struct str two)
{
    buf_reset(&shards->paths);
    int error = take_terms(shards, two);
    if (!error && shards->count > 0)
        error = put_beginning(shards, 0, shards->count, BEGINNING_LEAST);
    return error ? error : drop_stale(shards, two);
}

/* ---- the whole ---- */

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
#define LETTERS (sizeof(letters) - 1)

struct twos {
    bool due[LETTERS][LETTERS];
};

static void add_two(struct twos *twos, struct str two)
{
    if (two.len == BEGINNING_LEAST && is_plain(two))
        twos->due[strchr(letters, two.ptr[0]) - letters][strchr(letters, two.ptr[1]) - letters] = true;
}

static int list_twos(struct catalog *catalog, enum statement which, struct twos *out)
{
    int error;
    sqlite3_stmt *row = statement(catalog, which);
    while ((error = step(catalog, which)) == 1)
        add_two(out, column_text(row, 0));
    reset(catalog, which);
    return error;
}

/* Of files that stand, also where no name has such words any more. */
static int take_path(void *arg, struct str path)
{
    add_two(arg, str_slice(path, sizeof(FOLDER) - 1, sizeof(FOLDER) - 1 + BEGINNING_LEAST));
    return 0;
}

/* A name of other letters changed: how the vocabulary folds them is its own affair. */
static int is_all_touched(struct catalog *catalog, bool *all)
{
    (void)statement(catalog, STATEMENT_SHARDS_ALL);
    int found = step(catalog, STATEMENT_SHARDS_ALL);
    *all = found == 1;
    reset(catalog, STATEMENT_SHARDS_ALL);
    return found < 0 ? found : 0;
}

static int put_manifest(struct shards *shards)
{
    struct buf file;
    const char *between = "";
    int error;
    buf_init(&file, MANIFEST_BYTES);
    buf_append_str(&file, STR("["));
    sqlite3_stmt *row = statement(shards->catalog, STATEMENT_PAGES_IN);
    bind_text(row, 1, STR(FOLDER));
    bind_text(row, 2, STR(FOLDER "{"));
    while ((error = step(shards->catalog, STATEMENT_PAGES_IN)) == 1) {
        struct str path = column_text(row, 0);
        struct str name = str_slice(path, sizeof(FOLDER) - 1, path.len - 5);
        buf_printf(&file, "%s\"%" STR_FMT "\"", between, STR_ARG(name));
        between = ",";
    }
    reset(shards->catalog, STATEMENT_PAGES_IN);
    buf_append_str(&file, STR("]\n"));
    if (!error)
        error = shards->put(shards->arg, &file, SHARDS_MANIFEST);
    buf_release(&file);
    return error;
}

int shards_build(struct catalog *catalog, bool all, shards_put *put, void *arg)
{
    struct shards shards = { .catalog = catalog, .put = put, .arg = arg };
    struct twos twos = { 0 };
    buf_init(&shards.shard, SHARD_BYTES);
    buf_init(&shards.servers, SHARD_BYTES);
    buf_init(&shards.paths, MANIFEST_BYTES);
    int error = 0;
    if (!all)
        error = is_all_touched(catalog, &all);
    if (!error && all)
        error = list_twos(catalog, STATEMENT_TWOS, &twos);
    if (!error && all)
        error = catalog_pages_in(catalog, STR(FOLDER), STR(FOLDER "{"), take_path, &twos);
    if (!error)
        error = list_twos(catalog, STATEMENT_SHARDS, &twos);
    for (size_t i = 0; i < LETTERS; i++) {
        for (size_t j = 0; j < LETTERS && !error; j++) {
            const char two[] = { letters[i], letters[j] };
            if (twos.due[i][j])
                error = put_two(&shards, str_of(two, sizeof(two)));
        }
    }
    if (!error)
        error = put_manifest(&shards);
    buf_release(&shards.shard);
    buf_release(&shards.servers);
    buf_release(&shards.paths);
    free(shards.terms);
    return error;
}
