#ifndef MODEL_FILE_STATE_H
#define MODEL_FILE_STATE_H

/* How a file that is followed, and the tracker that writes it, are doing. */

enum reader_state {
    READER_WAITING, /* there is no such file */
    READER_OPEN,
    READER_FAILED, /* it is there and cannot be read */
    READER_NONE,   /* there will be none: the log goes to standard error */
};

/* The tracker that holds the file, by its lock. */
enum writer_state {
    WRITER_UNKNOWN, /* none was seen: there is none, or it cannot be seen from here */
    WRITER_THERE,
    WRITER_GONE, /* was there, and holds none of the files any longer */
};

#endif
