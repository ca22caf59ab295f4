//! What a program promises of an array: that nobody writes to it, or that what was read before is still so.
//!
//! `read_only` keeps a copy on every node that has not all of the array, and refuses writes; `read_cache` keeps what was read from
//! other nodes, and a rank that writes forgets its own. On one node neither costs or changes anything.
//!
//! Invariant: properties change collectively, between synchronisations; `kind` says what `held` may be.

use crate::bounds::{Bounds, Sizes};
use crate::fault::{Fault, Result, refuse};
use crate::guard::exported;
use crate::state::text;
use crate::table::Array;
use crate::types::elements;
use ga_core::pointers::PatchPointers;
use ga_core::{RawArray, ReadCache};
use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU8, Ordering};

const NONE: u8 = 0;
const READ_ONLY: u8 = 1;
const READ_CACHE: u8 = 2;

/// Bytes that a cache may hold.
const CACHE_BYTES: usize = 64 << 20;

/// What stands beside an array.
enum Held {
    /// A copy on this node.
    Copy(RawArray),
    /// A [`ReadCache`] of the array's type.
    Cache(Box<dyn Any + Send + Sync>),
}

/// An array's property.
#[derive(Default)]
pub(crate) struct Property {
    kind: AtomicU8,
    held: RwLock<Option<Held>>,
}

impl Property {
    /// There is none, so the array itself is to be read.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        self.kind.load(Ordering::Relaxed) == NONE
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.kind.load(Ordering::Relaxed) == READ_ONLY
    }

    fn set(&self, kind: u8, held: Option<Held>) -> Option<Held> {
        self.kind.store(kind, Ordering::Relaxed);
        std::mem::replace(&mut *self.held.write().expect("no panic holds it"), held)
    }
}

/// The array, unless nobody may write to it.
#[inline(always)]
pub(crate) fn writable(array: &Array) -> Result<&Array> {
    if array.property.is_none() { Ok(array) } else { written(array) }
}

#[cold]
fn written(array: &Array) -> Result<&Array> {
    if array.property.is_read_only() {
        return Err(Fault::new("the array is read-only"));
    }
    if let Some(Held::Cache(cache)) = &*array.property.held.read().expect("no panic holds it") {
        elements!(array, |_a: T| {
            cache.downcast_ref::<ReadCache<T>>().into_iter().for_each(ReadCache::clear);
            Ok(())
        })?;
    }
    Ok(array)
}

/// Reads a patch of an array that has a property.
///
/// # Safety
/// The buffer is writable at every element of the patch, whose rows lie as `ld` says.
#[cold]
pub(crate) unsafe fn get(array: &Array, patch: &Bounds, ld: &Sizes, buf: *mut c_void) -> Result<()> {
    let held = array.property.held.read().expect("no panic holds it");
    elements!(array, |a: T| {
        let (lo, hi, to) = (patch.lo(), patch.hi(), buf.cast::<T>());
        // SAFETY: the caller's promise.
        unsafe {
            match &*held {
                Some(Held::Copy(copy)) => {
                    Ok(copy.typed::<T>().unwrap_or(a).get_ptr(lo, hi, to, ld.list())?)
                }
                Some(Held::Cache(cache)) => match cache.downcast_ref::<ReadCache<T>>() {
                    Some(cache) => Ok(a.get_cached_ptr(cache, lo, hi, to, ld.list())?),
                    None => Ok(a.get_ptr(lo, hi, to, ld.list())?),
                },
                None => Ok(a.get_ptr(lo, hi, to, ld.list())?),
            }
        }
    })
}

/// Collective over the array's group.
fn set(array: &Array, name: &str) -> Result<()> {
    unset(array)?;
    elements!(array, |a: T| {
        let (kind, held) = match name {
            "read_only" => (READ_ONLY, a.node_copy()?.map(|copy| Held::Copy(copy.into_raw()))),
            "read_cache" => (READ_CACHE, Some(Held::Cache(Box::new(ReadCache::<T>::new(CACHE_BYTES))))),
            other => {
                refuse!("there is no property \"{other}\": read_only and read_cache are those there are")
            }
        };
        array.property.set(kind, held);
        Ok(())
    })
}

/// Collective over the array's group.
fn unset(array: &Array) -> Result<()> {
    array.raw.sync()?;
    drop(array.property.set(NONE, None));
    Ok(())
}

exported! {
    NGA_Set_property, GA_Set_property(g_a: c_int, property: *const c_char) = |ga| set(ga.array(g_a)?, &text(property));
    NGA_Unset_property, GA_Unset_property(g_a: c_int) = |ga| unset(ga.array(g_a)?);
}
