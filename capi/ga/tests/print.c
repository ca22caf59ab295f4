/* Arrays as text: what is printed is compared by library.rs. */
#include <ga.h>
#include <macdecls.h>
#include <stdio.h>

int main(void)
{
    int board[2] = {2, 3}, cube[3] = {2, 1, 2}, lo[1] = {5}, hi[1] = {7}, extent = 9, seven = 7;
    double half = 0.5;
    GA_Initialize();
    int a = NGA_Create(C_INT, 2, board, "board", NULL), v = NGA_Create(C_DBL, 1, &extent, "list", NULL);
    int c = NGA_Create(C_INT, 3, cube, "cube", NULL);
    GA_Fill(a, &seven);
    GA_Fill(v, &half);
    GA_Fill(c, &seven);
    GA_Print(a);
    NGA_Print_patch(v, lo, hi, 0);
    GA_Print(c);
    GA_Print_distribution(v);
    GA_Terminate();
    return 0;
}
