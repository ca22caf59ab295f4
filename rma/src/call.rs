//! What is being called: the code, the name and the caller's line of every operation that may wait.

use std::panic::Location;

macro_rules! ops {
    ($($op:ident $name:literal),* $(,)?) => {
        /// Operations that may wait. The number goes to the board and into the signature of a collective.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum OpCode { $($op),* }

        impl OpCode {
            pub(crate) const ALL: &[OpCode] = &[$(OpCode::$op),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(OpCode::$op => $name),* }
            }
        }
    };
}

ops! {
    None "nothing", Barrier "barrier", Sync "sync", Broadcast "broadcast", Reduce "reduce", Allreduce "allreduce",
    Allgather "allgather", Allgatherv "allgatherv", Gather "gather", Gatherv "gatherv", Scatter "scatter",
    Alltoall "alltoall", Alltoallv "alltoallv", Scan "scan", ExclusiveScan "exclusive_scan", Split "split", Subset "subset",
    Allocate "allocate", Free "free", MutexCreate "mutex create", MutexFree "mutex free", Lock "lock",
    WaitSignal "wait_signal", Accumulate "accumulate", Finalize "finalize", Put "put", Get "get", PutSignal "put_signal",
    Amo "atomic operation", Unlock "unlock", Wait "wait", Fence "fence", FenceAll "fence_all", TryLock "try_lock",
    FetchAdd "fetch_add", Swap "swap", CompareSwap "compare_swap", PutStrided "put_strided", GetStrided "get_strided",
    AccumulateStrided "accumulate_strided", PutVector "put_vector", GetVector "get_vector", AccumulateVector "accumulate_vector",
    MoveRuns "move_runs",
    TeamOf "team_of", FetchAnd "fetch_and", FetchOr "fetch_or", FetchXor "fetch_xor", AtomicLoad "atomic_load",
    AtomicStore "atomic_store", AtomicAdd "atomic_add", AtomicAnd "atomic_and", AtomicOr "atomic_or", AtomicXor "atomic_xor",
    Register "register", Am "am", AmCall "am_call", AmReply "reply", AmWait "wait for a reply",
    Ibarrier "ibarrier", Ibroadcast "ibroadcast", Ireduce "ireduce", Iallreduce "iallreduce", Iallgather "iallgather",
    Ialltoall "ialltoall", WaitUntil "wait_until", Flush "flush",
}

impl OpCode {
    /// The name belonging to a number of another rank.
    pub(crate) fn name_of(code: u8) -> &'static str {
        Self::ALL.get(code as usize).map_or("an unknown operation", |op| op.name())
    }
}

/// One call: which operation, from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) op: OpCode,
    pub(crate) location: &'static Location<'static>,
}

impl Call {
    /// For use in functions that are `track_caller` themselves.
    #[inline]
    #[track_caller]
    pub(crate) fn new(op: OpCode) -> Call {
        Call { op, location: Location::caller() }
    }
}
