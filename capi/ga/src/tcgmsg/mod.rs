//! TCGMSG: the messages that programs of Global Arrays began with, by their names in C.
//!
//! | file | what |
//! | --- | --- |
//! | [`messages`] | send, receive and probe, also without waiting |
//! | [`process`] | start and end, time, files and logs of a process |
//! | [`exports`] | the functions of `tcgmsg.h` and `sndrcv.h` |
//!
//! Invariant: types of messages are tags of a channel of their own, so a program may use `message.h` beside. The runtime is whichever was started first, by these functions, by
//! `ARMCI_Init` or by `GA_Initialize`.

pub(crate) mod exports;
pub(crate) mod messages;
pub(crate) mod process;

pub(crate) use exports::random_by as random;
