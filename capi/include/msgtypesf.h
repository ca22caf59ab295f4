!
!     TCGMSG: what a message consists of. A program may add one of these
!     to its type of message, 1 to 32767.
!
      integer msgdbl, msgint, msgchr
      parameter (msgdbl=65536, msgint=131072, msgchr=262144)
