#ifndef IO_FILE_MODE_H
#define IO_FILE_MODE_H

/* Of the files that the tracker creates: they hold customers' data, so nobody reads them but its
 * user and its group. */
#define FILE_MODE 0640

#endif
