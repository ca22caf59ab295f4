//! Put, get and accumulate of vectors: many runs of one length, each with its own addresses.
//!
//! Runs of one allocation are moved together: those of this node by one call below for every [`PIECE`], those of others packed if the
//! transport has a quicker way than one by one. `armci_giov_t` comes in two orders of its fields, ARMCI's and ARMCI-MPI's.

use super::transfer::{Kind, add, length};
use crate::guard::call;
use crate::state::Armci;
use common::exports;
use rma::transport::{Moving, Token};
use rma::{Complex32, Complex64, DType, Element, Result, Segment, Vector};
use std::ffi::{c_int, c_void};

/// Runs of memory mapped here are moved so many at a time.
const PIECE: usize = 128;

/// `armci_giov_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Runs {
    src: *const *mut c_void,
    dst: *const *mut c_void,
    count: c_int,
    bytes: c_int,
}

/// `armci_giov_t` with the fields in ARMCI-MPI's order.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct BytesFirst {
    src: *const *mut c_void,
    dst: *const *mut c_void,
    bytes: c_int,
    count: c_int,
}

impl From<BytesFirst> for Runs {
    fn from(BytesFirst { src, dst, bytes, count }: BytesFirst) -> Runs {
        Runs { src, dst, count, bytes }
    }
}

impl Runs {
    /// Where `count` runs from number `first` on are at the target, and here.
    ///
    /// # Safety
    /// Both lists are readable so far.
    unsafe fn lists(&self, kind: Kind, first: usize, count: usize) -> (&[*mut c_void], &[*mut c_void]) {
        let is_get = matches!(kind, Kind::Get);
        let (theirs, ours) = if is_get { (self.src, self.dst) } else { (self.dst, self.src) };
        // SAFETY: the caller's promise.
        let list = |start: *const *mut c_void| unsafe { std::slice::from_raw_parts(start.add(first), count) };
        (list(theirs), list(ours))
    }
}

/// # Safety
/// As [`Segment::accumulate_vector_ptr`]; the scale is readable.
unsafe fn add_runs(
    segment: &Segment,
    rank: usize,
    runs: Vector<'_>,
    dtype: DType,
    src: *const u8,
    scale: *const c_void,
) -> Result<()> {
    /// # Safety
    /// As there, of this type.
    unsafe fn add<T: Element>(
        segment: &Segment,
        rank: usize,
        runs: Vector<'_>,
        src: *const u8,
        scale: *const c_void,
    ) -> Result<()> {
        // SAFETY: the caller's promises.
        unsafe {
            segment.accumulate_vector_ptr(rank, runs, src.cast::<T>(), scale.cast::<T>().read_unaligned())
        }
    }
    // SAFETY: the caller's promises.
    unsafe {
        match dtype {
            DType::I32 => add::<i32>(segment, rank, runs, src, scale),
            DType::I64 => add::<i64>(segment, rank, runs, src, scale),
            DType::F32 => add::<f32>(segment, rank, runs, src, scale),
            DType::C64 => add::<Complex32>(segment, rank, runs, src, scale),
            DType::C128 => add::<Complex64>(segment, rank, runs, src, scale),
            _ => add::<f64>(segment, rank, runs, src, scale),
        }
    }
}

