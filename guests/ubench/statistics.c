/* The statistics behind a row. */
#include "ubench.h"

/* Shell sort: short, in place, fast enough for a few thousand samples. */
static void sort(uint64_t *v, unsigned n)
{
    for (unsigned gap = n / 2; gap; gap /= 2) {
        for (unsigned i = gap; i < n; i++) {
            uint64_t x = v[i];
            unsigned j = i;
            for (; j >= gap && v[j - gap] > x; j -= gap)
                v[j] = v[j - gap];
            v[j] = x;
        }
    }
}

void print_row(const char *name, uint64_t *samples, unsigned n, const char *unit)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += samples[i];
    sort(samples, n);
    uint64_t columns[4] = {(sum + n / 2) / n, samples[n / 2], samples[n * 99UL / 100], samples[n - 1]};

    print(name);
    for (unsigned i = 0; i < 4; i++) {
        print(" ");
        print_dec(columns[i]);
    }
    print(" ");
    print(unit);
    print(" ");
    print_dec(n);
    print("\n");
}
