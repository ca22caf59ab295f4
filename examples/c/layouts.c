/*
 * Who owns what: the same matrix in regular blocks, in blocks of one's own choice, and dealt out in small blocks.
 *
 *     gain run -n 4 layouts
 */
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

int main(void)
{
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int me = GA_Nodeid(), size = GA_Nnodes(), dims[2] = {40, 60}, whole_rows[2] = {-1, 60};

    /* Regular: as square as ranks and extents allow; whole rows, if chunks say so. */
    int regular = NGA_Create(C_DBL, 2, dims, "regular", NULL), rows = NGA_Create(C_DBL, 2, dims, "rows", whole_rows);

    /* Irregular: one block per rank, which begin where the map says: first the rows' beginnings, then the columns'. */
    int blocks[2] = {1, size}, *map = malloc((1 + size) * sizeof *map);
    map[0] = 0;
    for (int rank = 0; rank < size; rank++) map[1 + rank] = rank * (rank + 1);
    int irregular = NGA_Create_irreg(C_DBL, 2, dims, "irregular", blocks, map);

    /* Block-cyclic: small blocks, dealt out in turn. */
    int cyclic = GA_Create_handle(), tile[2] = {8, 8};
    GA_Set_data(cyclic, 2, dims, C_DBL);
    GA_Set_array_name(cyclic, "cyclic");
    GA_Set_block_cyclic(cyclic, tile);
    if (!GA_Allocate(cyclic) || !regular || !rows || !irregular) GA_Error("no memory", 0);

    int lo[2], hi[2], wrong = 0;
    NGA_Distribution(rows, me, lo, hi);
    if (lo[0] >= 0) wrong += lo[1] != 0 || hi[1] != 59;
    NGA_Distribution(irregular, me, lo, hi);
    wrong += lo[1] != me * (me + 1);
    wrong += GA_Total_blocks(cyclic) != 5 * 8;

    /* Algebra and transfers don't ask where elements are. */
    int arrays[4] = {regular, rows, irregular, cyclic};
    double value = 1.5, two = 2, one = 1;
    GA_Fill(regular, &value);
    for (int i = 1; i < 4; i++) GA_Copy(arrays[i - 1], arrays[i]);
    GA_Add(&two, cyclic, &one, irregular, rows);
    wrong += GA_Ddot(rows, regular) != 40 * 60 * 4.5 * 1.5;
    GA_Igop(&wrong, 1, "+");
    if (wrong) GA_Error("layouts are not as asked for", wrong);
    if (me == 0) printf("four layouts on %d ranks: right\n", size);
    for (int i = 0; i < 4; i++) GA_Destroy(arrays[i]);
    free(map);
    GA_Terminate();
    return 0;
}
