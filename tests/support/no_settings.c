#include "support/no_settings.h"

#include <stdlib.h>

#include "config/key.h"

void no_settings(void)
{
    unsetenv("CONFIG_FILE");
    for (size_t i = 0; i < key_count(); i++) {
        if (key_at(i)->env)
            unsetenv(key_at(i)->env);
        if (key_at(i)->other_env)
            unsetenv(key_at(i)->other_env);
    }
}
