/* Fortran's types as C sees them: integers and logicals have 64 bits, or 32 for a program that is linked with libga_i4 and defines GA_INT4. */
#ifndef TYPESF2C_H_
#define TYPESF2C_H_

#define FATR

#ifdef GA_INT4
typedef int Integer;
typedef int Logical;
typedef int logical;
#else
typedef long Integer;
typedef long Logical;
typedef long logical;
#endif
typedef float Real;
typedef double DoublePrecision;
typedef struct { double real, imag; } DoubleComplex;
typedef struct { float real, imag; } SingleComplex;
typedef long intp;

#endif
