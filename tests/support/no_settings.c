#include "support/no_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/key.h"

static char folder[] = "/tmp/order-tracker-test.XXXXXX";

static void unset_properties(void)
{
    static const char prefix[] = "KAFKA_PROPERTIES_";

    for (char **variable = environ; *variable;) {
        char *name = strndup(*variable, strcspn(*variable, "="));

        if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || unsetenv(name) != 0)
            variable++;
        free(name);
    }
}

void no_settings(void)
{
    unsetenv("CONFIG_FILE");
    for (size_t i = 0; i < key_count(); i++) {
        if (key_at(i)->env)
            unsetenv(key_at(i)->env);
        if (key_at(i)->other_env)
            unsetenv(key_at(i)->other_env);
    }
    unset_properties();
}

int no_settings_enter(void **state)
{
    (void)state;
    no_settings();
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int no_settings_leave(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}
