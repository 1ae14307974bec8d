/* Grammars, byte by byte. */
#include "catalog/registry_names.h"

#include "base/check.h"

#define NPM_NAME_MAX 214
#define VERSION_MAX 255
#define WORD_MAX 4096
#define URL_MAX 2048

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower((char)(c | 0x20)) || is_digit(c);
}

static bool all_of(struct str text, const char *others)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && (text.ptr[i] == '\0' || !strchr(others, text.ptr[i])))
            return false;
    return true;
}

/* ---- names ---- */

const char *fault_of_server_name(struct str name)
{
    size_t slash = str_find_byte(name, '/');
    if (name.len < 3 || name.len > 200)
        return "is not of 3 to 200 bytes";
    if (slash == 0 || slash + 1 >= name.len || !all_of(str_slice(name, 0, slash), ".-") ||
        !all_of(str_slice(name, slash + 1, name.len), "._-"))
        return "is not of the form reverse.dns/name";
    return NULL;
}

static bool is_npm_part(struct str part)
{
    return part.len > 0 && is_alnum(part.ptr[0]) && all_of(part, "._~-");
}

const char *fault_of_npm_name(struct str name)
{
    struct str part = name;
    if (name.len > NPM_NAME_MAX)
        return "is longer than an npm package's name";
    if (name.len > 0 && name.ptr[0] == '@') {
        size_t slash = str_find_byte(name, '/');
        if (!is_npm_part(str_slice(name, 1, slash)) || slash == name.len)
            return "is no npm package's name (@scope/name)";
        part = str_slice(name, slash + 1, name.len);
    }
    return is_npm_part(part) ? NULL : "is no npm package's name";
}

const char *fault_of_pypi_name(struct str name)
{
    if (name.len == 0 || name.len > NPM_NAME_MAX || !all_of(name, "._-") || !is_alnum(name.ptr[0]) ||
        !is_alnum(name.ptr[name.len - 1]))
        return "is no PyPI package's name";
    return NULL;
}

/* ---- versions ---- */

static bool is_number(struct str text)
{
    bool digits = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        digits = digits && is_digit(text.ptr[i]);
    return digits;
}

/* Parts between dots, none empty; `numbers`: a number has no zero before it. */
static bool are_identifiers(struct str text, bool numbers)
{
    for (size_t at = 0; at <= text.len;) {
        struct str rest = str_slice(text, at, text.len);
        struct str part = str_slice(rest, 0, str_find_byte(rest, '.'));
        if (part.len == 0 || !all_of(part, "-") || (numbers && part.len > 1 && part.ptr[0] == '0' && is_number(part)))
            return false;
        at += part.len + 1;
    }
    return true;
}

const char *fault_of_npm_version(struct str version)
{
    static const char wrong[] = "is not one exact npm version (1.2.3)";
    size_t plus = str_find_byte(version, '+');
    struct str build = str_slice(version, plus + 1, version.len), rest = str_slice(version, 0, plus);
    size_t dash = str_find_byte(rest, '-');
    struct str before = str_slice(rest, dash + 1, rest.len), core = str_slice(rest, 0, dash);
    if (version.len > VERSION_MAX || (plus < version.len && !are_identifiers(build, false)) ||
        (dash < rest.len && !are_identifiers(before, true)))
        return wrong;
    size_t parts = 0;
    for (size_t at = 0; at <= core.len; parts++) {
        struct str tail = str_slice(core, at, core.len);
        struct str part = str_slice(tail, 0, str_find_byte(tail, '.'));
        if (!is_number(part) || (part.len > 1 && part.ptr[0] == '0'))
            return wrong;
        at += part.len + 1;
    }
    return parts == 3 ? NULL : wrong;
}

/* [N!]N(.N)*, then letters and numbers that say a, b, rc, post, dev or local: none of them an operator. */
const char *fault_of_pypi_version(struct str version)
{
    static const char wrong[] = "is not one exact PyPI version (1.2.3)";
    struct str release = version;
    size_t epoch = str_find_byte(version, '!');
    if (version.len == 0 || version.len > VERSION_MAX)
        return wrong;
    if (epoch < version.len) {
        if (!is_number(str_slice(version, 0, epoch)))
            return wrong;
        release = str_slice(version, epoch + 1, version.len);
    }
    if (release.len > 1 && (release.ptr[0] | 0x20) == 'v')
        release = str_slice(release, 1, release.len);
    if (release.len == 0 || !is_digit(release.ptr[0]) || !is_alnum(release.ptr[release.len - 1]))
        return wrong;
    for (size_t i = 0; i < release.len; i++) {
        bool joint = release.ptr[i] != '\0' && strchr("._-+", release.ptr[i]);
        if (!is_alnum(release.ptr[i]) && (!joint || !is_alnum(release.ptr[i + 1])))
            return wrong;
    }
    return NULL;
}

