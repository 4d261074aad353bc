#ifndef SUPPORT_NO_SETTINGS_H
#define SUPPORT_NO_SETTINGS_H

/* Unsets every variable that a setting is read from, and CONFIG_FILE. Only those: cmocka has
 * variables of its own. */
void no_settings(void);

#endif
