#ifndef SUPPORT_NO_SETTINGS_H
#define SUPPORT_NO_SETTINGS_H

/* Unsets every variable that a setting is read from, and CONFIG_FILE. Only those: cmocka has
 * variables of its own. */
void no_settings(void);

/* The set-up and tear-down of a group of tests that write files: no settings, and an empty folder
 * of their own as the current one, which must be empty again at the end. */
int no_settings_enter(void **state);
int no_settings_leave(void **state);

#endif
