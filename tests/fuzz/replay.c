/* Gives a fuzz target its corpus, or the files that are named, once each: without libFuzzer, with
 * any compiler.
 *
 *   build/tests/fuzz/fuzz_NAME [FILE]...      none: tests/fuzz/corpus/NAME
 *
 * Prints TAP. What does not hold ends it there, as it ends the fuzzer; the file is the one named
 * last. */

#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/strbuf.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory of the file's very size, so that a sanitizer sees what reads beyond it. NULL: errno. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "re");
    uint8_t *bytes = NULL;
    struct stat st;

    if (f && fstat(fileno(f), &st) == 0) {
        *size = (size_t)st.st_size;
        bytes = mem_alloc(*size);
        if (fread(bytes, 1, *size, f) < *size) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (f)
        fclose(f);
    return bytes;
}

/* Returns how many could not be read. */
static int replay(char *const *paths, size_t count)
{
    int failed = 0;

    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        uint8_t *bytes;

        printf("# %s\n", paths[i]);
        fflush(stdout);
        bytes = read_file(paths[i], &size);
        if (bytes) {
            LLVMFuzzerTestOneInput(bytes, size);
            printf("ok %zu - %s\n", i + 1, paths[i]);
        } else {
            printf("not ok %zu - %s: %s\n", i + 1, paths[i], strerror(errno));
            failed++;
        }
        free(bytes);
    }
    return failed;
}

static int replay_corpus(const char *program)
{
    struct strbuf pattern = {0};
    glob_t found = {0};
    int failed = 1;

    strbuf_addf(&pattern, "tests/fuzz/corpus/%s/*", program + strlen("fuzz_"));
    if (glob(strbuf_text(&pattern), 0, NULL, &found) == 0)
        failed = replay(found.gl_pathv, found.gl_pathc);
    else
        printf("1..1\nnot ok 1 - no such files: %s\n", strbuf_text(&pattern));
    globfree(&found);
    strbuf_release(&pattern);
    return failed;
}

int main(int argc, char **argv)
{
    int failed;

    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    if (argc > 1)
        failed = replay(argv + 1, (size_t)argc - 1);
    else
        failed = replay_corpus(program_invocation_short_name);
    return failed != 0;
}
