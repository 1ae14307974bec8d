/* Which pages are due, and their way onto the disk. */
#include "catalog/site.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/encode.h"
#include "base/failure.h"
#include "catalog/page_html.h"
#include "catalog/page_list.h"
#include "catalog/page_search.h"
#include "catalog/shards.h"
#include "catalog/sitemap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORM "3" /* moves when a page of the same tool may look different */
#define STAMP ".warder-catalogue"
#define ROWS_A_PAGE 400
#define TREE_BYTES ((size_t)512 << 20)
#define PAGES_A_WORD 5000

struct site {
    const struct site_options *options;
    struct site_result *result;
    char *why;
    struct pages pages;
    struct letter_counts letters;
    struct catalog_count *counts;
    size_t count_count, count_cap;
    bool touched[CLASS_FINANCIAL + 1][LETTERS]; /* lists of tools */
    struct hasher *hasher;
    struct buf page;
    int folder; /* descriptor */
    bool all;   /* every page is due */
    bool fresh; /* nothing stands there yet */
    struct arena server_arena, tool_arena;
};

static int say(struct site *site, int error, const char *what, const char *path)
{
    (void)snprintf(site->why, 256, "%.40s %.120s: %.80s", what, path, errno ? strerror(errno) : error_text(error));
    return error;
}

/* ---- one page ---- */

static int write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return error_of_errno(errno);
        bytes = str_slice(bytes, (size_t)wrote, bytes.len);
    }
    return 0;
}

/* Beside its place and renamed; where nothing stands in a folder that is built anew, at once in its place: an
 * interrupted build is done whole the next time, and finds something there then. */