const char *fault_of_version(struct str version)
{
    if (version.len == 0 || version.len > VERSION_MAX)
        return "is not of 1 to 255 bytes";
    if (str_eq_nocase(version, STR("latest")) || strchr("^~<>=*", version.ptr[0]) ||
        str_find_byte(version, '*') < version.len || str_ends_with(version, STR(".x")))
        return "is a range or a tag, not one version";
    for (size_t i = 0; i < version.len; i++)
        if ((unsigned char)version.ptr[i] <= ' ' || version.ptr[i] == 0x7f)
            return "holds a space or a control character";
    return NULL;
}

/* ---- command lines and environments ---- */

/* Beginnings of variables by which a loader, a runtime, an installer or a shell is told what to run or whom to ask. */
static const struct str steering[] = {
    { "LD_", 3 },          { "DYLD_", 5 },        { "GLIBC_", 6 },        { "MALLOC_", 7 },       { "NODE_", 5 },
    { "NPM_CONFIG_", 11 }, { "YARN_", 5 },        { "PNPM_", 5 },         { "BUN_", 4 },          { "DENO_", 5 },
    { "PYTHON", 6 },       { "PIP_", 4 },         { "UV_", 3 },           { "UVX_", 4 },          { "VIRTUAL_ENV", 11 },
    { "RUBYOPT", 7 },      { "RUBYLIB", 7 },      { "RUBYSHELL", 9 },     { "GEM_", 4 },          { "BUNDLE_", 7 },
    { "PERL5", 5 },        { "PERLLIB", 7 },      { "JAVA_TOOL", 9 },     { "JAVA_OPTIONS", 12 }, { "JDK_", 4 },
    { "_JAVA", 5 },        { "CLASSPATH", 9 },    { "DOTNET_", 7 },       { "CORECLR_", 8 },      { "BASH_", 5 },
    { "BASHOPTS", 8 },     { "ZDOTDIR", 7 },      { "GIT_SSH", 7 },       { "GIT_EXEC", 8 },      { "GIT_CONFIG", 10 },
    { "GIT_ASKPASS", 11 }, { "GIT_PROXY", 9 },    { "GIT_TEMPLATE", 12 }, { "GIT_EXTERNAL", 12 }, { "GIT_PAGER", 9 },
    { "GIT_EDITOR", 10 },  { "SSH_ASKPASS", 11 }, { "SSH_AUTH", 8 },      { "SSL_CERT", 8 },      { "OPENSSL_", 8 },
    { "REQUESTS_CA", 11 }, { "CURL_", 5 },        { "XDG_", 4 },          { "WARDER_", 7 },       { "ELECTRON_", 9 },
    { "TS_NODE_", 8 },     { "GOFLAGS", 7 },      { "GCONV_PATH", 10 },
};

/* And whole names of them. */
static const struct str reserved[] = {
    { "HOME", 4 },
    { "PATH", 4 },
    { "USER", 4 },
    { "LOGNAME", 7 },
    { "SHELL", 5 },
    { "SHELLOPTS", 9 },
    { "ENV", 3 },
    { "IFS", 3 },
    { "TMPDIR", 6 },
    { "TMP", 3 },
    { "TEMP", 4 },
    { "TERM", 4 },
    { "LANG", 4 },
    { "PWD", 3 },
    { "EDITOR", 6 },
    { "VISUAL", 6 },
    { "PAGER", 5 },
    { "BROWSER", 7 },
    { "CDPATH", 6 },
    { "FPATH", 5 },
    { "DISPLAY", 7 },
    { "INIT_CWD", 8 },
    { "CC", 2 },
    { "CXX", 3 },
    { "MAKEFLAGS", 9 },
    { "LOCPATH", 7 },
    { "NLSPATH", 7 },
    { "HOSTALIASES", 11 },
    { "PROMPT_COMMAND", 14 },
    { "PS4", 3 },
};

