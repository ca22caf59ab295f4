//! What a program promises of an array.

use crate::fault::{Result, refuse};
use crate::guard::plain;
use crate::property::{Held, NONE, READ_CACHE, READ_ONLY};
use crate::table::Array;
use crate::types::elements;
use common::text;
use ga_core::ReadCache;
use std::ffi::{c_char, c_int};

/// Bytes that a cache may hold.
const CACHE_BYTES: usize = 64 << 20;

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

plain! {
    NGA_Set_property, GA_Set_property(g_a: c_int, property: *const c_char) = |ga| set(ga.array(g_a)?, &text(property));
    NGA_Unset_property, GA_Unset_property(g_a: c_int) = |ga| unset(ga.array(g_a)?);
}
