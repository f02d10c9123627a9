/*
 * Comes before every file of the kernel (-include): what a file declares and another defines is part of the same image, so its
 * address is one instruction and not a load from a table (-fvisibility=hidden says so of definitions only).
 */
#pragma GCC visibility push(hidden)
