/* Status codes in words, for messages. */
#ifndef LIB_STATUS_TEXT_H
#define LIB_STATUS_TEXT_H

#include <bulkhead/status.h>

/** What the status means, as part of a sentence. */
const char *status_text(status_t status);

#endif
