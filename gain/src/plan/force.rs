//! Storing a node, in place where that is possible.

use super::pending::fold_pending;
use super::{Anchor, Outcome, Pass, Store, Target, alias, lens};
use crate::dtype::DType;
use crate::error::Result;
use crate::memory::Storage;
use crate::record::{Arg, Expr, Node, elsewhere};
use crate::session::{self, is_private};
use crate::status::site;
use crate::view::View;
use smallvec::SmallVec;
use std::sync::Arc;

impl Store {
    fn keep(node: &Arc<Node>) -> Store {
        Store {
            value: Arg::whole(node.clone()),
            dtype: node.dtype,
            to: Target::Keep(node.clone()),
            origin: node.origin,
        }
    }
}

impl Pass {
    /// A pass that only stores.
    pub(crate) fn storing(shape: &[usize], store: Store) -> Pass {
        Pass {
            shape: SmallVec::from_slice(shape),
            stores: vec![store],
            folds: Vec::new(),
            anchor: Anchor::Operand,
            alone: is_private(),
            reshaped: false,
        }
    }
}

/// Store the elements of `node`, if they aren't. Collective.
pub(crate) fn force(node: &Arc<Node>) -> Result<()> {
    let Some(expr) = node.expr() else { return Ok(()) };
    match &*expr {
        Expr::Patch { base, region, value, seen } => return force_patch(node, base, region, value, *seen),
        Expr::Lens { base, bytes } => {
            force(base)?;
            let storage = base.storage().expect("forced");
            let item_bytes = node.dtype.size_bytes();
            if lens::memory(storage, item_bytes, bytes).is_none() {
                let made = Storage::new(&node.shape, item_bytes)?;
                let whole = View::contiguous(&node.shape).finer(item_bytes);
                lens::copy((storage, bytes), (&made, &whole), item_bytes)?;
                node.set_stored(made);
                return Ok(());
            }
        }
        Expr::Fold { .. } => return fold_pending(node),
        Expr::Elsewhere => return Err(elsewhere::error()),
        _ => {}
    }
    drop(expr);
    let mut pass = Pass::storing(&node.shape, Store::keep(node));
    // Which values there still are ranks may know differently.
    if session::get().size == 1 {
        pass.stores.extend(node.twin().map(|twin| Store::keep(&twin)));
    }
    pass.run().map(drop)
}

/// The value as a variable may have it: of open memory a copy, and computed if open memory is read for it. Collective.
pub(crate) fn settled(node: Arc<Node>) -> Result<Arc<Node>> {
    if node.is_open() {
        let copy = Expr::Cast(Arg::whole(node.clone()));
        return settled(Node::lazy(node.shape.clone(), node.dtype, copy));
    }
    if node.is_volatile() {
        force(&node)?;
    }
    Ok(node)
}

/// Store an assignment at once if that touches its region alone: nobody else needs the old contents, and the region
/// is less than half of the array. Otherwise nothing is done.
///
/// Variables that were computed from the old contents, as the assigned value may be, are stored first.
pub(crate) fn force_small_patch(node: &Arc<Node>) -> Result<()> {
    let Some(expr) = node.expr() else { return Ok(()) };
    let Expr::Patch { base, region, value, seen: None } = &*expr else { return Ok(()) };
    if base.storage().is_none() || !is_small_part(region, node) {
        return Ok(());
    }
    let mut readers = Vec::new();
    if let Arg::Node(value, _) = value {
        alias::named_readers(value, base, &mut readers);
    }
    for reader in readers {
        if reader.len() < node.len() {
            force(&reader)?;
        }
    }
    force_in_place(node, region, value, None).map(drop)
}

/// Whether a region is so small a part of an array that the rest is better left where it is.
pub(crate) fn is_small_part(region: &View, node: &Node) -> bool {
    region.size() * 2 < node.len()
}

fn force_patch(
    node: &Arc<Node>,
    base: &Arc<Node>,
    region: &View,
    value: &Arg,
    seen: Option<DType>,
) -> Result<()> {
    if base.storage().is_some() && force_in_place(node, region, value, seen)? {
        return Ok(());
    }
    let is_box = seen.is_none() && region.axis_map(&node.shape).is_some_and(|map| map.is_box());
    if is_box {
        return Pass::storing(&node.shape, Store::keep(node)).run().map(drop);
    }
    // A region that is no box: copy all, then overwrite the region.
    force(base)?;
    if force_in_place(node, region, value, seen)? {
        return Ok(());
    }
    let copy = Storage::in_blocks(node.blocks, &node.shape, node.dtype.size_bytes())?;
    let whole = View::contiguous(&node.shape);
    let to = Target::At(copy.clone(), whole);
    Pass::storing(
        &node.shape,
        Store { value: Arg::whole(base.clone()), dtype: node.dtype, to, origin: node.origin },
    )
    .run()?;
    overwrite(&copy, node, region, value, seen)?;
    node.set_stored(copy);
    Ok(())
}

