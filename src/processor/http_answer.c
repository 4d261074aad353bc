#include "processor/http_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/printable.h"

#define BODY_KEPT  1024 /* enough for what is shown, whatever white space is in it */
#define BODY_SHOWN 256
#define VALUE_MAX  64 /* of a result and a retry-after */

/* ---- reading ---- */

void http_answer_reset(struct http_answer *a)
{
    a->end = HTTP_ANSWERED;
    a->status = 0;
    a->why[0] = '\0';
    strbuf_reset(&a->result);
    strbuf_reset(&a->retry_after);
    strbuf_reset(&a->receipt);
    strbuf_reset(&a->body);
}

void http_answer_release(struct http_answer *a)
{
    strbuf_release(&a->result);
    strbuf_release(&a->retry_after);
    strbuf_release(&a->receipt);
    strbuf_release(&a->body);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* If the line is the header `name`, its value becomes all of `out`, up to `max` bytes of it. */
static void take(struct strbuf *out, const char *name, size_t max, const char *line, size_t len)
{
    size_t name_len = strlen(name);
    const char *value = line + name_len + 1;
    size_t value_len;

    if (len <= name_len || line[name_len] != ':' || !ascii_equal(line, name, name_len))
        return;
    value_len = len - name_len - 1;
    while (value_len > 0 && is_space(*value)) {
        value++;
        value_len--;
    }
    while (value_len > 0 && is_space(value[value_len - 1]))
        value_len--;
    strbuf_reset(out);
    strbuf_add(out, value, value_len < max ? value_len : max);
}

void http_answer_head(struct http_answer *a, const char *line, size_t len)
{
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        http_answer_reset(a);
    take(&a->result, "order-result", VALUE_MAX, line, len);
    take(&a->retry_after, "retry-after", VALUE_MAX, line, len);
    take(&a->receipt, "order-receipt", SIZE_MAX, line, len);
}

void http_answer_body(struct http_answer *a, const char *bytes, size_t len)
{
    size_t room = BODY_KEPT - a->body.len;

    strbuf_add(&a->body, bytes, len < room ? len : room);
}

/* ---- retry-after ---- */

/* Sun, 06 Nov 1994 08:49:37 GMT, and the two old forms: Sunday, 06-Nov-94 08:49:37 GMT and
 * Sun Nov  6 08:49:37 1994. */
static bool read_date(const char *text, struct tm *t, char month[4])
{
    *t = (struct tm){0};
    if (sscanf(text, "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &t->tm_mday, month, &t->tm_year,
               &t->tm_hour, &t->tm_min, &t->tm_sec) == 6)
        return true;
    if (sscanf(text, "%*9[A-Za-z], %2d-%3s-%2d %2d:%2d:%2d GMT", &t->tm_mday, month, &t->tm_year,
               &t->tm_hour, &t->tm_min, &t->tm_sec) == 6) {
        t->tm_year += t->tm_year < 70 ? 2000 : 1900;
        return true;
    }
    return sscanf(text, "%*3[A-Za-z] %3s %2d %2d:%2d:%2d %4d", month, &t->tm_mday, &t->tm_hour,
                  &t->tm_min, &t->tm_sec, &t->tm_year) == 6;
}

/* Seconds since 1970, or -1. */
static int64_t date_of(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    const char *found;
    struct tm t;

    if (!read_date(text, &t, month) || strlen(month) != 3)
        return -1;
    found = strstr(months, month);
    if (!found || (found - months) % 3 != 0)
        return -1;
    t.tm_mon = (int)(found - months) / 3;
    t.tm_year -= 1900;
    return (int64_t)timegm(&t);
}

/* Milliseconds, 0 for what cannot be understood or is over. */
static int64_t retry_after_ms(const char *text, int64_t wall_ms)
{
    int64_t seconds = 0;
    int64_t date;

    if (*text && strspn(text, "0123456789") == strlen(text)) {
        for (; *text && seconds < INT32_MAX; text++)
            seconds = seconds * 10 + (*text - '0');
        return seconds * 1000;
    }
    date = date_of(text);
    return date * 1000 > wall_ms ? date * 1000 - wall_ms : 0;
}

/* ---- verdicts ---- */

static bool is_of(const int *list, size_t count, int status)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == status)
            return true;
    return false;
}

