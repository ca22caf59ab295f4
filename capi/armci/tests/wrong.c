/* Mistakes: each ends the job with a message. Which one is the program's argument. */
#include "check.h"

int main(int argc, char **argv)
{
    void *parts[64];
    int x = 0, y;
    const char *mistake = getenv("ARMCI_TEST_MISTAKE");
    if (!strcmp(mistake, "early")) ARMCI_Put(&x, &y, sizeof x, 0);
    /* MPI has four levels. */
    if (!strcmp(mistake, "threads")) return ARMCI_Init_thread(4) ? 9 : 0;
    begin(&argc, &argv);
    ARMCI_Malloc(parts, 64);
    if (!strcmp(mistake, "address")) ARMCI_Put(&x, &y, sizeof x, size - 1);
    if (!strcmp(mistake, "beyond")) ARMCI_Put(&x, (char *)parts[0] + 62, sizeof x, 0);
    if (!strcmp(mistake, "rank")) ARMCI_Get(parts[0], &x, sizeof x, size);
    if (!strcmp(mistake, "type")) ARMCI_Acc(7, &x, &x, parts[0], sizeof x, 0);
    if (!strcmp(mistake, "error")) ARMCI_Error("out of luck", 42);
    if (!strcmp(mistake, "assertion")) dassertp(1, size == 77, ("%d ranks\n", size));
    return finish();
}