const char *fault_of_variable(struct str name)
{
    static const char steers[] = "is a variable that steers the runtime, not the server";
    if (name.len == 0 || name.len > 128 || is_digit(name.ptr[0]) || !all_of(name, "_"))
        return "is no variable's name";
    if (str_eq(name, STR("NODE_ENV"))) /* says production or development, and many servers set it */
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(steering); i++)
        if (str_eq_nocase(str_slice(name, 0, steering[i].len), steering[i]))
            return steers;
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (str_eq_nocase(name, reserved[i]))
            return steers;
    size_t tail = name.len > 6 ? name.len - 6 : 0;
    return str_eq_nocase(str_slice(name, tail, name.len), STR("_PROXY")) ? steers : NULL;
}

const char *fault_of_argument(struct str value)
{
    if (value.len > WORD_MAX)
        return "is longer than 4 KiB";
    return str_find_byte(value, '\0') < value.len ? "holds a NUL" : NULL;
}

const char *fault_of_flag(struct str name)
{
    return name.len > 0 && name.len <= 128 && all_of(name, "._-") ? NULL : "is no flag's name";
}

const char *fault_of_header(struct str name)
{
    return name.len > 0 && name.len <= 128 && all_of(name, "!#$%&'*+-.^_`|~") ? NULL : "is no header's name";
}

const char *fault_of_header_value(struct str value)
{
    if (value.len > WORD_MAX)
        return "is longer than 4 KiB";
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || (unsigned char)value.ptr[i] >= 0x7f)
            return "holds what no header's value may";
    return NULL;
}

/* ---- addresses ---- */

struct str url_host(struct str url)
{
    size_t scheme = str_find(url, STR("://"));
    struct str rest = str_slice(url, scheme + 3, url.len);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    rest = str_slice(rest, 0, end);
    size_t bracket = rest.len > 0 && rest.ptr[0] == '[' ? str_find_byte(rest, ']') + 1 : str_find_byte(rest, ':');
    return str_slice(rest, 0, bracket);
}

const char *fault_of_web_url(struct str url)
{
    if (!str_starts_with(url, STR("https://")) && !str_starts_with(url, STR("http://")))
        return "is no http or https URL";
    if (url.len > URL_MAX)
        return "is longer than 2 KiB";
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f || strchr("<>\"\\`^", url.ptr[i]))
            return "holds what no URL may";
    struct str host = url_host(url);
    size_t slashes = str_find(url, STR("://")) + 3;
    struct str authority = str_slice(url, slashes, url.len);
    size_t at = str_find_byte(authority, '@');
    if (host.len == 0)
        return "has no host";
    return at < str_find_byte(authority, '/') ? "carries a user's name" : NULL;
}

const char *fault_of_https_url(struct str url)
{
    return str_starts_with(url, STR("https://")) ? fault_of_web_url(url) : "is no https URL";
}

const char *fault_of_sha256(struct str text)
{
    bool hex = text.len == 64;
    for (size_t i = 0; hex && i < text.len; i++)
        hex = is_digit(text.ptr[i]) || (text.ptr[i] >= 'a' && text.ptr[i] <= 'f');
    return hex ? NULL : "is not a SHA-256 in lower-case hexadecimal";
}

const char *fault_of_subfolder(struct str path)
{
    static const char wrong[] = "is no clean relative path";
    if (path.len == 0 || path.len > 255 || !all_of(path, "._-@+/ "))
        return wrong;
    for (size_t at = 0; at <= path.len;) {
        struct str rest = str_slice(path, at, path.len);
        struct str part = str_slice(rest, 0, str_find_byte(rest, '/'));
        if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
            return wrong;
        at += part.len + 1;
    }
    return NULL;
}

bool is_public_host(struct str host)
{
    static const struct str local[] = { { ".local", 6 },    { ".internal", 9 }, { ".localhost", 10 }, { ".lan", 4 },
                                        { ".intranet", 9 }, { ".home", 5 },     { ".corp", 5 },       { ".arpa", 5 } };
    size_t dot = host.len;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_alnum(host.ptr[i]) && host.ptr[i] != '.' && host.ptr[i] != '-')
            return false;
        if (host.ptr[i] == '.')
            dot = i;
    }
    /* an address of any spelling ends in a number; a name's last part does not begin with one */
    if (dot == 0 || dot + 1 >= host.len || is_digit(host.ptr[dot + 1]))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(local); i++)
        if (host.len > local[i].len && str_eq_nocase(str_slice(host, host.len - local[i].len, host.len), local[i]))
            return false;
    return true;
}