impl Armci {
    /// Starts the transfers of a vector; returns those that aren't complete.
    ///
    /// # Safety
    /// As [`Armci::run`] for every run; the arrays are readable for the lengths they are told with.
    unsafe fn runs<V: Copy + Into<Runs>>(
        &self,
        kind: Kind,
        vectors: *const V,
        len: c_int,
        proc: c_int,
    ) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for index in 0..length("vectors", len)? {
            // SAFETY: readable: the caller's promise.
            let vector: Runs = unsafe { vectors.add(index).read() }.into();
            // SAFETY: the caller's promise.
            if unsafe { self.packed(kind, &vector, proc) }? {
                continue;
            }
            let mut run = 0;
            while run < length("runs", vector.count)? {
                // SAFETY: the caller's promise.
                let near = unsafe { self.near(kind, &vector, run, proc) }?;
                run += near;
                if near > 0 {
                    continue;
                }
                // SAFETY: the caller's promise.
                let token = unsafe {
                    let (src, dst) = (vector.src.add(run).read(), vector.dst.add(run).read());
                    self.run(kind, src, dst, vector.bytes, proc)
                }?;
                if token != Token::DONE {
                    tokens.push(token);
                }
                run += 1;
            }
        }
        Ok(tokens)
    }

    /// Moves the runs of a vector from number `first` on that lie in one allocation mapped here, or the first of those; how many that
    /// were. What isn't whole elements, or isn't inside, is nobody's here.
    ///
    /// # Safety
    /// As [`Armci::runs`].
    unsafe fn near(&self, kind: Kind, vector: &Runs, first: usize, proc: c_int) -> Result<usize> {
        let (count, len) = (length("runs", vector.count)? - first, length("a length", vector.bytes)?);
        if len == 0 {
            return Ok(count);
        }
        // SAFETY: both lists are as long as they are told: the caller's promise.
        let (theirs, ours) = unsafe { vector.lists(kind, first, count.min(PIECE)) };
        let unit = if let Kind::Add(dtype, _) = kind { dtype.size_bytes() } else { 1 };
        self.addresses.at(proc, theirs[0], |segment, rank, offset| {
            let end = segment.len_bytes(rank).checked_sub(len).filter(|_| len & (unit - 1) == 0);
            let (Some(end), Some(_)) = (end, segment.mapped(rank)) else { return Ok(0) };
            let (start, base) = ((theirs[0] as usize).wrapping_sub(offset), ours[0] as usize);
            let (mut remote, mut local) = ([0; PIECE], [0; PIECE]);
            let mut found = 0;
            for (there, here) in theirs.iter().zip(ours) {
                let at = (*there as usize).wrapping_sub(start);
                if at > end {
                    break;
                }
                (remote[found], local[found]) = (at, (*here as usize).wrapping_sub(base));
                found += 1;
            }
            let runs = Vector { remote: &remote[..found], local: &local[..found], len_bytes: len };
            let base = ours[0].cast::<u8>();
            // SAFETY: local runs are the caller's promise, whichever way they lie from the first; remote ones are whole elements in the part.
            unsafe {
                match kind {
                    Kind::Put => segment.put_vector_bytes(rank, runs, base)?,
                    Kind::Get => segment.get_vector_bytes(rank, runs, base)?,
                    Kind::Add(dtype, scale) => add_runs(segment, rank, runs, dtype, base, scale)?,
                }
            }
            Ok(found)
        })
    }

    /// Moves the runs of a vector together, if they are of one allocation of another node; false if nothing was done.
    ///
    /// # Safety
    /// As [`Armci::runs`].
    unsafe fn packed(&self, kind: Kind, vector: &Runs, proc: c_int) -> Result<bool> {
        let (count, len) = (length("runs", vector.count)?, length("a length", vector.bytes)?);
        if count < 2 || len == 0 {
            return Ok(false);
        }
        // SAFETY: both lists are as long as they are told: the caller's promise.
        let (theirs, ours) = unsafe { vector.lists(kind, 0, count) };
        self.addresses.at(proc, theirs[0], |segment, rank, offset| {
            if segment.mapped(rank).is_some() {
                return Ok(false);
            }
            let from = |base: *mut c_void| move |at: &*mut c_void| (*at as usize).wrapping_sub(base as usize);
            let remote: Vec<usize> =
                theirs.iter().map(from(theirs[0])).map(|at| at.wrapping_add(offset)).collect();
            let local: Vec<usize> = ours.iter().map(from(ours[0])).collect();
            let runs = rma::transport::Runs { remote: &remote, local: &local, len };
            let moving = match kind {
                Kind::Put => Moving::Put,
                Kind::Get => Moving::Get,
                Kind::Add(dtype, scale) => Moving::Accumulate { dtype, alpha: scale.cast() },
            };
            // SAFETY: local runs are the caller's promise, whichever way they lie from the first.
            unsafe { segment.move_runs(rank, runs, ours[0].cast(), moving) }
        })
    }
}

exports! {
    call;
    PARMCI_PutV, ARMCI_PutV(vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCI_GetV, ARMCI_GetV(vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCI_AccV, ARMCI_AccV(optype: c_int, scale: *const c_void, vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCI_NbPutV, ARMCI_NbPutV(vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };
    PARMCI_NbGetV, ARMCI_NbGetV(vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };
    PARMCI_NbAccV, ARMCI_NbAccV(optype: c_int, scale: *const c_void, vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };

    PARMCIX_PutV_bytes_first, ARMCIX_PutV_bytes_first(vectors: *const BytesFirst, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCIX_GetV_bytes_first, ARMCIX_GetV_bytes_first(vectors: *const BytesFirst, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCIX_AccV_bytes_first, ARMCIX_AccV_bytes_first(optype: c_int, scale: *const c_void, vectors: *const BytesFirst, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.wait_each(tokens) };
    PARMCIX_NbPutV_bytes_first, ARMCIX_NbPutV_bytes_first(vectors: *const BytesFirst, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };
    PARMCIX_NbGetV_bytes_first, ARMCIX_NbGetV_bytes_first(vectors: *const BytesFirst, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };
    PARMCIX_NbAccV_bytes_first, ARMCIX_NbAccV_bytes_first(optype: c_int, scale: *const c_void, vectors: *const BytesFirst, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.keep(handle, proc, &tokens) };
}
