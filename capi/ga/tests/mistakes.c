/* Mistakes in the families of operations: each ends the job with a message. Which one is told by the environment. */
#include "twin.h"

int main(int argc, char **argv)
{
    int shape[] = { 6, 8 }, lo[] = { 0, 2 }, hi[] = { 5, 8 }, small[] = { 1, 3 }, index[2];
    double one = 1, found;
    const char *mistake = getenv("GA_TEST_MISTAKE");
    begin(&argc, &argv);
    int doubles = NGA_Create(C_DBL, 2, shape, "doubles", NULL), ints = NGA_Create(C_INT, 2, shape, "ints", NULL);
    int sparse = NGA_Sprs_array_create(6, 8, C_DBL);
    GA_Zero(doubles);
    if (!strcmp(mistake, "types")) GA_Add(&one, ints, &one, doubles, doubles);
    if (!strcmp(mistake, "bounds")) NGA_Fill_patch(doubles, lo, hi, &one);
    if (!strcmp(mistake, "null")) GA_Scale(doubles, NULL);
    if (!strcmp(mistake, "buffer")) NGA_Put(doubles, lo, small, NULL, small);
    if (!strcmp(mistake, "alpha")) NGA_Acc(doubles, lo, small, &one, small, NULL);
    if (!strcmp(mistake, "subscripts")) NGA_Gather(doubles, &one, NULL, 1);
    if (!strcmp(mistake, "letter")) GA_Dgemm('x', 'n', 6, 6, 6, 1, doubles, doubles, 0, doubles);
    if (!strcmp(mistake, "extents")) GA_Dgemm('n', 'n', 7, 6, 8, 1, doubles, doubles, 0, doubles);
    if (!strcmp(mistake, "zero")) GA_Elem_divide(doubles, doubles, doubles);
    if (!strcmp(mistake, "choice")) NGA_Select_elem(doubles, "mid", &found, index);
    hi[1] = 7;
    if (!strcmp(mistake, "patches")) NGA_Copy_patch('n', doubles, lo, hi, doubles, lo, small);
    if (!strcmp(mistake, "handle")) NGA_Sprs_array_assemble(7);
    if (!strcmp(mistake, "open")) NGA_Sprs_array_duplicate(sparse);
    if (!strcmp(mistake, "element")) NGA_Sprs_array_add_element(sparse, -1, 0, &one);
    return finish();
}
