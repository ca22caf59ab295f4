//! Floating-point exceptions of matrix products, told from operands and result: the engine that makes them pads its
//! blocks, and so raises flags of its own. Where it raised none there is nothing to look for.

use super::{Array, ReduceOptions};
use crate::dtype::{Category, DType, category};
use crate::error::Result;
use crate::ops::{Op, ReduceOp};
use crate::session;
use crate::status::site::{self, Origin};
use crate::status::{self, INVALID, OVER, Policy};

impl Array {
    /// Tell of what the product of `operands`, which this array is, has raised, if anything may have. Collective.
    pub(super) fn tell_product(
        &self,
        operands: [&Array; 2],
        name: &'static str,
        is_suspect: bool,
    ) -> Result<()> {
        let Origin { site, policy } = site::current();
        if policy.wanted() & (OVER | INVALID) == 0
            || !matches!(category(self.dtype()), Category::Float | Category::Complex)
        {
            return Ok(());
        }
        let is_suspect = is_suspect && (policy.raises() || !self.is_elsewhere());
        let quiet = Origin { site, policy: Policy::IGNORE };
        let bits = if is_suspect { site::at(quiet, || self.product_exceptions(operands))? } else { 0 };
        if bits != 0 {
            status::raised(name, bits);
        }
        if policy.raises() { session::get().agree_on_events(session::Purpose::Combine) } else { Ok(()) }
    }

    fn product_exceptions(&self, operands: [&Array; 2]) -> Result<u8> {
        if self.is_finite()? {
            return Ok(0);
        }
        let has_nan = self.holds_anywhere(Op::Isnan)?;
        if operands[0].is_finite()? && operands[1].is_finite()? {
            // No number comes of infinities that were sums of finite products.
            return Ok(if has_nan { OVER | INVALID } else { OVER });
        }
        let had_nan = operands[0].holds_anywhere(Op::Isnan)? || operands[1].holds_anywhere(Op::Isnan)?;
        Ok(if has_nan && !had_nan { INVALID } else { 0 })
    }

    fn is_finite(&self) -> Result<bool> {
        let own = self.cell.get();
        if let Some(storage) = own.storage()
            && !storage.blocks().is_distributed()
            && !storage.is_open()
            && self.dtype() != DType::F16
            && self.view.is_whole(own.len())
        {
            let words = own.len() * storage.item_bytes() / 4;
            let first = storage.local().cast::<u32>().cast_const();
            // SAFETY: a replicated buffer holds all elements of its node, aligned to four bytes as all floats are;
            // operations of this process alone write it, since it isn't open, and it is this thread's turn.
            let words = unsafe { std::slice::from_raw_parts(first, words) };
            // Whole runs at a time: the loop within has no exit, and so becomes one of vectors.
            let is_single = matches!(self.dtype(), DType::F32 | DType::C64);
            return Ok(!words.chunks(1024).any(|run| match is_single {
                true => run.iter().fold(false, |any, word| any | (word & 0x7f80_0000 == 0x7f80_0000)),
                // The upper half of each number, which comes second.
                false => run.chunks_exact(2).fold(false, |any, pair| {
                    let word = pair[usize::from(cfg!(target_endian = "little"))];
                    any | (word & 0x7ff0_0000 == 0x7ff0_0000)
                }),
            }));
        }
        let finite = Array::apply(Op::Isfinite, &[self.into()])?;
        Ok(finite.reduce(ReduceOp::All, &ReduceOptions::default())?.item()?.as_bool())
    }

    fn holds_anywhere(&self, test: Op) -> Result<bool> {
        let found = Array::apply(test, &[self.into()])?;
        Ok(found.reduce(ReduceOp::Any, &ReduceOptions::default())?.item()?.as_bool())
    }
}
