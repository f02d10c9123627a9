/* The components' locks, for targets with one thread: only that they are taken and released in turn. */
#include "fuzz.h"

#include "../../components/lib/lock.h"

void lock_take(struct lock *lock)
{
    MUST(!lock->word);
    lock->word = 1;
}

void lock_release(struct lock *lock)
{
    MUST(lock->word);
    lock->word = 0;
}
