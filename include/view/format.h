#ifndef VIEW_FORMAT_H
#define VIEW_FORMAT_H

#include <stdint.h>

/* Numbers as people read them. Unknown ones (negative, or NAN) come out as "-". The result is a
 * value, so that calls can stand in a row as arguments. */

struct text_buffer {
    char text[32];
};

struct text_buffer format_count(int64_t n);        /* "1 204", from ten million on "13.48 M" */
struct text_buffer format_short(int64_t n);        /* "942", "1.4k", "13M": at most 5 columns */
struct text_buffer format_short_or_na(int64_t n);  /* the same, "n/a" when it is not known */
struct text_buffer format_rate(double per_second); /* "1 204", below ten "3.4" */
struct text_buffer format_bytes(double bytes);     /* "812 B", "29.3 GB" */
struct text_buffer format_percent(double share);   /* "99.82 %": cut, so 100.00 % means all */
struct text_buffer format_duration(int64_t ms);    /* "0.4 s", "95 s", "3h12m04s" */
struct text_buffer format_age(int64_t ms);         /* "0s", "11m", "3h", "2d": at most 4 columns */

/* Time of day, `offset_s` seconds east of UTC: "17:04:31". */
struct text_buffer format_time(int64_t ms, int offset_s);

/* The same for what may be old, and with milliseconds "17:04:31.402"; "Nov 20 17:04" when it is
 * half a day or more from now. */
struct text_buffer format_moment(int64_t ms, int64_t now_ms, int offset_s);
struct text_buffer format_moment_ms(int64_t ms, int64_t now_ms, int offset_s);

#endif
