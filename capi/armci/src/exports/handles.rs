//! Handles of non-blocking operations.

use crate::guard::call;
use common::exports;
use std::ffi::c_int;

exports! {
    call;
    PARMCI_Wait, ARMCI_Wait(handle: *mut c_int) -> c_int = |armci| armci.pending.wait_handle(armci.world.transport(), handle.read());
    PARMCI_Test, ARMCI_Test(handle: *mut c_int) -> c_int = |armci| armci.pending.test_handle(armci.world.transport(), handle.read());
    PARMCI_WaitAll, ARMCI_WaitAll() -> c_int = |armci| armci.pending.wait_all(armci.world.transport(), None);
    PARMCI_WaitProc, ARMCI_WaitProc(proc: c_int) -> c_int = |armci| armci.pending.wait_all(armci.world.transport(), Some(proc));
    PARMCI_SET_AGGREGATE_HANDLE, ARMCI_SET_AGGREGATE_HANDLE(handle: *mut c_int) = |armci| { handle.write(armci.pending.aggregate()); Ok(()) };
    PARMCI_UNSET_AGGREGATE_HANDLE, ARMCI_UNSET_AGGREGATE_HANDLE(handle: *mut c_int) = |armci| { armci.pending.separate(handle.read()); Ok(()) };
}
