/* Addresses in the order of the servers; slugs need no escaping in a URL or in XML. */
#include "catalog/sitemap.h"

#include "base/arena.h"
#include "catalog/attacks.h"
#include "catalog/page_html.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES ((size_t)48 << 20)
#define MEMBERS_BYTES ((size_t)512 << 20)
#define PARTS_MOST 16384u /* a sitemap's index holds 50,000, and few parts have a second file */
#define LAYOUT STR("sitemap")

struct member {
    int64_t server;
    struct str slug;
    struct member *next;
};

struct part {
    bool due;
    struct member *first, *last; /* of a part that is due */
};

struct sitemap {
    struct catalog *catalog;
    struct str base, home; /* home: the server whose tools come */
    sitemap_put *put;
    void *arg;
    struct buf file;
    unsigned most, addresses;   /* of a file, in this one */
    unsigned count;             /* of parts, a power of two; 1: sitemap.xml is the only file */
    unsigned part, file_number; /* that is written; the file from 1 */
    struct part *parts;
    struct arena arena;
};

/* FNV-1a: the same on every machine, as the site is. */
static unsigned part_of(const struct sitemap *map, struct str slug)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < slug.len; i++)
        hash = (hash ^ (unsigned char)slug.ptr[i]) * 16777619u;
    return (hash ^ hash >> 16) & (map->count - 1);
}

static void file_begin(struct sitemap *map)
{
    buf_reset(&map->file);
    html_put(
        &map->file,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    map->addresses = 0;
}

static void file_path(const struct sitemap *map, char path[64])
{
    if (map->count == 1)
        (void)snprintf(path, 64, "sitemap.xml");
    else if (map->file_number == 1)
        (void)snprintf(path, 64, "sitemap-%u.xml", map->part + 1);
    else
        (void)snprintf(path, 64, "sitemap-%u-%u.xml", map->part + 1, map->file_number);
}

static int file_end(struct sitemap *map)
{
    char path[64];
    html_put(&map->file, "</urlset>\n");
    file_path(map, path);
    map->file_number++;
    return map->put(map->arg, &map->file, path);
}

static int address(struct sitemap *map, struct str folder, struct str home, struct str file)
{
    int error = 0;
    if (map->addresses == map->most && map->count > 1) {
        error = file_end(map);
        file_begin(map);
    }
    html_put(&map->file, "<url><loc>%t/%t%t%s%t</loc></url>\n", map->base, folder, home, home.len > 0 ? "/" : "", file);
    map->addresses++;
    return error;
}

static int add_tool(void *arg, struct str slug)
{
    struct sitemap *map = arg;
    char file[128];
    int len = snprintf(file, sizeof(file), "%.*s.html", STR_ARG(slug));
    return address(map, STR("servers/"), map->home, str_of(file, (size_t)len));
}

static int add_server(struct sitemap *map, const struct member *member)
{
    int error = address(map, STR("servers/"), member->slug, STR("index.html"));
    map->home = member->slug;
    return error ? error : catalog_slugs_of(map->catalog, member->server, add_tool, map);
}

static int add_singles(struct sitemap *map)
{
    static const struct {
        struct str folder;
    } folders[] = { { { "", 0 } },         { { "servers/", 8 } }, { { "tools/", 6 } },
                    { { "classes/", 8 } }, { { "badges/", 7 } },  { { "attacks/", 8 } } };
    char file[128];
    int error = 0;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !error; i++)
        error = address(map, folders[i].folder, STR_EMPTY, STR("index.html"));
    for (unsigned i = 0; i < ATTACK_COUNT && !error; i++) {
        int len = snprintf(file, sizeof(file), "%s.html", attack_at((enum attack_id)i)->slug);
        error = address(map, STR("attacks/"), STR_EMPTY, str_of(file, (size_t)len));
    }
    return error;
}

/* A part's files from the one in hand on, from when it was longer. */
static int trim_part(struct sitemap *map)
{
    char path[64];
    for (;; map->file_number++) {
        file_path(map, path);
        if (!catalog_page_is(map->catalog, str_from_c(path), NULL))
            return 0;
        int error = catalog_gone_add(map->catalog, str_from_c(path));
        if (error)
            return error;
    }
}

static int put_part(struct sitemap *map, unsigned part)
{
    map->part = part;
    map->file_number = 1;
    file_begin(map);
    int error = part == 0 ? add_singles(map) : 0;
    for (const struct member *member = map->parts[part].first; member && !error; member = member->next)
        error = add_server(map, member);
    if (!error && map->addresses > 0)
        error = file_end(map);
    return error || map->count == 1 ? error : trim_part(map);
}

