/* Instead of http.c, in a build without libcurl. */

#include "processor/http.h"

const char *http_library_version(void)
{
    return NULL;
}

int http_check(const struct http_options *options, struct err *e)
{
    (void)options;
    return err_set(e, ERR_USAGE,
                   "processor.kind: http is not part of this build, which was made without libcurl "
                   "(allowed: simulate, command)");
}

struct http *http_open(const struct http_options *options, struct err *e)
{
    http_check(options, e);
    return NULL;
}

struct processor http_processor(struct http *h)
{
    (void)h;
    return (struct processor){0};
}

void http_close(struct http *h)
{
    (void)h;
}