#define IS_OF(list, status) is_of(list, sizeof(list) / sizeof((list)[0]), status)

static enum attempt_verdict verdict_of_status(int status)
{
    static const int credentials[] = {401, 403, 407};
    static const int for_a_while[] = {404, 408, 409, 423, 425, 429};
    static const int for_good[] = {501, 505};

    if (status >= 200 && status < 300)
        return ATTEMPT_OK;
    if (IS_OF(credentials, status))
        return ATTEMPT_UNAVAILABLE;
    if (IS_OF(for_a_while, status))
        return ATTEMPT_RETRY;
    if (IS_OF(for_good, status))
        return ATTEMPT_REJECT;
    return status >= 300 && status < 500 ? ATTEMPT_REJECT : ATTEMPT_RETRY;
}

/* What the header says, whatever the status is. One that says something else is no success. */
static enum attempt_verdict verdict_of_result(const char *result)
{
    if (strcmp(result, "ok") == 0)
        return ATTEMPT_OK;
    return strcmp(result, "reject") == 0 ? ATTEMPT_REJECT : ATTEMPT_RETRY;
}

/* White space of the body becomes single blanks. */
static void add_body(const struct strbuf *body, struct strbuf *out)
{
    struct strbuf line = {0};

    for (size_t i = 0; i < body->len; i++) {
        if (!is_space(body->data[i]))
            strbuf_addc(&line, body->data[i]);
        else if (line.len > 0 && line.data[line.len - 1] != ' ')
            strbuf_addc(&line, ' ');
    }
    if (line.len > 0 && line.data[line.len - 1] == ' ')
        strbuf_cut(&line, line.len - 1);
    if (line.len > 0) {
        strbuf_adds(out, ": ");
        printable_add(out, line.data, line.len, BODY_SHOWN);
    }
    strbuf_release(&line);
}

static void describe(const struct http_answer *a, char *out, size_t size)
{
    struct strbuf text = {0};

    strbuf_addf(&text, "answered %d", a->status);
    if (a->result.len > 0) {
        strbuf_adds(&text, ", order-result ");
        printable_add(&text, a->result.data, a->result.len, VALUE_MAX);
    }
    add_body(&a->body, &text);
    snprintf(out, size, "%s", text.data);
    strbuf_release(&text);
}

static void judge_answer(const struct http_answer *a, int64_t wall_ms, struct attempt_result *r)
{
    r->verdict =
        a->result.len > 0 ? verdict_of_result(a->result.data) : verdict_of_status(a->status);
    if (a->receipt.len > 0) {
        r->receipt = a->receipt.data;
        r->receipt_len = a->receipt.len;
    }
    if (r->verdict == ATTEMPT_OK)
        return;
    describe(a, r->text, sizeof(r->text));
    if (r->verdict == ATTEMPT_RETRY)
        r->retry_after_ms = retry_after_ms(strbuf_text(&a->retry_after), wall_ms);
}

void http_answer_judge(const struct http_answer *a, int64_t wall_ms, struct attempt_result *r)
{
    *r = (struct attempt_result){.tag = r->tag};
    if (a->end == HTTP_ANSWERED) {
        r->status = a->status;
        judge_answer(a, wall_ms, r);
    } else {
        r->verdict = a->end == HTTP_UNREACHABLE ? ATTEMPT_UNAVAILABLE : ATTEMPT_RETRY;
        snprintf(r->text, sizeof(r->text), "%s", a->why);
    }
    if (r->verdict == ATTEMPT_RETRY || r->verdict == ATTEMPT_REJECT)
        r->reason = a->end == HTTP_TIMED_OUT ? RECORD_TIMEOUT : RECORD_PROCESS;
}
