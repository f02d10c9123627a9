/* Root's side of bulkhead/manage.h: what components that may manage others ask for, and what they are shown. */
#ifndef ROOT_MANAGE_H
#define ROOT_MANAGE_H

struct component;

enum { ROOT_MANAGE_BIT = 58 }; /* of root's signal: a component has a request */

/** The two pages that it shares with root, if its node says `manages`. Once. */
void manage_reserve(struct component *component);

/** The resource "manage", while it is being built. */
void manage_give(struct component *component);

/** Carries out what was asked for. */
void manage_serve(void);

/** Shows everybody what has changed. */
void manage_show(void);

#endif
