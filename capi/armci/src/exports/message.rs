//! The collectives of `message.h`.
//!
//! A *scope* is all ranks of the default group, those of this node, or the first of each node. Roots of scopes and groups are world ranks, as the
//! original has them; the root of `armci_msg_bcast` is a rank of the default group.

use crate::guard::call;
use crate::selection::select;
use crate::state::Armci;
use common::{Operator, exports, seconds, text};
use rma::{DType, Error, ErrorKind, Result, Team};
use std::ffi::{c_char, c_double, c_float, c_int, c_long, c_longlong, c_void};

const INT: c_int = -99;
const LONG: c_int = -101;
const LONG_LONG: c_int = -102;
const FLOAT: c_int = -306;
const DOUBLE: c_int = -307;

const ALL: c_int = 333;
const NODE: c_int = 337;
const MASTERS: c_int = 339;

/// The tag of messages that are part of a collective.
const TAG: c_int = 30_000;

/// Which of a rank's number and a team's place is meant by a world rank.
fn place(team: &Team, rank: c_int) -> Result<usize> {
    let found = (0..team.size()).find(|place| team.world_rank(*place) as c_int == rank);
    found.ok_or_else(|| {
        Error::new(ErrorKind::Rank, "root", format!("rank {rank} is none of the {} taking part", team.size()))
    })
}

impl Armci {
    /// The ranks of a scope.
    fn scope(&self, scope: c_int) -> Result<Team> {
        match scope {
            ALL => self.groups.default_team(),
            NODE => Ok(self.world.node_team()),
            MASTERS => self.groups.masters.clone().ok_or_else(|| {
                Error::new(ErrorKind::Rank, "scope", "this rank is not the first of its node")
            }),
            _ => Err(Error::new(ErrorKind::Shape, "scope", format!("there is no scope {scope}"))),
        }
    }

    /// # Safety
    /// `data` may be read and written for `len` bytes.
    unsafe fn broadcast(&self, team: &Team, data: *mut c_void, len: c_int, root: usize) -> Result<()> {
        if len <= 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        team.broadcast(unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>(), len as usize) }, root)
    }

    /// From one rank of a group to those after it, which share its node: by messages, since only they take part.
    ///
    /// # Safety
    /// As [`Armci::broadcast`].
    unsafe fn pass_on(
        &self,
        data: *mut c_void,
        len: c_int,
        first: c_int,
        count: c_int,
        group: c_int,
    ) -> Result<()> {
        let team = self.groups.team(group)?;
        let range = first as usize..(first + count) as usize;
        if range.end > team.size() || !range.contains(&team.rank()) {
            let message = format!("group ranks {range:?} of {}, called by {}", team.size(), team.rank());
            return Err(Error::new(ErrorKind::Rank, "broadcast", message));
        }
        let root = team.world_rank(range.start) as c_int;
        if team.rank() != range.start {
            // SAFETY: the caller's promise.
            return unsafe { self.receive(TAG, data, len, std::ptr::null_mut(), Some(root)).map(drop) };
        }
        for rank in range.skip(1) {
            // SAFETY: the caller's promise.
            unsafe { self.send(TAG, data, len, team.world_rank(rank) as c_int) }?;
        }
        Ok(())
    }

    /// Root, parent and children of this rank in a binary tree of a scope; -1 is nobody.
    fn tree(&self, scope: c_int) -> Result<[c_int; 4]> {
        let team = self.scope(scope)?;
        let (me, size) = (team.rank(), team.size());
        let rank = |place: usize| if place < size { team.world_rank(place) as c_int } else { -1 };
        let up = if me == 0 { -1 } else { rank((me - 1) / 2) };
        Ok([rank(0), up, rank(2 * me + 1), rank(2 * me + 2)])
    }
}

/// The element type of a number.
fn dtype(kind: c_int) -> Result<DType> {
    Ok(match kind {
        INT => DType::I32,
        LONG | LONG_LONG => DType::I64,
        FLOAT => DType::F32,
        DOUBLE => DType::F64,
        _ => {
            let message = format!("{kind} is none of ARMCI_INT, LONG, LONG_LONG, FLOAT, DOUBLE");
            return Err(Error::new(ErrorKind::Type, "reduce", message));
        }
    })
}

/// Combines everybody's `count` numbers of a type.
///
/// # Safety
/// `data` may be read and written for so many numbers of that type, and `op` is null or a terminated text.
unsafe fn reduce(team: &Team, data: *mut c_void, count: c_int, op: *const c_char, kind: c_int) -> Result<()> {
    // SAFETY: the caller's promise.
    let op = unsafe { text(op) };
    let Some(operator) = Operator::named(&op) else {
        return Err(Error::new(ErrorKind::Type, "reduce", format!("there is no operator \"{op}\"")));
    };
    // SAFETY: the caller's promise.
    unsafe { common::reduce(team, dtype(kind)?, data, count.max(0) as usize, operator) }
}

