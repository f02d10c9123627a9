/* The one file that is compiled anew for every commit. */
#include "log.h"

#ifndef BUILD_COMMIT
#define BUILD_COMMIT "unknown"
#endif

const char build_commit[] = BUILD_COMMIT;
