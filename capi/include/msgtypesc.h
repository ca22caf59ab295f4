/*
 * TCGMSG: what a message consists of. A program may add one of these to its type of message, 1 to 32767; the library takes the sum for the type.
 */
#ifndef MSGTYPES_H_
#define MSGTYPES_H_

#define MSGDBL 65536
#define MSGINT 131072
#define MSGCHR 262144

#endif
