/* Addresses in the order of the servers; slugs need no escaping in a URL or in XML. */
#include "catalog/sitemap.h"

#include "catalog/attacks.h"
#include "catalog/page_html.h"

#include <stdio.h>

#define ADDRESSES_A_PART 40000
#define PART_BYTES ((size_t)48 << 20)

struct sitemap {
    struct catalog *catalog;
    struct str base, home; /* home: the server whose tools come */
    sitemap_put *put;
    void *arg;
    struct buf part;
    int64_t addresses; /* in this part */
    unsigned parts;    /* that are written */
    bool many;         /* there will be more than one */
};

static void part_begin(struct sitemap *map)
{
    buf_reset(&map->part);
    html_put(
        &map->part,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    map->addresses = 0;
}

static int part_end(struct sitemap *map)
{
    char path[64] = "sitemap.xml";
    html_put(&map->part, "</urlset>\n");
    map->parts++;
    if (map->many)
        (void)snprintf(path, sizeof(path), "sitemap-%u.xml", map->parts);
    return map->put(map->arg, &map->part, path);
}

static int address(struct sitemap *map, struct str folder, struct str home, struct str file)
{
    int error = 0;
    if (map->addresses == ADDRESSES_A_PART) {
        error = part_end(map);
        part_begin(map);
    }
    html_put(&map->part, "<url><loc>%t/%t%t%s%t</loc></url>\n", map->base, folder, home, home.len > 0 ? "/" : "", file);
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

static int add_server(void *arg, const struct catalog_server *server)
{
    struct sitemap *map = arg;
    int error = address(map, STR("servers/"), server->slug, STR("index.html"));
    map->home = server->slug;
    return error ? error : catalog_slugs_of(map->catalog, server->id, add_tool, map);
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

static int put_index(struct sitemap *map)
{
    buf_reset(&map->part);
    html_put(&map->part, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex "
                         "xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    for (unsigned i = 1; i <= map->parts; i++)
        html_put(&map->part, "<sitemap><loc>%t/sitemap-%n.xml</loc></sitemap>\n", map->base, (int64_t)i);
    html_put(&map->part, "</sitemapindex>\n");
    return map->put(map->arg, &map->part, "sitemap.xml");
}

int sitemap_build(struct catalog *catalog, struct str base, sitemap_put *put, void *arg)
{
    struct sitemap map = { .catalog = catalog, .base = base, .put = put, .arg = arg };
    struct catalog_size size;
    int error = catalog_size(catalog, &size);
    if (error)
        return error;
    map.many = size.servers + size.tools + ATTACK_COUNT + 6 > ADDRESSES_A_PART;
    buf_init(&map.part, PART_BYTES);
    part_begin(&map);
    error = add_singles(&map);
    if (!error)
        error = catalog_servers(catalog, false, add_server, &map);
    if (!error)
        error = part_end(&map);
    if (!error && map.many)
        error = put_index(&map);
    buf_release(&map.part);
    return error;
}
