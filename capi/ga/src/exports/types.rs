//! Types that programs register.

use crate::fault::refuse;
use crate::guard::plain;
use crate::types::{LAST, MOST};
use std::ffi::c_int;

plain! {
    NGA_Register_type(bytes: usize) -> c_int = |ga| {
        let mut sizes = ga.registered.lock().expect("no panic holds it");
        if bytes == 0 {
            refuse!("a type of no bytes");
        }
        let place = sizes.iter().position(|size| *size == 0).unwrap_or(sizes.len());
        if place == MOST {
            return Ok(-1);
        }
        if place == sizes.len() { sizes.push(bytes) } else { sizes[place] = bytes }
        Ok(LAST + place as c_int)
    };
    NGA_Deregister_type(number: c_int) -> c_int = |ga| {
        let mut sizes = ga.registered.lock().expect("no panic holds it");
        let place = usize::try_from(number - LAST).ok();
        match place.and_then(|place| sizes.get_mut(place)) {
            Some(size) if *size > 0 => { *size = 0; Ok(0) }
            _ => refuse!("type {number} is not registered"),
        }
    };
}
