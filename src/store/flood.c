/* Counting equal denials, second by second. */
#include "store/flood.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 256
#define NAME_KEPT 256 /* of a name, grant, rule or server in the summary */

struct slot {
    uint64_t hash[2]; /* of what must be equal, under two secrets: taken for equality */
    int64_t second;
    uint64_t seen, counted; /* in that second; `counted` were not recorded one by one */
    struct record record;   /* the summary; its strings stand in `bytes` */
    char *bytes;
};

struct flood {
    flood_write *write;
    void *arg;
    uint64_t key[2][2];
    size_t counting; /* slots with counts */
    struct slot slots[SLOTS];
};

int flood_new(flood_write *write, void *arg, struct flood **out)
{
    struct flood *flood = calloc(1, sizeof *flood);
    if (flood == NULL)
        return E_NOMEM;
    flood->write = write;
    flood->arg = arg;
    random_bytes(flood->key, sizeof flood->key);
    *out = flood;
    return 0;
}

void flood_free(struct flood *flood)
{
    if (flood == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(flood->slots[i].bytes);
    free(flood);
}

/* Each field's hash keys the next one's, so that no two lists of fields run together. */
static uint64_t hash_of(const uint64_t key[2], const struct record *record)
{
    const struct str fields[] = { record->grant, record->rule, reason_row(record->reason)->name, record->server,
                                  record->name };
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const uint64_t next[2] = { key[0] ^ hash, key[1] };
        hash = siphash(next, fields[i]);
    }
    return hash;
}

static struct str keep(char **at, struct str s)
{
    size_t len = s.len < NAME_KEPT ? s.len : NAME_KEPT;
    struct str kept = str_of(*at, len);
    if (len > 0)
        memcpy(*at, s.ptr, len);
    *at += len;
    return kept;
}

/* Without memory the summary has its count and no names. */
static void summary_begin(struct slot *slot, const struct record *record)
{
    slot->record = (struct record){ .kind = RECORD_DENIALS,
                                    .at_ms = record->at_ms,
                                    .reason = record->reason,
                                    .revision = record->revision,
                                    .class = record->class };
    if (slot->bytes == NULL)
        slot->bytes = malloc(5 * NAME_KEPT);
    if (slot->bytes == NULL)
        return;
    char *at = slot->bytes;
    slot->record.grant = keep(&at, record->grant);
    slot->record.rule = keep(&at, record->rule);
    slot->record.server = keep(&at, record->server);
    slot->record.name = keep(&at, record->name);
    slot->record.method = keep(&at, record->method);
}

static void slot_flush(struct flood *flood, struct slot *slot)
{
    if (slot->counted == 0)
        return;
    slot->record.count = slot->counted;
    slot->counted = 0;
    flood->counting--;
    flood->write(flood->arg, &slot->record);
}

bool flood_admits(struct flood *flood, const struct record *record, int64_t mono_ms)
{
    uint64_t hash = hash_of(flood->key[0], record), other = hash_of(flood->key[1], record);
    struct slot *slot = &flood->slots[hash % SLOTS];
    int64_t second = mono_ms / 1000;
    if (slot->hash[0] != hash || slot->hash[1] != other || slot->second != second) {
        slot_flush(flood, slot);
        slot->hash[0] = hash;
        slot->hash[1] = other;
        slot->second = second;
        slot->seen = 0;
    }
    slot->seen++;
    if (slot->seen <= LIMIT_denials_per_second)
        return true;
    if (slot->counted++ == 0) {
        summary_begin(slot, record);
        flood->counting++;
    }
    return false;
}

bool flood_flush(struct flood *flood, int64_t mono_ms, bool all)
{
    if (flood->counting == 0)
        return false;
    for (size_t i = 0; i < SLOTS; i++) {
        if (all || flood->slots[i].second != mono_ms / 1000)
            slot_flush(flood, &flood->slots[i]);
    }
    return flood->counting > 0;
}
