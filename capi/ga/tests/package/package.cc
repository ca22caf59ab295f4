/* The classes, and the other headers as programs name them. */
#include <cstdio>
#include "ga/ga++.h"
#include "ga/dra.h"
#include "ga/eaf.h"
#include "ga/sf.h"
#include "ga/gp.h"
#include "ga/sndrcv.h"

int main(int argc, char **argv)
{
    GA::Initialize(argc, argv);
    int dims[1] = {10}, one = 1;
    {
        GA::GlobalArray ones(C_INT, 1, dims, const_cast<char *>("ones"), static_cast<int *>(NULL));
        ones.fill(&one);
        if (ones.idot(&ones) != 10 || NNODES_() != GA::nodes()) GA::error("wrong", ones.idot(&ones));
        if (DRA_Init(1, -1, -1, -1) || DRA_Terminate()) GA::error("disk", 0);
    }
    std::printf("done \n");
    GA::Terminate();
}
