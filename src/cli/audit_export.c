/* warder audit export: the ledger as lines of JSON, with what another program needs to verify it. */
#include "base/encode.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "model/record.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

struct exporting {
    uint64_t left; /* records; 0: all */
    bool counted;
};

static void write_hex(struct json_writer *writer, struct str key, const struct sha256 *hash)
{
    char hex[2 * SHA256_LEN];
    hex_encode(hash->bytes, SHA256_LEN, hex);
    json_write_member_string(writer, key, str_of(hex, sizeof(hex)));
}

static int each_frame(void *arg, uint64_t sequence, const struct record *record, struct str frame,
                      const struct sha256 *hash)
{
    struct exporting *exporting = arg;
    struct json_output output;
    char *text = malloc(frame.len / 3 * 4 + 4);
    if (!text)
        return E_NOMEM;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    write_hex(writer, STR("hash"), hash);
    json_write_member_string(writer, STR("frame"), str_of(text, base64url_encode(frame.ptr, frame.len, text)));
    json_write_key(writer, STR("record"));
    record_print_json(record, sequence, writer);
    json_write_object_end(writer);
    free(text);
    if (!json_output_end(&output))
        return E_IO;
    return exporting->counted && --exporting->left == 0 ? 1 : 0;
}

static int export(const struct invocation *invocation)
{
    const char *from_text = option_value(invocation, "from"), *count_text = option_value(invocation, "number");
    unsigned long long from = 0, count = 0;
    struct question_to ask;
    if (from_text && !str_to_u64(str_from_c(from_text), INT64_MAX, &from))
        return usage_error(invocation, "--from takes a sequence number, not %s", from_text);
    if (count_text && (!str_to_u64(str_from_c(count_text), INT64_MAX, &count) || count == 0))
        return usage_error(invocation, "--number takes a whole number above 0, not %s", count_text);
    struct exporting exporting = { .left = count, .counted = count > 0 };
    int status = ask_begin(invocation, "status", &ask);
    if (!status) {
        int error = store_read_frames(ask.data, from, each_frame, &exporting);
        if (error == E_NOT_FOUND)
            status = failure(invocation,
                             "nothing was recorded in %" STR_FMT ": there is no ledger; --data names another directory",
                             STR_ARG(ask.data));
        else if (error)
            status = failure(invocation, "%" STR_FMT ": %s%s", STR_ARG(ask.data), error_text(error),
                             error == E_CORRUPT ? "; warder audit verify says where" : "");
    }
    ask_release(&ask);
    return status;
}

static const struct option options[] = {
    { "from", 0, "SEQUENCE", "the first record; without it the oldest that is kept", false },
    { "number", 'n', "COUNT", "how many; without it all", false },
    DATA_OPTIONS,
    { NULL, 0, NULL, NULL, false },
};

const struct command command_audit_export = {
    .summary = "Writes the ledger as JSON that others can verify",
    .arguments = "",
    .options = options,
    .json = true,
    .help =
        "A line is {\"hash\", \"frame\", \"record\"}: \"frame\" is the record's bytes on disk in base64url, \"hash\" "
        "their\n"
        "SHA-256, \"record\" what they say. Bytes 12 to 43 of a frame are the hash of the frame before it, so that\n"
        "none can be changed, taken out, put in or moved without another hash at the end.\n\n"
        "  warder audit export > ledger.jsonl\n",
    .run = export,
};
