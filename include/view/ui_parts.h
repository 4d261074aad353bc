#ifndef VIEW_UI_PARTS_H
#define VIEW_UI_PARTS_H

#include "view/ui.h"

/* Between the files of ui only. */

/* A key while the detail is shown; those that choose another row are not its affair. */
enum ui_action ui_press_in_detail(struct ui *ui, int key, int page);

/* A key while the help is shown: it scrolls or closes it. Returns false when the key is also to be
 * acted upon as if there were no help. */
bool ui_press_in_help(struct ui *ui, int key, int page);

#endif
