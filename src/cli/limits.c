/* warder limits show | reset | confirm-clock: what counters hold, and the operator's hand on them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/plural.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <stdio.h>

#define WHO_MAX 65536 /* a value is at most LIMIT_counter_key bytes, and an escape of one at most eight */

static int confirm(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "limits.confirm-clock", &ask);
    if (!status)
        status = ask_send(invocation, &ask, false);
    if (!status)
        printf("%s\n",
               invocation->json ? "{\"ok\":true}" : "Confirmed: calls with limits are decided by this clock again.");
    ask_release(&ask);
    return status;
}

static bool write_filter(const struct invocation *invocation, struct question_to *ask)
{
    static const char *const names[] = { "grant", "server", "counter", "value" };
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = option_value(invocation, names[i]);
        if (!value)
            continue;
        any = true;
        json_write_member_string(&ask->writer, str_from_c(names[i]), str_from_c(value));
    }
    return any;
}

/* "free in 42 s", "free in 3 h 5 min", "free in 12 d" */
static void put_left(struct cells *cells, int64_t resets_ms)
{
    int64_t left = (resets_ms - clock_wall_ms(clock_system()) + 999) / 1000;
    long long seconds = left > 0 ? (long long)left : 0;
    if (seconds < 120)
        cells_format(cells, COLOUR_NONE, "free in %lld s", seconds);
    else if (seconds < 7200)
        cells_format(cells, COLOUR_NONE, "free in %lld min", seconds / 60);
    else if (seconds < 172800)
        cells_format(cells, COLOUR_NONE, "free in %lld h %lld min", seconds / 3600, seconds / 60 % 60);
    else
        cells_format(cells, COLOUR_NONE, "free in %lld d", seconds / 86400);
}

/* Values are agents' bytes, NUL among them, so nothing here is printed by a format. A path stands for its scope; it is
 * unknown where no policy names the counter any more. */
static void put_who(struct cells *cells, const struct json *counter)
{
    struct str scope = answer_text(counter, "scope"), label = answer_text(counter, "label");
    struct str value = answer_text(counter, "value"), path = answer_text(counter, "path");
    struct buf who;
    buf_init(&who, WHO_MAX);
    buf_append_str(&who, path.len > 0 ? path : scope);
    if (label.len > 0) {
        buf_append_byte(&who, ' ');
        buf_append_str(&who, label);
        buf_append_str(&who, STR(" ("));
        buf_append_str(&who, value);
        buf_append_byte(&who, ')');
    } else if (!str_eq(scope, STR("global")) && !str_eq(scope, STR("server"))) {
        buf_append_byte(&who, ' ');
        buf_append_str(&who, value);
    }
    cells_put(cells, COLOUR_NONE, buf_str(&who));
    buf_release(&who);
}

static void put_used(struct cells *cells, const struct json *counter)
{
    struct str used = answer_text(counter, "used"), max = answer_text(counter, "max");
    struct str cost = answer_text(counter, "cost"), window = answer_text(counter, "window");
    const char *per = answer_bool(counter, "sliding") ? " in any " : " per ";
    if (str_eq(window, STR("in flight")))
        per = " ";
    else if (str_eq(window, STR("total"))) {
        per = " in all";
        window = STR_EMPTY;
    }
    cells_format(cells, max.len > 0 && str_eq(max, used) ? COLOUR_RED : COLOUR_NONE,
                 "%" STR_FMT "%s%" STR_FMT "%s%" STR_FMT "%s%s%" STR_FMT, STR_ARG(used), max.len > 0 ? " of " : "",
                 STR_ARG(max), cost.len > 0 ? " (" : "", STR_ARG(cost), cost.len > 0 ? ")" : "", per, STR_ARG(window));
}

static void print_counter(const struct json *counter)
{
    struct str server = answer_text(counter, "server");
    struct cells cells;
    printf("  ");
    cells_begin(&cells, 6);
    cells.at = 2;
    cells_put(&cells, COLOUR_BOLD, answer_text(counter, "counter"));
    cells_put(&cells, COLOUR_NONE, server.len > 0 ? server : STR("all servers"));
    put_who(&cells, counter);
    put_used(&cells, counter);
    if (answer_int(counter, "resets_ms") > 0)
        put_left(&cells, answer_int(counter, "resets_ms"));
    cells_end(&cells);
}

