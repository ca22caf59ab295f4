/*
 * Vectors under a mask: the primes below n, packed side by side.
 *
 *     gain run -n 4 sieve [n]
 */
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1000, zero = 0, one = 1;
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int numbers = NGA_Create(C_INT, 1, &n, "numbers", NULL), is_prime = GA_Duplicate(numbers, "is prime"), primes = GA_Duplicate(numbers, "primes");
    if (!numbers || !is_prime || !primes) GA_Error("no memory", n);
    GA_Patch_enum(numbers, 0, n - 1, &zero, &one);
    GA_Zero(primes);

    /* Every rank strikes out multiples in its own part. */
    int lo, hi, ld;
    int *part;
    GA_Fill(is_prime, &one);
    NGA_Distribution(is_prime, GA_Nodeid(), &lo, &hi);
    if (lo >= 0 && hi >= lo) {
        NGA_Access(is_prime, &lo, &hi, &part, &ld);
        for (int k = lo; k <= hi; k++) {
            if (k < 2) part[k - lo] = 0;
            for (int d = 2; d * d <= k; d++) if (k % d == 0) part[k - lo] = 0;
        }
        NGA_Release_update(is_prime, &lo, &hi);
    }
    GA_Sync();

    int count = 0;
    GA_Pack(numbers, primes, is_prime, 0, n - 1, &count);

    int *packed = malloc(n * sizeof *packed), last = n - 1, next = 0, wrong = 0;
    NGA_Get(primes, &zero, &last, packed, &one);
    for (int k = 2; k < n; k++) {
        int divides = 0;
        for (int d = 2; d * d <= k && !divides; d++) divides = k % d == 0;
        if (!divides) wrong += packed[next++] != k;
    }
    if (wrong || next != count) GA_Error("these are not the primes", wrong);
    if (GA_Nodeid() == 0) printf("%d primes below %d on %d ranks: right\n", count, n, GA_Nnodes());
    free(packed);
    GA_Sync();
    GA_Destroy(primes);
    GA_Destroy(is_prime);
    GA_Destroy(numbers);
    GA_Terminate();
    return 0;
}
