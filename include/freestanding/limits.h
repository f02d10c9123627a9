/* GCC's own <limits.h> includes the C library's after defining all that ISO C asks for. There is nothing to add. */
