#include "config/value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/printable.h"
#include "base/utf8.h"

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

enum {
    TOPIC_LONGEST = 249,
    BROKERS_LONGEST = 4096,
    PORT_MAX = 65535,
    URL_LONGEST = 4095,
    SOCKET_LONGEST = 107,
};

/* ---- Texts in messages ---- */

struct value_quoted value_quote(const char *text)
{
    struct value_quoted q;
    size_t len = strlen(text);
    size_t at = 0, used = 0;

    q.text[used++] = '"';
    while (at < len && used < sizeof(q.text) - 9) {
        uint32_t code = 0;
        size_t n = utf8_decode(text + at, len - at, &code);

        if (n == 0 || !printable_is(code)) {
            q.text[used++] = '?';
            at += n ? n : 1;
            continue;
        }
        memcpy(q.text + used, text + at, n);
        used += n;
        at += n;
    }
    snprintf(q.text + used, sizeof(q.text) - used, "%s", at < len ? "...\"" : "\"");
    return q;
}

struct value_quoted value_name(const char *text)
{
    struct value_quoted name;
    size_t len = strlen(text);

    if (len == 0 || len >= sizeof(name.text) || strspn(text, name_letters) != len)
        return value_quote(text);
    memcpy(name.text, text, len + 1);
    return name;
}

void value_add_range(struct strbuf *out, int64_t min, int64_t max)
{
    if (max == INT64_MAX)
        strbuf_addf(out, "%" PRId64 " or more", min);
    else
        strbuf_addf(out, "%" PRId64 " to %" PRId64, min, max);
}

static int refuse(const char *text, const char *why, int64_t min, int64_t max, struct err *e)
{
    struct strbuf allowed = {0};

    value_add_range(&allowed, min, max);
    err_set(e, ERR_USAGE, "%s %s (allowed: %s)", value_quote(text).text, why,
            strbuf_text(&allowed));
    strbuf_release(&allowed);
    return -1;
}

/* ---- Numbers ---- */

static const char *skip_digits(const char *s)
{
    while (isdigit((unsigned char)*s))
        s++;
    return s;
}

/* Moves past digits without a leading zero; NULL when there are none. */
static const char *skip_whole(const char *s)
{
    if (*s == '-')
        s++;
    if (!isdigit((unsigned char)*s) || (*s == '0' && isdigit((unsigned char)s[1])))
        return NULL;
    return skip_digits(s);
}

int value_read_int(const char *text, int64_t min, int64_t max, int64_t *out, struct err *e)
{
    const char *end = skip_whole(text);
    intmax_t n;

    if (!end || *end)
        return refuse(text, "is not a whole number", min, max, e);
    errno = 0;
    n = strtoimax(text, NULL, 10);
    if (errno == ERANGE || n < min || n > max)
        return refuse(text, "is out of range", min, max, e);
    *out = n;
    return 0;
}

static bool looks_like_a_number(const char *s)
{
    s = skip_whole(s);
    if (!s)
        return false;
    if (*s == '.') {
        if (!isdigit((unsigned char)s[1]))
            return false;
        s = skip_digits(s + 1);
    }
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        if (!isdigit((unsigned char)*s))
            return false;
        s = skip_digits(s);
    }
    return *s == '\0';
}

/* strtod and printf ask the locale for the decimal sign; settings always have a point. */
static locale_t plain_locale(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    assert(plain != (locale_t)0);
    return plain;
}

int value_read_number(const char *text, int64_t min, int64_t max, double *out, struct err *e)
{
    locale_t plain;
    double n;

    if (!looks_like_a_number(text))
        return refuse(text, "is not a number", min, max, e);
    plain = plain_locale();
    n = strtod_l(text, NULL, plain);
    freelocale(plain);
    if (!(n >= (double)min && n <= (double)max))
        return refuse(text, "is out of range", min, max, e);
    *out = n;
    return 0;
}

void value_add_number(struct strbuf *out, double number)
{
    locale_t plain = plain_locale();
    locale_t before = uselocale(plain);
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    strbuf_adds(out, text);
    uselocale(before);
    freelocale(plain);
}

/* ---- Words ---- */

int value_read_bool(const char *text, bool *out, struct err *e)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true},   {"yes", true}, {"on", true},   {"1", true},
        {"false", false}, {"no", false}, {"off", false}, {"0", false},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "%s is neither true nor false (allowed: true, false)",
                   value_quote(text).text);
}

