#ifndef VIEW_DESCRIBE_H
#define VIEW_DESCRIBE_H

#include "base/strbuf.h"
#include "view/paint.h"

/* The detail of a row of a table: all that is known of an error group, a partition or a tracker, as
 * lines "name: value". The figures must be of now. Returns 0, or -1 when the list that has the keys
 * is no table or is empty. Texts are as they came: not yet safe to print. */
int describe_chosen(const struct view *v, struct strbuf *out);

/* Where a line stands that goes with it, the example of an error group; NULL if there is none. */
const struct place *describe_example(const struct view *v);

#endif
