/* warder catalog queue: what is to be started, what was, and what came of it. */
#include "catalog/queue.h"
#include "cli/catalog.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = { "waiting", "listed", "failed" };

struct listing {
    struct json_writer *writer; /* NULL: for people */
    size_t rows;
};

static const char *kind_name(enum start_kind kind)
{
    static const char *const names[] = { "-", "npm", "pypi", "remote" };
    return kind <= START_REMOTE ? names[kind] : "-";
}

static int take(void *arg, const struct queued *queued)
{
    struct listing *listing = arg;
    listing->rows++;
    if (listing->writer) {
        json_write_object(listing->writer);
        json_write_member_string(listing->writer, STR("server"), queued->name);
        json_write_member_string(listing->writer, STR("state"), str_from_c(state_names[queued->state]));
        json_write_member_string(listing->writer, STR("from"), str_from_c(kind_name(queued->kind)));
        if (queued->why.len > 0)
            json_write_member_string(listing->writer, STR("why"), queued->why);
        json_write_object_end(listing->writer);
        return 0;
    }
    printf("%-8s %-7s ", state_names[queued->state], kind_name(queued->kind));
    print_str(stdout, COLOUR_BOLD, queued->name);
    if (queued->why.len > 0) {
        printf(": ");
        print_str(stdout, COLOUR_NONE, queued->why);
    }
    printf("\n");
    return 0;
}

static int list(struct catalog *catalog, const char *state, struct listing *listing)
{
    int error = 0;
    for (int i = QUEUE_WAITING; i <= QUEUE_FAILED && !error; i++)
        if (!state || strcmp(state, state_names[i]) == 0)
            error = catalog_queue(catalog, (enum queue_state)i, true, 0, INT_MAX, take, listing);
    return error;
}

static int queue(const struct invocation *invocation)
{
    struct catalog *catalog = NULL;
    struct listing listing = { .rows = 0 };
    struct json_output output;
    const char *state = option_value(invocation, "state");
    bool known = !state;
    for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
        known = known || strcmp(state, state_names[i]) == 0;
    if (!known)
        return usage_error(invocation, "--state takes waiting, listed or failed");
    int status = catalog_of(invocation, false, &catalog);
    if (status)
        return status;
    if (invocation->json) {
        listing.writer = json_output_begin(&output);
        json_write_object(listing.writer);
        json_write_key(listing.writer, STR("queue"));
        json_write_array(listing.writer);
    }
    int error = list(catalog, state, &listing);
    if (error)
        status = catalog_failed(invocation, catalog, error);
    else if (!listing.writer && listing.rows == 0)
        printf("Nothing: warder catalog add FILE takes what a registry lists.\n");
    catalog_close(catalog);
    if (!listing.writer)
        return status;
    json_write_array_end(listing.writer);
    json_write_object_end(listing.writer);
    return json_output_end(&output) ? status : EXIT_NO;
}

static const struct option options[] = {
    CATALOG_INDEX_OPTION,
    { "state", 's', "STATE", "only those that are waiting, listed or failed", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_catalog_queue = {
    .summary = "Says what waits to be started, and what failed",
    .arguments = "",
    .options = options,
    .json = true,
    .help = "Entries of a registry that warder catalog add took wait here until warder catalog add --start starts or "
            "reaches\n"
            "them; those that failed stay, each with why, until --retry lets them wait again.\n\n"
            "  warder catalog queue --state failed\n",
    .run = queue,
};
