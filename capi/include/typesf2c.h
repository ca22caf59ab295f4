/* Fortran's types as C sees them: integers and logicals have 64 bits. */
#ifndef TYPESF2C_H_
#define TYPESF2C_H_

#define FATR

typedef long Integer;
typedef long Logical;
typedef long logical;
typedef float Real;
typedef double DoublePrecision;
typedef struct { double real, imag; } DoubleComplex;
typedef struct { float real, imag; } SingleComplex;
typedef long intp;

#endif