static int write_page(struct site *site, const char *path)
{
    char beside[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int len = snprintf(beside, sizeof(beside), "%.*s.page.new", slash ? (int)(slash + 1 - path) : 0, path);
    CHECK(len > 0 && (size_t)len < sizeof(beside));
    const char *at = path;
    int fd = site->fresh ? openat(site->folder, path, flags | O_EXCL, 0666) : -1;
    if (fd < 0 && (!site->fresh || errno == EEXIST)) {
        at = beside;
        fd = openat(site->folder, beside, flags | O_TRUNC, 0666);
    }
    if (fd < 0)
        return say(site, error_of_errno(errno), "cannot write", path);
    int error = write_all(fd, buf_str(&site->page));
    if (close(fd) != 0 && !error)
        error = error_of_errno(errno);
    if (!error && at == beside && renameat(site->folder, beside, site->folder, path) != 0)
        error = error_of_errno(errno);
    return error ? say(site, error, "cannot write", path) : 0;
}

/* What is in site->page, where it differs from what stands there. */
static int put_page(struct site *site, const char *path)
{
    struct sha256 digest;
    struct str named = str_from_c(path);
    if (!buf_ok(&site->page)) {
        errno = 0;
        return say(site, E_LIMIT, "too large a page:", path);
    }
    site->result->pages++;
    if (site->options->progress && site->result->pages % PAGES_A_WORD == 0)
        site->options->progress(site->options->arg, site->result->pages);
    hasher_begin(site->hasher);
    hasher_add(site->hasher, site->page.ptr, site->page.len);
    hasher_end(site->hasher, &digest);
    if (!site->fresh && catalog_page_is(site->pages.catalog, named, &digest))
        return 0;
    int error = write_page(site, path);
    if (!error)
        error = catalog_page_set(site->pages.catalog, named, &digest);
    site->result->written += !error;
    return error;
}

static int remove_page(void *arg, struct str path)
{
    struct site *site = arg;
    char name[PATH_MAX];
    (void)snprintf(name, sizeof(name), "%" STR_FMT, STR_ARG(path));
    if (unlinkat(site->folder, name, 0) == 0)
        site->result->removed++;
    else if (errno != ENOENT)
        return say(site, error_of_errno(errno), "cannot remove", name);
    return 0;
}

static int make_folder(struct site *site, const char *name)
{
    return mkdirat(site->folder, name, 0777) == 0 || errno == EEXIST
               ? 0
               : say(site, error_of_errno(errno), "cannot make", name);
}

/* ---- servers and their tools ---- */

struct siblings {
    struct arena *arena, *work;
    struct catalog_tool *tools;
    struct kin *kin;
    size_t count, cap;
};

static int take_sibling(void *arg, const struct catalog_tool *tool)
{
    struct siblings *siblings = arg;
    if (siblings->count == siblings->cap)
        return E_LIMIT;
    int error = kin_init(&siblings->kin[siblings->count], siblings->arena, siblings->work, tool);
    arena_reset(siblings->work);
    if (error)
        return error;
    struct catalog_tool *kept = &siblings->tools[siblings->count++];
    *kept = *tool;
    kept->name = arena_str(siblings->arena, tool->name);
    kept->slug = arena_str(siblings->arena, tool->slug);
    kept->home = arena_str(siblings->arena, tool->home);
    kept->kind = arena_str(siblings->arena, tool->kind);
    kept->home_name = kept->definition = kept->verdict = STR_EMPTY;
    return kept->name.ptr && kept->slug.ptr && kept->home.ptr && kept->kind.ptr ? 0 : E_NOMEM;
}

struct one_server {
    struct site *site;
    const struct catalog_server *server;
    struct siblings siblings;
    size_t at; /* which sibling is next */
};

static int build_tool(void *arg, const struct catalog_tool *tool)
{
    struct one_server *one = arg;
    struct site *site = one->site;
    char path[PATH_MAX];
    struct tool_page page = {
        .pages = &site->pages,
        .server = one->server,
        .tool = tool,
        .siblings = one->siblings.tools,
        .kin = one->siblings.kin,
        .sibling_count = one->siblings.count,
        .self = one->at++,
    };
    CHECK(page.self < page.sibling_count && page.siblings[page.self].id == tool->id);
    (void)snprintf(path, sizeof(path), "servers/%" STR_FMT "/%" STR_FMT ".html", STR_ARG(one->server->slug),
                   STR_ARG(tool->slug));
    site->pages.path = str_from_c(path);
    int error = tool_page_init(&page, &site->tool_arena);
    buf_recycle(&site->page, 1 << 20);
    if (!error)
        error = page_tool(&site->page, &page);
    errno = 0;
    error = error ? say(site, error, "cannot make the page", path) : put_page(site, path);
    arena_reset(&site->tool_arena);
    return error;
}

static int build_server(void *arg, const struct catalog_server *server)
{
    struct site *site = arg;
    char path[PATH_MAX];
    struct one_server one = { .site = site, .server = server };
    one.siblings.arena = &site->server_arena;
    one.siblings.work = &site->tool_arena;
    one.siblings.cap = (size_t)server->tool_count;
    one.siblings.tools = arena_zalloc(&site->server_arena, (one.siblings.cap + 1) * sizeof(*one.siblings.tools));
    one.siblings.kin = arena_zalloc(&site->server_arena, (one.siblings.cap + 1) * sizeof(*one.siblings.kin));
    if (!one.siblings.tools || !one.siblings.kin)
        return E_NOMEM;
    (void)snprintf(path, sizeof(path), "servers/%" STR_FMT, STR_ARG(server->slug));
    int error = make_folder(site, path);
    if (!error)
        error = catalog_tools_of(site->pages.catalog, server->id, true, take_sibling, &one.siblings);
    if (!error)
        error = catalog_tools_of(site->pages.catalog, server->id, true, build_tool, &one);
    struct server_page page = { &site->pages, server, one.siblings.tools, one.siblings.count };
    buf_recycle(&site->page, 1 << 20);
    (void)snprintf(path, sizeof(path), "servers/%" STR_FMT "/index.html", STR_ARG(server->slug));
    site->pages.path = str_from_c(path);
    if (!error)
        error = page_server(&site->page, &page);
    if (!error)
        error = put_page(site, path);
    arena_reset(&site->server_arena);
    return error;
}

/* ---- lists ---- */

struct listing {
    struct site *site;
    struct list_page page;
    int64_t rows;
};

static int list_path(const struct listing *listing, char path[PATH_MAX])
{
    char file[32];
    struct str name = list_file(listing->page.initial, listing->page.number, file);
    return snprintf(path, PATH_MAX, "%" STR_FMT "/%" STR_FMT, STR_ARG(listing->page.path), STR_ARG(name));
}

static int list_close(struct listing *listing)
{
    char path[PATH_MAX];
    (void)list_path(listing, path);
    list_end(&listing->site->page, &listing->page, listing->rows < listing->page.total);
    return put_page(listing->site, path);
}

/* Before each row: ends a full page, begins the next. */
static int list_row(struct listing *listing)
{
    int error = 0;
    if (listing->rows % ROWS_A_PAGE == 0) {
        if (listing->rows > 0)
            error = list_close(listing);
        listing->page.number++;
        buf_recycle(&listing->site->page, 1 << 20);
        char path[PATH_MAX];
        (void)list_path(listing, path);
        listing->site->pages.path = str_from_c(path);
        list_begin(&listing->site->page, &listing->page);
    }
    listing->rows++;
    return error;
}

static int row_tool(void *arg, const struct catalog_tool *tool)
{
    struct listing *listing = arg;
    int error = list_row(listing);
    list_tool(&listing->site->page, &listing->page, tool);
    return error;
}

static int row_server(void *arg, const struct catalog_server *server)
{
    struct listing *listing = arg;
    int error = list_row(listing);
    list_server(&listing->site->page, server);
    return error;
}

/* Pages behind the last, from when the list was longer. */
static int list_trim(struct listing *listing)
{
    struct catalog *catalog = listing->site->pages.catalog;
    char path[PATH_MAX];
    int error = 0;
    for (;;) {
        listing->page.number++;
        (void)list_path(listing, path);
        if (error || !catalog_page_is(catalog, str_from_c(path), NULL))
            return error;
        error = catalog_gone_add(catalog, str_from_c(path));
    }
}

static int build_list(struct site *site, int class, char initial, int64_t total)
{
    char folder[64];
    int error = 0;
    struct listing listing = { .site = site,
                               .page = { .pages = &site->pages,
                                         .class = class,
                                         .initial = initial,
                                         .total = total,
                                         .depth = class < 0 ? 1 : 2 } };
    int len = class < 0 ? snprintf(folder, sizeof(folder), "%s", class == -1 ? "tools" : "servers")
                        : snprintf(folder, sizeof(folder), "classes/%s", class_path((enum tool_class) class));
    CHECK(len > 0 && (size_t)len < sizeof(folder));
    listing.page.path = str_of(folder, (size_t)len);
    listing.page.title = class == -2   ? STR("Servers")
                         : class == -1 ? STR("Tools")
                                       : str_from_c(class_name((enum tool_class) class));
    if (total > 0)
        error = class == -2 ? catalog_servers_at(site->pages.catalog, initial, row_server, &listing)
                            : catalog_tools_at(site->pages.catalog, class, initial, row_tool, &listing);
    if (!error && listing.rows > 0)
        error = list_close(&listing);
    return error ? error : list_trim(&listing);
}

/* Of one letter: by class, and all of them. */
static int build_letter(struct site *site, unsigned letter)
{
    int64_t sum = 0;
    bool touched = site->all;
    int error = 0;
    for (int class = 0; class <= CLASS_FINANCIAL && !error; ++class) {
        bool due = site->all || site->touched[class][letter];
        touched = touched || due;
        sum += site->letters.tools[class][letter];
        if (due)
            error = build_list(site, class, letter_at(letter), site->letters.tools[class][letter]);
    }
    if (!error && touched)
        error = build_list(site, -1, letter_at(letter), sum);
    touched = site->all;
    if (!error && !touched)
        error = catalog_servers_touched(site->pages.catalog, letter_at(letter), &touched);
    return error || !touched ? error : build_list(site, -2, letter_at(letter), site->letters.servers[letter]);
}

static int build_lists(struct site *site)
{
    int error = 0;
    for (unsigned i = 0; i < LETTERS && !error; i++)
        error = build_letter(site, i);
    return error;
}

/* ---- the pages that there is one of ---- */

/* Before a page is made: where it will stand. */
static const struct pages *pages_at(struct site *site, const char *path)
{
    site->pages.path = str_from_c(path);
    return &site->pages;
}

static int put_made(struct site *site, int error)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%" STR_FMT, STR_ARG(site->pages.path));
    errno = 0;
    if (error)
        return say(site, error, "cannot make the page", path);
    error = put_page(site, path);
    buf_recycle(&site->page, 1 << 20);
    return error;
}