/* ---- the file that names the parts ---- */

static int name_part(void *arg, struct str path)
{
    struct sitemap *map = arg;
    html_put(&map->file, "<sitemap><loc>%t/%t</loc></sitemap>\n", map->base, path);
    return 0;
}

static int put_index(struct sitemap *map)
{
    buf_reset(&map->file);
    html_put(&map->file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex "
                         "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    int error = catalog_pages_in(map->catalog, STR("sitemap-"), STR("sitemap."), name_part, map);
    html_put(&map->file, "</sitemapindex>\n");
    return error ? error : map->put(map->arg, &map->file, "sitemap.xml");
}

/* ---- which parts are due ---- */

static int mark_due(void *arg, struct str slug)
{
    struct sitemap *map = arg;
    map->parts[part_of(map, slug)].due = true;
    return 0;
}

static int take_member(void *arg, int64_t server, struct str slug)
{
    struct sitemap *map = arg;
    struct part *part = &map->parts[part_of(map, slug)];
    if (!part->due)
        return 0;
    struct member *member = arena_zalloc(&map->arena, sizeof(*member));
    if (!member)
        return E_NOMEM;
    *member = (struct member){ .server = server, .slug = arena_str(&map->arena, slug) };
    if (part->last)
        part->last->next = member;
    else
        part->first = member;
    part->last = member;
    return member->slug.ptr ? 0 : E_NOMEM;
}

/* Parts of a quarter of a file each, so that few need a second one. */
static int count_parts(struct sitemap *map)
{
    struct catalog_size size;
    int error = catalog_size(map->catalog, &size);
    if (error)
        return error;
    int64_t addresses = size.servers + size.tools + ATTACK_COUNT + 6;
    map->count = 1;
    if (addresses > map->most)
        while (map->count < PARTS_MOST && addresses > (int64_t)map->count * map->most / 4)
            map->count *= 2;
    return 0;
}

/* Where the number of parts moved, all are due, and those that there are no more are gone. */
static int look_at_layout(struct sitemap *map, bool *all)
{
    struct buf old, now;
    unsigned long long parts = 0;
    buf_init(&old, 64);
    buf_init(&now, 64);
    buf_printf(&now, "%u/%u", map->count, (unsigned)ATTACK_COUNT);
    int error = catalog_note(map->catalog, LAYOUT, &old);
    *all = *all || !str_eq(buf_str(&old), buf_str(&now));
    struct str before = buf_str(&old);
    (void)str_to_u64(str_slice(before, 0, str_find_byte(before, '/')), PARTS_MOST, &parts);
    const unsigned kept = map->count;
    map->count = PARTS_MOST; /* the names that parts have where there are many */
    for (map->part = kept > 1 ? kept : 0; map->part < parts && !error; map->part++) {
        map->file_number = 1;
        error = trim_part(map);
    }
    map->count = kept;
    if (!error && *all)
        error = catalog_note_set(map->catalog, LAYOUT, buf_str(&now));
    buf_release(&old);
    buf_release(&now);
    return error;
}

static int put_due(struct sitemap *map)
{
    bool any = false;
    int error = catalog_server_slugs(map->catalog, take_member, map);
    for (unsigned part = 0; part < map->count && !error; part++) {
        if (!map->parts[part].due)
            continue;
        any = true;
        error = put_part(map, part);
    }
    return error || !any || map->count == 1 ? error : put_index(map);
}

int sitemap_build(struct catalog *catalog, struct str base, bool all, unsigned most, sitemap_put *put, void *arg)
{
    struct sitemap map = { .catalog = catalog, .base = base, .most = most, .put = put, .arg = arg };
    int error = count_parts(&map);
    if (!error)
        error = look_at_layout(&map, &all);
    if (error)
        return error;
    map.parts = calloc(map.count, sizeof(*map.parts));
    if (!map.parts)
        return E_NOMEM;
    for (unsigned part = 0; part < map.count; part++)
        map.parts[part].due = all;
    buf_init(&map.file, FILE_BYTES);
    arena_init(&map.arena, NULL, MEMBERS_BYTES);
    error = all ? 0 : catalog_addresses_touched(catalog, mark_due, &map);
    if (!error)
        error = put_due(&map);
    arena_release(&map.arena);
    buf_release(&map.file);
    free(map.parts);
    return error;
}
