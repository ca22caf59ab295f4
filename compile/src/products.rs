//! Contractions as NumPy: products of matrices, or `einsum`.

use crate::affine::Affine;
use crate::emit::Writer;
use crate::idiom::{Along, Contraction};
use crate::ir::*;

impl Writer<'_> {
    /// A library call: a product of matrices, or what `einsum` makes of it.
    pub(crate) fn contraction(&self, one: &Contraction) -> Option<Vec<String>> {
        let part = |(arr, axes): &(Arr, Vec<Along>)| -> Option<(String, Vec<usize>)> {
            let (mut parts, mut letters) = (Vec::new(), Vec::new());
            for (dim, axis) in axes.iter().enumerate() {
                parts.push(match axis {
                    Along::Index(at, offset) => {
                        letters.push(*at);
                        let (lo, hi) =
                            (one.bounds[*at].0.plus(offset, 1)?, one.bounds[*at].1.plus(offset, 1)?);
                        let is_end = hi == crate::bounds::extent(self.program, *arr, dim);
                        let lo = if lo == Affine::constant(0) { String::new() } else { self.form(&lo) };
                        format!("{lo}:{}", if is_end { String::new() } else { self.form(&hi) })
                    }
                    Along::Fixed(form) => self.form(form),
                });
            }
            Some((format!("{}[{}]", self.arrays[*arr], parts.join(", ")), letters))
        };
        let (place, letters) = part(&one.out)?;
        let mut operands: Vec<(String, Vec<usize>)> = one.operands.iter().map(part).collect::<Option<_>>()?;
        let mut around: Vec<String> = Vec::new();
        let is_masked = one.masks.iter().any(|mask| mask.0.is_some());
        for (whom, a, b, offset) in &one.masks {
            let offset = offset.plus(&one.bounds[*a].0, 1)?.plus(&one.bounds[*b].0, -1)?;
            let of = whom.map_or(&letters, |at| &operands[at].1);
            // Rows at least columns less the offset, or the other way round.
            let (name, k) = match of[..] {
                [row, column] if row == *a && column == *b => ("tril", self.form(&offset)),
                [row, column] if row == *b && column == *a => {
                    ("triu", self.form(&Affine::default().plus(&offset, -1)?))
                }
                _ => return None,
            };
            match whom {
                Some(at) => operands[*at].0 = format!("_np.{name}({}, {k})", operands[*at].0),
                None => around.push(format!("_np.{name}(@, {k})")),
            }
        }
        let mut product = matrix_product(&operands, &letters).unwrap_or_else(|| {
            let word = |letters: &[usize]| -> String {
                letters.iter().map(|at| char::from(b'i' + *at as u8)).collect()
            };
            let inputs: Vec<String> = operands.iter().map(|operand| word(&operand.1)).collect();
            let given: Vec<&str> = operands.iter().map(|operand| operand.0.as_str()).collect();
            format!(
                "_np.einsum(\"{}->{}\", {}, optimize=True)",
                inputs.join(","),
                word(&letters),
                given.join(", ")
            )
        });
        for factor in &one.factors {
            product = format!("{} * ({product})", self.value(factor, 5));
        }
        if is_masked {
            product = format!("_finite({product})");
        }
        for mask in around {
            product = mask.replace('@', &product);
        }
        let sign = if one.is_subtracted { "-=" } else { "+=" };
        let mut checks: Vec<String> = Vec::new();
        for (lo, hi) in &one.bounds {
            let check = format!("{} < {}", self.form(lo), self.form(hi));
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
        Some(vec![format!("if {}:", checks.join(" and ")), format!("    {place} {sign} {product}")])
    }
}

/// A product of two matrices, if it is one.
fn matrix_product(operands: &[(String, Vec<usize>)], letters: &[usize]) -> Option<String> {
    let [(a, of_a), (b, of_b)] = operands else { return None };
    let ([i, j], [p, q], [r, s]) = (letters, &of_a[..], &of_b[..]) else { return None };
    let turned = |text: &str, is_turned: bool| {
        if is_turned { format!("{text}.T") } else { text.to_owned() }
    };
    for (a, (p, q), b, (r, s)) in [(a, (p, q), b, (r, s)), (b, (r, s), a, (p, q))] {
        let summed = if p == i { q } else { p };
        let ends = |x: &usize, y: &usize| (x == summed && y == j) || (y == summed && x == j);
        if (p == i || q == i) && ends(r, s) && i != j {
            return Some(format!("{} @ {}", turned(a, q == i), turned(b, r == j)));
        }
    }
    None
}