static void print_counters(const struct json *answer)
{
    const struct json *counters = json_get(answer, STR("counters")), *counter;
    int64_t left = answer_int(answer, "count") - (int64_t)json_count(counters);
    struct json_iter iter;
    struct str key;
    json_iter_init(&iter, counters);
    while (json_iter_next(&iter, &key, &counter))
        print_counter(counter);
    if (json_count(counters) == 0)
        printf("No counter holds anything now.\n");
    if (left > 0)
        printf("  and %lld more: --grant, --server, --counter, --value ask for fewer\n", (long long)left);
}

static int show(const struct invocation *invocation)
{
    struct question_to ask;
    int status = ask_begin(invocation, "limits.show", &ask);
    if (!status) {
        (void)write_filter(invocation, &ask);
        status = ask_send(invocation, &ask, false);
    }
    if (!status && invocation->json)
        printf("%" STR_FMT "\n", STR_ARG(buf_str(&ask.answer)));
    else if (!status)
        print_counters(ask.root);
    ask_release(&ask);
    return status;
}

/* One request sets back so many at most; *more: others may fit still. */
static int reset_some(const struct invocation *invocation, int64_t *count, bool *more)
{
    struct question_to ask;
    int status = ask_begin(invocation, "limits.reset", &ask);
    bool named = !status && write_filter(invocation, &ask);
    if (!status && !named)
        status = usage_error(invocation, "one of --grant, --server, --counter and --value is needed");
    if (!status) {
        if (option_value(invocation, "yes"))
            json_write_member_bool(&ask.writer, STR("all"), true);
        status = ask_send(invocation, &ask, false);
    }
    *count = status ? 0 : answer_int(ask.root, "reset");
    *more = !status && answer_bool(ask.root, "more");
    ask_release(&ask);
    return status;
}

static int reset(const struct invocation *invocation)
{
    int64_t count, some;
    bool more;
    int status = reset_some(invocation, &count, &more);
    if (status)
        return status;
    while (more && reset_some(invocation, &some, &more) == 0)
        count += some;
    if (invocation->json)
        printf("{\"ok\":true,\"reset\":%lld}\n", (long long)count);
    else
        printf("Set back %lld counter%s. It is recorded.\n", (long long)count, plural((uint64_t)count));
    return EXIT_YES;
}

#define FILTER_OPTIONS                                                                          \
    { "grant", 'g', "ID|LABEL", "what this grant is counted in", false },                       \
        { "server", 's', "NAME", "counters of this server", false },                            \
        { "counter", 'n', "NAME", "counters of this name", false },                             \
    {                                                                                           \
        "value", 'v', "VALUE", "of this value: an argument's, a session's, a grant's id", false \
    }

static const struct option options[] = { DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };
static const struct option show_options[] = { FILTER_OPTIONS, DATA_OPTIONS, { NULL, 0, NULL, NULL, false } };
static const struct option reset_options[] = {
    FILTER_OPTIONS,
    { "yes", 'y', NULL, "also where more than one counter fits", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_limits_show = {
    .summary = "Lists counters: used, maximum, when they are free",
    .arguments = "",
    .options = show_options,
    .json = true,
    .help =
        "Every counter that holds something now. The maximum is the least that a policy in force sets it; where none\n"
        "names the counter any more there is none.\n\n"
        "  warder limits show --grant billing-agent\n"
        "  warder limits show --counter spent --json\n",
    .run = show,
};

const struct command command_limits_reset = {
    .summary = "Sets counters back to nothing",
    .arguments = "--counter NAME ...",
    .options = reset_options,
    .json = true,
    .help =
        "Exactly one counter, or with --yes all that fit. What was used is forgotten, for good once this returns, and\n"
        "that is recorded. Calls in flight stay counted: they end by themselves.\n\n"
        "  warder limits reset --counter mails --value ann@example.com\n"
        "  warder limits reset --grant billing-agent --yes\n",
    .run = reset,
};

const struct command command_limits_confirm_clock = {
    .summary = "Says that the clock is right after a jump",
    .arguments = "",
    .options = options,
    .json = true,
    .help = "A clock that jumps ahead by more than an hour would empty every limit's window, so calls with limits are\n"
            "denied (clock_jump) until an operator has looked at it. This is recorded.\n\n"
            "  date; warder limits confirm-clock\n",
    .run = confirm,
};