/// Evaluate `value` into `region` of `storage`, which holds everything else of `node`.
fn overwrite(
    storage: &Arc<Storage>,
    node: &Arc<Node>,
    region: &View,
    value: &Arg,
    seen: Option<DType>,
) -> Result<Outcome> {
    let dtype = seen.unwrap_or(node.dtype);
    let place = match seen {
        None => Some((storage.clone(), region.clone())),
        Some(dtype) => lens::memory(storage, dtype.size_bytes(), region),
    };
    if let Some((storage, view)) = place {
        let to = Target::At(storage, view);
        let store = Store { value: value.clone(), dtype, to, origin: node.origin };
        return Pass::storing(&region.shape, store).run();
    }
    let temp = converted(node, region, value, dtype)?;
    let from = temp.storage().expect("forced");
    let whole = View::contiguous(&region.shape).finer(dtype.size_bytes());
    lens::copy((from, &whole), (storage, region), dtype.size_bytes())
}

/// The elements to be assigned to a part of `node`, in a buffer of their own.
fn converted(node: &Node, region: &View, value: &Arg, dtype: DType) -> Result<Arc<Node>> {
    let cast = || Node::lazy(region.shape.clone(), dtype, Expr::Cast(value.clone()));
    let temp = site::at(node.origin, cast);
    force(&temp)?;
    Ok(temp)
}

/// Overwrite the region in the buffer of the base, which must be of no use to anybody else; false if it is.
fn force_in_place(node: &Arc<Node>, region: &View, value: &Arg, seen: Option<DType>) -> Result<bool> {
    let Some(storage) = alias::exclusive_base(node) else { return Ok(false) };
    if region.size() > 0 && matches!(overwrite(&storage, node, region, value, seen)?, Outcome::Hazard) {
        if seen.is_none() && !is_small_part(region, node) && !storage.is_open() {
            return Ok(false);
        }
        let temp = converted(node, region, value, seen.unwrap_or(node.dtype))?;
        overwrite(&storage, node, region, &Arg::whole(temp), seen)?;
    }
    node.set_stored(storage);
    Ok(true)
}

/// Add to a pass the nodes it meets whole and should store on the way: assigned variables, and expressions that are
/// needed again and again.
pub(super) fn add_keeps(pass: &mut Pass) {
    let mut found: Vec<Arc<Node>> = Vec::new();
    let size: usize = pass.shape.iter().product();
    let roots = pass.stores.iter().map(|s| &s.value).chain(pass.folds.iter().map(|f| &f.value));
    for root in roots {
        if let Arg::Node(node, view) = root
            && view.is_whole(node.len())
            && view.size() == size
        {
            search(node, &mut found);
        }
    }
    for node in found {
        let known = pass.stores.iter().any(|s| matches!(&s.to, Target::Keep(n) if Arc::ptr_eq(n, &node)));
        let blocks = node.blocks;
        let agrees = match (pass.stores.first().map(|s| &s.to), &pass.anchor) {
            (_, Anchor::Everyone | Anchor::Owner(..)) => false,
            (Some(Target::Keep(first)), _) => first.blocks == blocks,
            (Some(Target::At(storage, view)), _) => storage.blocks() == blocks && view.is_whole(node.len()),
            (None, _) => true,
        };
        if agrees && !known {
            let mut store = Store::keep(&node);
            let again =
                |v: &View| v.reshape(&pass.shape).ok().flatten().expect("a whole view has every shape");
            store.value = store.value.map_view(again);
            pass.stores.push(store);
        }
    }
}

/// Nodes worth storing that are met element by element from `node` on.
fn search(node: &Arc<Node>, found: &mut Vec<Arc<Node>>) {
    let Some(expr) = node.expr() else { return };
    if found.iter().any(|n| Arc::ptr_eq(n, node)) {
        return;
    }
    if node.wants_storage(&expr) {
        found.push(node.clone());
    }
    let whole = |arg: &Arg| match arg {
        Arg::Node(n, view) if view.is_whole(node.len()) && n.len() == node.len() => Some(n.clone()),
        _ => None,
    };
    match &*expr {
        Expr::Fill(_) | Expr::Coordinate(_) | Expr::Elsewhere => {}
        Expr::Map { args, .. } => args.iter().filter_map(whole).for_each(|n| search(&n, found)),
        Expr::Cast(arg) => whole(arg).iter().for_each(|n| search(n, found)),
        // (Which has a pass of its own.)
        Expr::Fold { .. } => {}
        Expr::Join(parts) => parts.iter().filter_map(whole).for_each(|n| search(&n, found)),
        Expr::Lens { .. } => {}
        Expr::Patch { base, .. } => search(base, found),
    }
}
