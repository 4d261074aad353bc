/* A settings file of any bytes, for libFuzzer: tests/fuzz/corpus/load, load.dict.
 *
 * It is taken or refused with one printable line. What is taken is printed as YAML that is taken
 * again and means the same. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "config/config.h"
#include "config/key.h"
#include "config/load.h"
#include "config/print.h"

#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes in it; its name is in `path`. */
static int open_file(const void *bytes, size_t len, char path[64])
{
    int fd = memfd_create("settings", MFD_CLOEXEC);

    EXPECT(fd >= 0);
    EXPECT(write(fd, bytes, len) == (ssize_t)len);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void expect_one_printable_line(const struct err *e)
{
    EXPECT(e->kind == ERR_USAGE);
    EXPECT(e->text[0]);
    EXPECT(utf8_valid(e->text, strlen(e->text), NULL));
    for (const char *s = e->text; *s; s++)
        EXPECT((unsigned char)*s >= 0x20 && *s != 0x7f);
}

/* All values, without where they came from. Secrets are printed as a mask, so left out here. */
static void add_values(const struct config *cfg, struct strbuf *out)
{
    for (size_t i = 0; i < key_count(); i++) {
        key_format(key_at(i), cfg, out);
        strbuf_addc(out, '\n');
    }
    for (size_t i = 0; i < cfg->kafka.property_count; i++)
        strbuf_addf(out, "%s\n", cfg->kafka.properties[i].name);
}

static void expect_reads_back(const struct config *cfg)
{
    struct strbuf printed = {0}, values = {0}, values_again = {0};
    struct config again;
    struct err e = {0};
    char path[64];
    int fd;

    config_print(cfg, &printed);
    fd = open_file(printed.data, printed.len, path);
    config_init(&again);
    if (load_file(&again, path, &e) < 0) {
        fprintf(stderr, "%s\n%s", e.text, printed.data);
        abort();
    }
    add_values(cfg, &values);
    add_values(&again, &values_again);
    EXPECT(strcmp(strbuf_text(&values), strbuf_text(&values_again)) == 0);
    config_release(&again);
    strbuf_release(&printed);
    strbuf_release(&values);
    strbuf_release(&values_again);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config cfg;
    struct err e = {0};
    char path[64];
    int fd = open_file(data, size, path);

    config_init(&cfg);
    if (load_file(&cfg, path, &e) < 0)
        expect_one_printable_line(&e);
    else
        expect_reads_back(&cfg);
    config_release(&cfg);
    close(fd);
    return 0;
}
