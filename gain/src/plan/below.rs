//! What a value is computed from, and what of that is little beside the value: then nothing is lost by storing it.

use crate::record::{Expr, Node};
use std::sync::Arc;

/// Fewer elements cost little.
const WORTH: usize = 1 << 15;

/// What is little has so many times fewer elements.
const SHARE: usize = 16;

/// Whether a value is little beside `len` elements that are computed from it: then it is stored rather than computed again
/// and again, and nothing is lost by keeping it.
pub(crate) fn is_little(node: &Node, len: usize) -> bool {
    len >= WORTH && node.len() <= len / SHARE && !node.is_formula()
}

/// What a value is computed from.
#[derive(Default)]
pub(super) struct Below {
    /// Elements that are folded.
    pub(super) len: usize,
    /// The large values, all of them lazy.
    pub(super) large: Vec<Arc<Node>>,
    /// The others.
    pub(super) little: Vec<Arc<Node>>,
}

impl Below {
    /// Whether nothing large is stored, nor to be stored, for this value.
    pub(super) fn reads_little(&mut self, node: &Arc<Node>) -> bool {
        if node.is_formula() || self.large.iter().chain(&self.little).any(|met| Arc::ptr_eq(met, node)) {
            return true;
        }
        if is_little(node, self.len) {
            self.little.push(node.clone());
            return true;
        }
        let Some(expr) = node.expr() else { return false };
        let is_stored_first = matches!(*expr, Expr::Patch { .. } | Expr::Lens { .. } | Expr::Fold { .. });
        self.large.push(node.clone());
        !is_stored_first
            && !node.wants_storage(&expr)
            && expr.operands().all(|below| self.reads_little(below))
    }
}
