//! Groups, and domains: which ranks share a node.

use crate::groups::WORLD;
use crate::guard::call;
use crate::state::Armci;
use common::exports;
use rma::{Error, ErrorKind, Result};
use std::ffi::{c_int, c_ulong};

impl Armci {
    fn is_near(&self, rank: c_int) -> Result<c_int> {
        Ok((self.groups.node(rank)? == self.groups.my_node()?).into())
    }
}

/// A list of ranks of the caller's.
///
/// # Safety
/// Readable for so many numbers.
unsafe fn ranks<'a>(count: c_int, list: *const c_int) -> &'a [c_int] {
    match count {
        // SAFETY: the caller's promise.
        1.. => unsafe { std::slice::from_raw_parts(list, count as usize) },
        _ => &[],
    }
}

exports! {
    call;
    PARMCI_Group_create, ARMCI_Group_create(count: c_int, list: *const c_int, group: *mut c_int) =
        |armci| { group.write(armci.groups.create(ranks(count, list), armci.groups.default())?); Ok(()) };
    PARMCI_Group_create_child, ARMCI_Group_create_child(count: c_int, list: *const c_int, group: *mut c_int, parent: *const c_int) =
        |armci| { group.write(armci.groups.create(ranks(count, list), parent.read())?); Ok(()) };
    PARMCI_Group_free, ARMCI_Group_free(group: *const c_int) = |armci| armci.groups.free(*group);
    PARMCI_Group_rank, ARMCI_Group_rank(group: *const c_int, rank: *mut c_int) -> c_int = |armci| {
        let group = armci.groups.group(*group)?;
        rank.write(group.rank());
        Ok(group.team.is_none().into())
    };
    PARMCI_Group_size, ARMCI_Group_size(group: *const c_int, size: *mut c_int) =
        |armci| { size.write(armci.groups.group(*group)?.members.len() as c_int); Ok(()) };
    PARMCI_Group_set_default, ARMCI_Group_set_default(group: *const c_int) = |armci| armci.groups.set_default(*group);
    PARMCI_Group_get_default, ARMCI_Group_get_default(group: *mut c_int) = |armci| { group.write(armci.groups.default()); Ok(()) };
    PARMCI_Group_get_world, ARMCI_Group_get_world(group: *mut c_int) = |_armci| { group.write(WORLD); Ok(()) };
    PARMCI_Absolute_id, ARMCI_Absolute_id(group: *const c_int, rank: c_int) -> c_int = |armci| armci.groups.absolute(*group, rank);
    PARMCI_Same_node, ARMCI_Same_node(proc: c_int) -> c_int = |armci| armci.is_near(proc);
    PARMCI_Uses_shm, ARMCI_Uses_shm() -> c_int = |armci| Ok((armci.world.node_team().size() > 1).into());
    PARMCI_Uses_shm_grp, ARMCI_Uses_shm_grp(group: *const c_int) -> c_int = |armci| {
        let (groups, node) = (&armci.groups, Some(armci.groups.my_node()?));
        let near = groups.group(*group)?.members.iter().filter(|rank| groups.nodes.of(**rank as c_int) == node).count();
        Ok((near > 1).into())
    };
    PARMCI_Set_shm_limit, ARMCI_Set_shm_limit(bytes: c_ulong) = |_armci| Ok(());

    armci_sameclusnode(proc: c_int) -> c_int = |armci| armci.is_near(proc);
    armci_domain_same_id(domain: c_int, proc: c_int) -> c_int = |armci| armci.is_near(proc);
    armci_domain_nprocs(domain: c_int, id: c_int) -> c_int = |armci| {
        let node = if id < 0 { armci.groups.my_node()? as c_int } else { id };
        Ok(armci.groups.nodes.ranks(node).count() as c_int)
    };
    armci_domain_id(domain: c_int, proc: c_int) -> c_int = |armci| Ok(armci.groups.node(proc)? as c_int);
    armci_domain_glob_proc_id(domain: c_int, id: c_int, local: c_int) -> c_int = |armci| {
        let found = armci.groups.nodes.ranks(id).nth(local as usize);
        found.ok_or_else(|| Error::new(ErrorKind::Rank, "domain", format!("domain {id} has no process {local}")))
    };
    armci_domain_my_id(domain: c_int) -> c_int = |armci| Ok(armci.groups.my_node()? as c_int);
    armci_domain_count(domain: c_int) -> c_int = |armci| Ok(armci.groups.nodes.count() as c_int);
}