/* Its tools, or how many they are, changed: else nobody looks for the gravest of all again. */
static bool is_badge_due(const struct site *site, const char *badge)
{
    bool due = site->all;
    for (size_t i = 0; i < site->count_count && !due; i++)
        due = site->counts[i].touched && strcmp(class_badge((enum tool_class)site->counts[i].class), badge) == 0;
    return due;
}

static int build_classes(struct site *site)
{
    struct buf *out = &site->page;
    char path[64];
    int error = put_made(site, page_classes(out, pages_at(site, "classes/index.html")));
    for (int class = 0; class <= CLASS_FINANCIAL && !error; ++class) {
        (void)snprintf(path, sizeof(path), "classes/%s/index.html", class_path((enum tool_class) class));
        error = put_made(site, page_class(out, pages_at(site, path), (enum tool_class) class, &site->letters));
    }
    if (!error)
        error = put_made(site, page_badges(out, pages_at(site, "badges/index.html")));
    for (unsigned i = 0; i < BADGES && !error; i++) {
        char name[16];
        if (!is_badge_due(site, badge_at(i)))
            continue;
        (void)snprintf(path, sizeof(path), "badges/%" STR_FMT ".html", STR_ARG(badge_path(badge_at(i), name)));
        error = put_made(site, page_badge(out, pages_at(site, path), badge_at(i)));
    }
    return error;
}

