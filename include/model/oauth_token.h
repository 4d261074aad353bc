#ifndef MODEL_OAUTH_TOKEN_H
#define MODEL_OAUTH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An OAuth token as a file or a command gives it. */
struct oauth_token {
    char *value;
    char *principal;    /* the claim "sub"; "unknown" without one */
    int64_t expires_ms; /* since 1970 */
};

/* Reads "TOKEN" or "TOKEN EXPIRES_MS", with white space around. Without the second word the token
 * must be a JWT with the claim "exp". Returns 0, or -1 with `e`, which says nothing of the token
 * itself. Release `t` in any case. Pure. */
int oauth_token_read(struct oauth_token *t, const char *text, size_t len, int64_t now_ms,
                     struct err *e);

void oauth_token_release(struct oauth_token *t);

#endif
