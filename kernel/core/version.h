/* Which build this is. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

extern const char build_commit[]; /* what `git describe` said */

#endif