static int build_attacks(struct site *site)
{
    char path[128];
    int error = put_made(site, page_attacks(&site->page, pages_at(site, "attacks/index.html")));
    for (unsigned i = 0; i < ATTACK_COUNT && !error; i++) {
        const struct attack *attack = attack_at((enum attack_id)i);
        int64_t exposed = 0;
        bool due = site->all;
        for (size_t c = 0; c < site->count_count; c++) {
            const struct catalog_count *some = &site->counts[c];
            if (!attack_exposes(attack, (enum tool_class)some->class, some->signals))
                continue;
            exposed += some->tools;
            due |= some->touched;
        }
        if (!due)
            continue;
        (void)snprintf(path, sizeof(path), "attacks/%s.html", attack->slug);
        error = put_made(site, page_attack(&site->page, pages_at(site, path), attack, exposed));
    }
    return error;
}

static int build_singles(struct site *site)
{
    struct buf *out = &site->page;
    buf_recycle(out, 1 << 20);
    buf_append_str(out, str_from_c(page_style));
    (void)pages_at(site, "style.css");
    int error = put_made(site, 0);
    if (!error)
        error = put_made(site, page_home(out, pages_at(site, "index.html")));
    if (!error)
        error = put_made(site, page_search(out, pages_at(site, SEARCH_PAGE), NULL));
    buf_append_str(out, str_from_c(page_search_script));
    (void)pages_at(site, "search.js");
    if (!error)
        error = put_made(site, 0);
    if (!error)
        error = put_made(site, page_servers(out, pages_at(site, "servers/index.html"), &site->letters));
    if (!error)
        error = put_made(site, page_tools(out, pages_at(site, "tools/index.html"), &site->letters));
    if (!error)
        error = build_classes(site);
    return error ? error : build_attacks(site);
}

static int put_file(void *arg, struct buf *bytes, const char *path)
{
    struct site *site = arg;
    buf_recycle(&site->page, 1 << 20);
    buf_append_str(&site->page, buf_str(bytes));
    (void)pages_at(site, path);
    return put_made(site, buf_ok(bytes) ? 0 : E_LIMIT);
}

/* ---- what is there ---- */

