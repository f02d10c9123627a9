/*
 * Translation tables of whatever format (struct table_format in arch.h). Mapping is in two steps, so that it is done or not: prepare makes
 * every table that will be needed, commit writes the entries and cannot fail.
 */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include "arch.h"

struct partition;
struct space;

struct table {
    const struct table_format *format;
    uint64_t *root;
    struct partition *payer; /* of the tables' pages */
};

struct table_leaf {
    unsigned level;
    uint64_t *entry; /* NULL: nothing mapped there, and `level` is the level where the walk ended */
};

/* The leaf entry that maps `address`. */
struct table_leaf table_find(const struct table *table, saddr_t address);
/* Tables for [address, address + size) → base. STATUS_EXISTS if something is mapped in it, MEMORY, LIMIT (more than `limit` entries). Made tables stay: call table_trim(). */
status_t table_prepare(struct table *table, saddr_t address, paddr_t base, uint64_t size, unsigned limit);
/* Writes the entries of a prepared range. */
void table_commit(struct table *table, saddr_t address, paddr_t base, uint64_t size, unsigned access, bool device);
/* Clears at most `limit` entries from `address` on; returns how many bytes they spanned (all of `size` when done). The caller flushes, then trims. */
uint64_t table_clear(struct table *table, saddr_t address, uint64_t size, unsigned limit);
/* Frees tables within [address, address + size) that hold nothing any more, or were prepared in vain. After the flush that follows table_clear(); flushes itself what walkers may hold of them for `space`. */
void table_trim(struct table *table, struct space *space, saddr_t address, uint64_t size);

#endif
