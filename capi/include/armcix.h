/*
 * ARMCI-MPI's extensions: groups that are split and duplicated, sets of mutexes, progress. They are declared in armci.h, which is all
 * that this brings; programs for ARMCI-MPI include it.
 */
#ifndef ARMCIX_H_
#define ARMCIX_H_

#include <stdint.h>
#include "armci.h"

#endif
