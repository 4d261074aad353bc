#include "view/level.h"

const char *level_name(enum level level)
{
    static const char *const names[] = {"OK", "UNKNOWN", "WARN", "CRIT"};

    return names[level];
}

const char *level_symbol(enum level level)
{
    static const char *const symbols[] = {"+", "?", "!", "X"};

    return symbols[level];
}