exports! {
    call;
    armci_timer() -> c_double = |_armci| Ok(seconds());
    armci_msg_bintree(scope: c_int, root: *mut c_int, up: *mut c_int, left: *mut c_int, right: *mut c_int) = |armci| {
        for (to, rank) in [root, up, left, right].into_iter().zip(armci.tree(scope)?) {
            to.write(rank);
        }
        Ok(())
    };

    armci_msg_bcast(data: *mut c_void, len: c_int, root: c_int) =
        |armci| { let team = armci.groups.default_team()?; armci.broadcast(&team, data, len, root as usize) };
    armci_msg_brdcst(data: *mut c_void, len: c_int, root: c_int) =
        |armci| { let team = armci.groups.default_team()?; armci.broadcast(&team, data, len, root as usize) };
    armci_msg_bcast_scope(scope: c_int, data: *mut c_void, len: c_int, root: c_int) =
        |armci| { let team = armci.scope(scope)?; let root = place(&team, root)?; armci.broadcast(&team, data, len, root) };
    armci_msg_group_bcast_scope(scope: c_int, data: *mut c_void, len: c_int, root: c_int, group: *const c_int) = |armci| {
        let team = if scope == ALL { armci.groups.team(*group)? } else { armci.scope(scope)? };
        let root = place(&team, root)?;
        armci.broadcast(&team, data, len, root)
    };
    armci_msg_clus_brdcst(data: *mut c_void, len: c_int) = |armci| armci.broadcast(&armci.world.node_team(), data, len, 0);
    armci_grp_clus_brdcst(data: *mut c_void, len: c_int, first: c_int, count: c_int, group: *const c_int) =
        |armci| armci.pass_on(data, len, first, count, *group);

    armci_msg_reduce(data: *mut c_void, count: c_int, op: *const c_char, kind: c_int) =
        |armci| reduce(&armci.groups.default_team()?, data, count, op, kind);
    armci_msg_reduce_scope(scope: c_int, data: *mut c_void, count: c_int, op: *const c_char, kind: c_int) =
        |armci| reduce(&armci.scope(scope)?, data, count, op, kind);
    armci_msg_gop_scope(scope: c_int, data: *mut c_void, count: c_int, op: *const c_char, kind: c_int) =
        |armci| reduce(&armci.scope(scope)?, data, count, op, kind);
    armci_msg_sel_scope(scope: c_int, data: *mut c_void, len: c_int, op: *const c_char, kind: c_int, contribute: c_int) =
        |armci| select(&armci.scope(scope)?, std::slice::from_raw_parts_mut(data.cast(), len.max(0) as usize), &text(op), dtype(kind)?, contribute != 0);
    armci_exchange_address(addresses: *mut c_void, count: c_int) =
        |armci| reduce(&armci.groups.default_team()?, addresses, count, c"+".as_ptr(), LONG);
    armci_exchange_address_grp(addresses: *mut c_void, count: c_int, group: *const c_int) =
        |armci| reduce(&armci.groups.team(*group)?, addresses, count, c"+".as_ptr(), LONG);
    armci_msg_group_gop_scope(scope: c_int, data: *mut c_void, count: c_int, op: *const c_char, kind: c_int, group: *const c_int) = |armci| {
        let team = if scope == ALL { armci.groups.team(*group)? } else { armci.scope(scope)? };
        reduce(&team, data, count, op, kind)
    };
}

/// The reductions of one type: over the default group, over this node, over a group.
macro_rules! gops {
    ($($name:ident, $near:ident, $group:ident, $ty:ty, $kind:expr;)*) => {exports! { call; $(
        $name(data: *mut $ty, count: c_int, op: *const c_char) =
            |armci| reduce(&armci.groups.default_team()?, data.cast(), count, op, $kind);
        $near(data: *mut $ty, count: c_int, op: *const c_char) =
            |armci| reduce(&armci.world.node_team(), data.cast(), count, op, $kind);
        $group(data: *mut $ty, count: c_int, op: *const c_char, group: *const c_int) =
            |armci| reduce(&armci.groups.team(*group)?, data.cast(), count, op, $kind);
    )*}};
}

gops! {
    armci_msg_igop, armci_msg_clus_igop, armci_msg_group_igop, c_int, INT;
    armci_msg_lgop, armci_msg_clus_lgop, armci_msg_group_lgop, c_long, LONG;
    armci_msg_llgop, armci_msg_clus_llgop, armci_msg_group_llgop, c_longlong, LONG;
    armci_msg_fgop, armci_msg_clus_fgop, armci_msg_group_fgop, c_float, FLOAT;
    armci_msg_dgop, armci_msg_clus_dgop, armci_msg_group_dgop, c_double, DOUBLE;
}

exports! {
    call;
    parmci_msg_barrier, armci_msg_barrier() = |armci| armci.groups.with_default(|team| team.sync());
    parmci_msg_group_barrier, armci_msg_group_barrier(group: *const c_int) = |armci| armci.groups.team(*group)?.sync();
}
