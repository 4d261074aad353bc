/* An order handler: cc -O2 -o handler examples/handler.c
 * PROCESSOR_KIND=command PROCESSOR_COMMAND=./handler
 *
 * The id is the first member of each request and needs no JSON parser. What is written goes out
 * when no further request waits, so that many answers share one write. */

#define _GNU_SOURCE
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Your work goes here. */
static const char *handle(const char *request)
{
    return strstr(request, "\"order\":{") ? "ok" : "reject";
}

static void answer(const char *request)
{
    static const char begin[] = "{\"id\":\"";
    const char *id = request + sizeof(begin) - 1;

    if (strncmp(request, begin, sizeof(begin) - 1) == 0)
        printf("{\"id\":\"%.*s\",\"result\":\"%s\"}\n", (int)strcspn(id, "\""), id,
               handle(request));
}

static bool is_waiting(void)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

int main(void)
{
    static char buffer[1 << 22]; /* more than tracker.max_message_bytes */
    size_t len = 0;
    ssize_t n;

    while ((n = read(STDIN_FILENO, buffer + len, sizeof(buffer) - 1 - len)) > 0) {
        char *line = buffer;
        char *end;

        len += (size_t)n;
        buffer[len] = '\0';
        while ((end = memchr(line, '\n', len - (size_t)(line - buffer)))) {
            *end = '\0';
            answer(line);
            line = end + 1;
        }
        len -= (size_t)(line - buffer);
        memmove(buffer, line, len);
        if (!is_waiting())
            fflush(stdout);
    }
    return n < 0;
}