static int take_count(void *arg, const struct catalog_count *count)
{
    struct site *site = arg;
    if (site->count_count == site->count_cap) {
        size_t cap = site->count_cap ? site->count_cap * 2 : 256;
        struct catalog_count *grown = reallocarray(site->counts, cap, sizeof(*grown));
        if (!grown)
            return E_NOMEM;
        site->counts = grown;
        site->count_cap = cap;
    }
    site->counts[site->count_count++] = *count;
    site->pages.of_class[count->class] += count->tools;
    site->letters.tools[count->class][letter_index(count->initial)] += count->tools;
    site->touched[count->class][letter_index(count->initial)] |= count->touched;
    return 0;
}

static int take_servers(void *arg, char initial, int64_t servers)
{
    struct site *site = arg;
    site->letters.servers[letter_index(initial)] += servers;
    return 0;
}

static int count_all(struct site *site)
{
    struct catalog *catalog = site->pages.catalog;
    int error = catalog_size(catalog, &site->pages.size);
    if (!error)
        error = catalog_counts(catalog, take_count, site);
    return error ? error : catalog_count_servers(catalog, take_servers, site);
}

/* ---- the folder ---- */

static bool is_empty(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    bool empty = entries != NULL;
    while (empty && (entry = readdir(entries)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (entries)
        (void)closedir(entries);
    else if (copy >= 0)
        (void)close(copy);
    return empty;
}

static int stamp_write(struct site *site, struct str owner, const char *state)
{
    buf_recycle(&site->page, 1 << 20);
    buf_append_str(&site->page, owner);
    buf_printf(&site->page, "\n%s\n", state);
    int error = write_page(site, STAMP);
    buf_recycle(&site->page, 1 << 20);
    return error;
}

/* Whose folder it is. *state: what the last build left there; empty: nothing. */
static int stamp_read(struct site *site, struct str owner, char state[64])
{
    char text[PATH_MAX + 128] = "";
    int fd = openat(site->folder, STAMP, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    state[0] = '\0';
    struct str read = str_of(text, len > 0 ? (size_t)len : 0);
    if (fd < 0 && is_empty(site->folder))
        return 0;
    size_t line = str_find_byte(read, '\n');
    if (fd < 0 || !str_eq(str_slice(read, 0, line), owner)) {
        (void)snprintf(site->why, 256, "%.160s holds something else: give a folder that is new or empty",
                       site->options->folder);
        return E_EXISTS;
    }
    (void)snprintf(state, 64, "%.*s", STR_ARG(str_trim(str_slice(read, line, read.len), "\n")));
    return 0;
}

static int make_folders(struct site *site)
{
    static const char *const folders[] = { "servers", "tools", "classes", "badges", "attacks", "search" };
    char path[64];
    int error = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders) && !error; i++)
        error = make_folder(site, folders[i]);
    for (int class = 0; class <= CLASS_FINANCIAL && !error; ++class) {
        (void)snprintf(path, sizeof(path), "classes/%s", class_path((enum tool_class) class));
        error = make_folder(site, path);
    }
    return error;
}

/* ---- the build ---- */

static void put_attacks_digest(struct site *site, struct buf *out)
{
    struct sha256 digest;
    char hex[17];
    hasher_begin(site->hasher);
    for (unsigned i = 0; i < ATTACK_COUNT; i++) {
        const struct attack *attack = attack_at((enum attack_id)i);
        const char *const texts[] = { attack->id,  attack->slug,     attack->name,    attack->brief,
                                      attack->how, attack->happened, attack->control, attack->sources };
        for (size_t t = 0; t < ARRAY_LEN(texts); t++)
            hasher_add_field(site->hasher, str_from_c(texts[t]));
        const unsigned bits[] = { attack->partial, attack->classes, attack->told, attack->signals };
        hasher_add(site->hasher, bits, sizeof(bits));
    }
    hasher_end(site->hasher, &digest);
    hex_encode(digest.bytes, 8, hex);
    hex[16] = '\0';
    buf_append_str(out, str_from_c(hex));
}

/* What all pages show beside their own subject: where it moved, all are due. */
static int look_at_form(struct site *site, bool *moved)
{
    struct buf form, old;
    buf_init(&form, 4096);
    buf_init(&old, 4096);
    buf_printf(&form, "%s %" STR_FMT " ", FORM, STR_ARG(site->options->base));
    put_index_size(&form, site->pages.size.servers);
    buf_append_byte(&form, ' ');
    put_attacks_digest(site, &form);
    int error = catalog_note(site->pages.catalog, STR("form"), &old);
    *moved = !str_eq(buf_str(&form), buf_str(&old));
    if (!error && *moved)
        error = catalog_note_set(site->pages.catalog, STR("form"), buf_str(&form));
    buf_release(&form);
    buf_release(&old);
    return error;
}

static int build_pages(struct site *site)
{
    struct catalog *catalog = site->pages.catalog;
    struct str base = site->options->base;
    bool moved = false;
    int error = count_all(site);
    if (!error)
        error = look_at_form(site, &moved);
    site->all = site->fresh || moved;
    if (!error && site->fresh)
        error = catalog_forget_pages(catalog);
    if (!error && site->all)
        error = catalog_all_dirty(catalog);
    if (!error)
        error = catalog_gone(catalog, remove_page, site);
    if (!error)
        error = make_folders(site);
    if (!error)
        error = catalog_servers(catalog, true, build_server, site);
    if (!error)
        error = build_lists(site);
    if (!error)
        error = build_singles(site);
    if (!error)
        error = shards_build(catalog, site->all, put_file, site);
    if (!error)
        error = sitemap_build(catalog, base.len > 0 ? base : STR(SITE_BASE), site->all, SITEMAP_MOST, put_file, site);
    if (!error)
        error = catalog_gone(catalog, remove_page, site);
    return error ? error : catalog_build_done(catalog);
}

static int build_in_folder(struct site *site, struct str owner)
{
    struct catalog *catalog = site->pages.catalog;
    struct buf last;
    char state[64];
    buf_init(&last, 256);
    int error = stamp_read(site, owner, state);
    if (!error)
        error = catalog_note(catalog, STR("build"), &last);
    site->fresh = last.len == 0 || !str_eq(buf_str(&last), str_from_c(state));
    unsigned long long number = 0;
    (void)str_to_u64(buf_str(&last), LLONG_MAX, &number);
    buf_release(&last);
    if (!error)
        error = stamp_write(site, owner, "building");
    (void)snprintf(state, sizeof(state), "%llu", number + 1);
    if (!error)
        error = catalog_begin(catalog);
    if (error)
        return error;
    error = build_pages(site);
    if (!error)
        error = catalog_note_set(catalog, STR("build"), str_from_c(state));
    if (!error)
        error = catalog_commit(catalog);
    else
        catalog_rollback(catalog);
    return error ? error : stamp_write(site, owner, state);
}

int site_build(struct catalog *catalog, const struct site_options *options, struct site_result *out, char why[256])
{
    char owner[PATH_MAX];
    *out = (struct site_result){ 0 };
    why[0] = '\0';
    struct site site = { .options = options,
                         .result = out,
                         .why = why,
                         .pages = { .catalog = catalog, .base = options->base },
                         .folder = -1 };
    if (!realpath(options->index, owner))
        return say(&site, error_of_errno(errno), "cannot find", options->index);
    if (mkdir(options->folder, 0777) != 0 && errno != EEXIST)
        return say(&site, error_of_errno(errno), "cannot make", options->folder);
    site.folder = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (site.folder < 0)
        return say(&site, error_of_errno(errno), "cannot open", options->folder);
    buf_init(&site.page, PAGE_BYTES);
    arena_init(&site.server_arena, NULL, TREE_BYTES);
    arena_init(&site.tool_arena, NULL, TREE_BYTES);
    int error = hasher_new(&site.hasher);
    if (!error)
        error = build_in_folder(&site, str_from_c(owner));
    hasher_free(site.hasher);
    arena_release(&site.tool_arena);
    arena_release(&site.server_arena);
    buf_release(&site.page);
    free(site.counts);
    (void)close(site.folder);
    return error;
}
