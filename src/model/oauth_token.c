#include "model/oauth_token.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "model/json_doc.h"

#define SECONDS_MAX 1e11 /* about the year 5000: what is more was given in milliseconds */

/* The next word at `*at`, or NULL; `*len` is its length. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    const char *begin;

    while (*at < end && isspace((unsigned char)**at))
        ++*at;
    begin = *at;
    while (*at < end && !isspace((unsigned char)**at))
        ++*at;
    *len = (size_t)(*at - begin);
    return *len > 0 ? begin : NULL;
}

static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isgraph((unsigned char)text[i]))
            return false;
    return true;
}

/* ---- claims ---- */

/* The middle one of three parts; NULL when it is no JSON object. The caller frees it. */
static cJSON *read_claims(const char *value)
{
    const char *first = strchr(value, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    struct strbuf text = {0};
    cJSON *claims = NULL;

    if (second && base64_decode_url(&text, first + 1, (size_t)(second - first - 1)) == 0)
        claims = json_doc_read(strbuf_text(&text), text.len);
    strbuf_release(&text);
    if (cJSON_IsObject(claims))
        return claims;
    json_doc_free(claims);
    return NULL;
}

static void take_claims(struct oauth_token *t)
{
    cJSON *claims = read_claims(t->value);
    const cJSON *exp = cJSON_GetObjectItemCaseSensitive(claims, "exp");
    const char *sub = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(claims, "sub"));

    if (cJSON_IsNumber(exp) && exp->valuedouble > 0 && exp->valuedouble < SECONDS_MAX)
        t->expires_ms = (int64_t)(exp->valuedouble * 1000);
    t->principal = mem_strdup(sub && *sub ? sub : "unknown");
    json_doc_free(claims);
}

/* ---- the text ---- */

static int take_expiry(struct oauth_token *t, const char *word, size_t len, struct err *e)
{
    char *text = mem_strndup(word, len);
    char *end;
    intmax_t n = strtoimax(text, &end, 10);
    bool is_number = isdigit((unsigned char)*text) && *end == '\0' && n > 0 && n < INTMAX_MAX;

    free(text);
    if (!is_number)
        return err_set(e, ERR_RUNTIME,
                       "what follows the token is not when it expires, in milliseconds since 1970");
    t->expires_ms = n;
    return 0;
}

static int check_expiry(const struct oauth_token *t, int64_t now_ms, struct err *e)
{
    if (t->expires_ms == 0)
        return err_set(e, ERR_RUNTIME,
                       "the token is no JWT with the claim exp, and when it expires (milliseconds "
                       "since 1970) does not follow it");
    if (t->expires_ms <= now_ms)
        return err_set(e, ERR_RUNTIME, "the token has expired");
    return 0;
}

int oauth_token_read(struct oauth_token *t, const char *text, size_t len, int64_t now_ms,
                     struct err *e)
{
    const char *end = text + len;
    const char *word = next_word(&text, end, &len);
    const char *expiry;
    size_t expiry_len;
    size_t rest;

    *t = (struct oauth_token){0};
    if (!word)
        return err_set(e, ERR_RUNTIME, "there is no token");
    if (!is_printable(word, len))
        return err_set(e, ERR_RUNTIME, "the token has characters that no token has");
    t->value = mem_strndup(word, len);
    take_claims(t);
    expiry = next_word(&text, end, &expiry_len);
    if (expiry && take_expiry(t, expiry, expiry_len, e) < 0)
        return -1;
    if (next_word(&text, end, &rest))
        return err_set(e, ERR_RUNTIME, "there is more than a token and when it expires");
    return check_expiry(t, now_ms, e);
}

void oauth_token_release(struct oauth_token *t)
{
    free(t->value);
    free(t->principal);
    *t = (struct oauth_token){0};
}
