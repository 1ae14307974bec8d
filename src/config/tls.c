/* The member "tls": its files are read here, and looked at so far that a start finds nothing new in them. */
#include "base/clock.h"
#include "base/limits.h"
#include "config/file.h"
#include "config/reader.h"
#include "io/tls.h"
#include "model/url.h"

#include <time.h>

#define PEM_MAX 4194304 /* bytes: a bundle of all the world's authorities has a quarter of a million */
#define SOON_MS (INT64_C(7) * 24 * 3600 * 1000)

static bool read_pem(struct reader *reader, const struct settings *settings, enum setting setting, struct str *out)
{
    if (!settings->of[setting])
        return false;
    size_t mark = reader_enter(reader, str_from_c(config_setting(setting)->name));
    struct str path = file_join(reader->arena, reader->directory, expand(reader, settings_string(settings, setting)));
    int error = path.ptr ? reader_file(reader, path, PEM_MAX, out) : E_NOMEM;
    if (error) {
        *out = STR_EMPTY;
        reader_problem(reader, AT_VALUE, STR_EMPTY, "cannot read the file %" STR_FMT ": %s",
                       STR_ARG(path.ptr ? path : STR_EMPTY), file_error_text(error));
    } else if (out->len == 0) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "the file %" STR_FMT " is empty", STR_ARG(path));
    } else if (setting == SETTING_key) {
        reader_look_at_mode(reader, path, "key");
    }
    reader_leave(reader, mark);
    return true;
}

void tls_read(struct reader *reader, const struct settings *outer, const struct url *url, struct tls_texts *out)
{
    struct settings settings;
    size_t mark = reader_enter(reader, STR("tls"));
    settings_read(reader, outer->of[SETTING_tls], OF_TLS, &settings);
    out->only_1_3 = settings_choice(&settings, SETTING_min) == 1;
    bool has_cert = read_pem(reader, &settings, SETTING_cert, &out->cert);
    bool has_key = read_pem(reader, &settings, SETTING_key, &out->key);
    if (has_cert != has_key || (!url && !has_cert))
        reader_problem(reader, AT_NAME, STR("write \"cert\": \"...\", \"key\": \"...\""),
                       url ? "a certificate and its key come together" : "a listener needs a certificate and its key");
    if (!url && settings.of[SETTING_ca]) {
        size_t inner = reader_enter(reader, STR("ca"));
        reader_problem(reader, AT_NAME, STR_EMPTY,
                       "only a server's tls has this: clients show a token, no certificate");
        reader_leave(reader, inner);
    } else {
        (void)read_pem(reader, &settings, SETTING_ca, &out->ca);
    }
    reader_leave(reader, mark);
}

static void look_at_end(struct reader *reader, const struct tls *tls)
{
    char day[16];
    time_t end = (time_t)tls_not_after(tls);
    int64_t left_ms = (int64_t)end * 1000 - clock_wall_ms(clock_system());
    struct tm when;
    if (end == 0 || left_ms > SOON_MS || !gmtime_r(&end, &when) || !strftime(day, sizeof(day), "%Y-%m-%d", &when))
        return;
    size_t mark = reader_enter(reader, STR("cert"));
    reader_warning(reader, AT_VALUE, STR_EMPTY,
                   left_ms < 0 ? "this certificate ended on %s" : "this certificate ends on %s", day);
    reader_leave(reader, mark);
}

void tls_make(struct reader *reader, const struct tls_texts *texts, const struct url *url, struct tls **out)
{
    static const char *const settings[] = { [TLS_PART_NONE] = "",
                                            [TLS_PART_CERT] = "cert",
                                            [TLS_PART_KEY] = "key",
                                            [TLS_PART_CA] = "ca",
                                            [TLS_PART_HOST] = "" };
    struct tls_options options = { .server = !url,
                                   .least = texts->only_1_3 ? TLS_1_3 : TLS_1_2,
                                   .cert = texts->cert,
                                   .key = texts->key,
                                   .ca = texts->ca,
                                   .host = url ? url->host : STR_EMPTY };
    struct tls_problem problem;
    if ((texts->cert.len == 0) != (texts->key.len == 0) || (!url && texts->cert.len == 0))
        return; /* said already */
    size_t mark = reader_enter(reader, STR("tls"));
    int error = tls_new(&options, &problem, out);
    if (!error) {
        look_at_end(reader, *out);
    } else if (problem.part == TLS_PART_NONE || !settings[problem.part][0]) {
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%s", problem.text[0] ? problem.text : error_text(error));
    } else {
        size_t inner = reader_enter(reader, str_from_c(settings[problem.part]));
        reader_problem(reader, AT_VALUE, STR_EMPTY, "%s", problem.text);
        reader_leave(reader, inner);
    }
    reader_leave(reader, mark);
}