int value_read_choice(const char *text, const char *const *choices, unsigned *out, struct err *e)
{
    struct strbuf all = {0};

    for (unsigned i = 0; choices[i]; i++) {
        if (strcasecmp(text, choices[i]) == 0) {
            strbuf_release(&all);
            *out = i;
            return 0;
        }
        strbuf_addf(&all, "%s%s", i ? ", " : "", choices[i]);
    }
    err_set(e, ERR_USAGE, "%s is not a known choice (allowed: %s)", value_quote(text).text,
            strbuf_text(&all));
    strbuf_release(&all);
    return -1;
}

/* ---- Texts ---- */

static bool has_control_characters(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

int value_check_text(const char *text, int64_t min, int64_t max, struct err *e)
{
    size_t len = strlen(text);

    if (len < (size_t)min)
        return err_set(e, ERR_USAGE, "%s is too short (allowed: %" PRId64 " to %" PRId64 " bytes)",
                       value_quote(text).text, min, max);
    if (len > (size_t)max)
        return err_set(e, ERR_USAGE, "%s is too long (allowed: %" PRId64 " to %" PRId64 " bytes)",
                       value_quote(text).text, min, max);
    if (!utf8_valid(text, len, NULL))
        return err_set(e, ERR_USAGE, "%s is not valid UTF-8", value_quote(text).text);
    if (has_control_characters(text))
        return err_set(e, ERR_USAGE, "%s has control characters in it (allowed: text on one line)",
                       value_quote(text).text);
    return 0;
}

int value_check_topic(const char *text, struct err *e)
{
    size_t len = strlen(text);

    if (len >= 1 && len <= TOPIC_LONGEST && strspn(text, name_letters) == len &&
        strcmp(text, ".") != 0 && strcmp(text, "..") != 0)
        return 0;
    return err_set(e, ERR_USAGE,
                   "%s is not a topic name (allowed: 1 to %d of a-z A-Z 0-9 . _ - but not . or ..)",
                   value_quote(text).text, TOPIC_LONGEST);
}

/* One broker of `len` bytes: [protocol://]host[:port], the host an IPv6 address in brackets or
 * free of colons. */
static bool is_broker(const char *text, size_t len)
{
    const char *scheme = memmem(text, len, "://", 3);
    const char *end = text + len;
    const char *host = scheme ? scheme + 3 : text;
    const char *host_end;
    char port[8];
    int64_t n;

    if (host < end && *host == '[') {
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end || host_end == host + 1)
            return false;
        host_end++;
    } else {
        host_end = memchr(host, ':', (size_t)(end - host));
        if (!host_end)
            host_end = end;
    }
    if (host_end == host || scheme == text)
        return false;
    for (const char *s = text; s < end; s++) {
        if (isspace((unsigned char)*s))
            return false;
    }
    if (host_end == end)
        return true;
    if (*host_end != ':' || end - host_end - 1 >= (ptrdiff_t)sizeof(port))
        return false;
    snprintf(port, sizeof(port), "%.*s", (int)(end - host_end - 1), host_end + 1);
    return value_read_int(port, 1, PORT_MAX, &n, NULL) == 0;
}

int value_check_brokers(const char *text, struct err *e)
{
    const char *s = text;

    if (value_check_text(text, 1, BROKERS_LONGEST, e) < 0)
        return -1;
    for (;;) {
        size_t len;

        s += strspn(s, " ");
        len = strcspn(s, ",");
        if (!is_broker(s, len))
            return err_set(
                e, ERR_USAGE,
                "%s is not a list of brokers (allowed: host:port, comma-separated, port 1 to %d)",
                value_quote(text).text, PORT_MAX);
        if (s[len] == '\0')
            return 0;
        s += len + 1;
    }
}

static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* The socket's path is not longer than an address of the kernel holds. */
static bool is_url(const char *text)
{
    const char *host = strstr(text, "://");
    const char *socket = text + strlen("unix:");

    if (strchr(text, ' '))
        return false;
    if (begins(text, "unix:/"))
        return strcspn(socket, ":") <= SOCKET_LONGEST &&
               (!strchr(socket, ':') || strchr(socket, ':')[1] == '/');
    return (begins(text, "http://") || begins(text, "https://")) && strcspn(host + 3, "/?#:") > 0;
}

int value_check_url(const char *text, struct err *e)
{
    if (value_check_text(text, 0, URL_LONGEST, e) < 0)
        return -1;
    if (*text == '\0' || is_url(text))
        return 0;
    return err_set(e, ERR_USAGE,
                   "%s is not a URL (allowed: http://host/path, https://host/path, "
                   "unix:/path/to/socket:/url/path)",
                   value_quote(text).text);
}
