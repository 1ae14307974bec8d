/* The inside of config: where in the file the reading is, and the table of settings applied to one object. */
#pragma once

#include "config/config.h"
#include "json/json.h"

#include <stdint.h>

struct reader {
    struct arena             *arena;       /* the configuration's */
    struct report            *report;
    const struct environment *environment;
    struct str                file, source, directory;
    bool                      client_file; /* not ours: a client's own, whose other members are let be */
    struct buf                pointer;     /* of the value being read */
    size_t                    said;        /* problems of this file */
    bool                      no_memory;
    bool                      failed;      /* a policy does not load; its problems may stand in the report already */
    struct hasher            *hasher;      /* over all that is read */
    struct mask_word         *secrets;     /* of the server being read */
    size_t                    secret_count, secret_room;
};

/* Down to a member or element and back: leave takes what enter gave. */
size_t reader_enter(struct reader *reader, struct str token);
size_t reader_enter_index(struct reader *reader, size_t index);
void   reader_leave(struct reader *reader, size_t mark);

enum place { AT_VALUE, AT_NAME }; /* of the value being read */
void reader_problem(struct reader *reader, enum place place, struct str fix, const char *format, ...) PRINTF_LIKE(4, 5);
void reader_warning(struct reader *reader, enum place place, struct str fix, const char *format, ...) PRINTF_LIKE(4, 5);
/* did you mean "WORD"? or empty for an empty word. */
struct str reader_guess(struct reader *reader, struct str word);
/* file_read into the reader's arena, noted in the report and the digest. */
int  reader_file(struct reader *reader, struct str path, size_t max, struct str *out) NODISCARD;
/* What others can read is no secret, and what they can write is theirs: a warning. */
void reader_look_at_mode(struct reader *reader, struct str path, const char *what);
/* arena_printf that remembers a failure. */
struct str reader_text(struct reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

enum setting_kind { KIND_STRING, KIND_PATH, KIND_ADDRESS, KIND_LOOPBACK, KIND_CHOICE, KIND_BOOL, KIND_LIST, KIND_MAP, KIND_OBJECT, KIND_DURATION, KIND_COUNT, KIND_RETENTION };
enum setting {
#define SETTING(scope, name, kind, default_text, low, high, unit, text) SETTING_##name,
#include "config/settings.def"
#undef SETTING
    SETTING_COUNT
};

/* One object's settings: values of the right kind and within their bounds, or NULL. */
struct settings {
    const struct json *of[SETTING_COUNT];
    bool               disabled;   /* the client's own word for it */
};
void       settings_read(struct reader *reader, const struct json *object, enum setting_scope scope, struct settings *out);
/* The next of a list or map that is a string; *index: behind how many elements. The others were named. */
bool       settings_next_text(struct json_iter *iter, struct str *key, const struct json **text, size_t *index);
/* As written, or the default. */
struct str settings_string(const struct settings *settings, enum setting setting);
bool       settings_bool(const struct settings *settings, enum setting setting);
int        settings_choice(const struct settings *settings, enum setting setting);
int64_t    settings_count(const struct settings *settings, enum setting setting);
int64_t    settings_duration_ms(const struct settings *settings, enum setting setting);

/* "127.0.0.1:8808", "[::1]:8808"; numeric alone. */
struct listen_address {
    bool loopback;
    bool any_port;   /* port 0 */
};
bool listen_address_parse(struct str text, struct listen_address *out);

/* `value` with every ${NAME}, ${env:NAME} and ${file:PATH} replaced; "$${" stands for "${". What cannot be replaced is
 * a problem of the value being read, and the value comes back as it is. */
struct str expand(struct reader *reader, struct str value);
/* What the server being read may write to its standard error, and nobody is to read there. */
void       reader_secret(struct reader *reader, struct str shown, struct str value);

/* The member "tls", as far as it is right. `url`: of the https server whose it is; NULL: of the listener. */
struct url;
void tls_read(struct reader *reader, const struct settings *settings, const struct url *url, struct tls_texts *out);
/* The listener's, made of what was read. */
void tls_make(struct reader *reader, const struct tls_texts *texts, const struct url *url, struct tls **out);

/* One entry of mcpServers. False: it is disabled, or neither started nor reached. */
bool server_read(struct reader *reader, struct str name, const struct json *entry, struct config_server *out);
