//! Factorizations written as loops: LU without pivoting and Cholesky, which are done in blocks by a library.
//!
//! Recognised is what each element becomes: itself less a sum of products, perhaps divided by an element of the diagonal, in
//! the order row by row. Sums may stand in the element, in a scalar, or come of a product of two slices.

use crate::affine::{Affine, Sym};
use crate::depend;
use crate::ir::*;
use serde::{Deserialize, Serialize};

/// Which factorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factoring {
    /// `A = L U`, both in the place of `A`, with ones on `L`'s diagonal.
    Lu,
    /// `A = L L^T`; what is above the diagonal stays.
    Cholesky,
}

/// A factorization of the first `n` rows and columns of an array.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Factor {
    pub(crate) kind: Factoring,
    pub(crate) arr: Arr,
    pub(crate) n: Affine,
}

/// `target = (target - sum of x * y over k from 0 to end) / divisor`
struct Reduced<'a> {
    target: &'a Access,
    terms: (&'a Access, &'a Access),
    var: Var,
    end: Affine,
    divisor: Option<&'a Access>,
}

/// The factorization that a statement is, if nothing it leaves in scalars is used by what follows.
pub(crate) fn found(program: &Program, stmt: &S, rest: &[S]) -> Option<Factor> {
    let SKind::For(outer) = &stmt.kind else { return None };
    let vars = &program.vars;
    let (zero, n) = (Affine::constant(0), Affine::from(&outer.hi, vars)?);
    if outer.step != 1 || Affine::from(&outer.lo, vars)? != zero || !n.is_fixed(vars) {
        return None;
    }
    let left = depend::own(std::slice::from_ref(stmt)).written;
    let used = depend::own(rest).exposed;
    if left.iter().any(|var| used.contains(var) || gives(&program.give, *var)) {
        return None;
    }
    let [S { kind: SKind::For(first), .. }, others @ ..] = &outer.body[..] else { return None };
    let form = |var: Var| Affine::of(Sym::Var(var));
    let (i, j) = (form(outer.var), form(first.var));
    let runs = |inner: &Loop, lo: &Affine, hi: &Affine| {
        inner.step == 1
            && Affine::from(&inner.lo, vars).as_ref() == Some(lo)
            && Affine::from(&inner.hi, vars).as_ref() == Some(hi)
    };
    if !runs(first, &zero, &i) {
        return None;
    }
    let (below, []) = reduced(program, &first.body)? else { return None };
    let arr = below.target.arr;
    let is = |access: &Access, row: &Affine, column: &Affine| at(program, access, arr, row, column);
    let has = |one: &Reduced<'_>, x: (&Affine, &Affine), y: (&Affine, &Affine)| {
        let (a, b) = one.terms;
        (is(a, x.0, x.1) && is(b, y.0, y.1)) || (is(b, x.0, x.1) && is(a, y.0, y.1))
    };
    let k = form(below.var);
    let is_below = is(below.target, &i, &j)
        && below.end == j
        && below.divisor.is_some_and(|divisor| is(divisor, &j, &j));
    if !is_below {
        return None;
    }
    if has(&below, (&i, &k), (&k, &j)) {
        let [S { kind: SKind::For(second), .. }] = others else { return None };
        let j = form(second.var);
        let (above, []) = reduced(program, &second.body)? else { return None };
        let k = form(above.var);
        let is_above = runs(second, &i, &n)
            && is(above.target, &i, &j)
            && above.end == i
            && above.divisor.is_none()
            && has(&above, (&i, &k), (&k, &j));
        return is_above.then_some(Factor { kind: Factoring::Lu, arr, n });
    }
    if !has(&below, (&i, &k), (&j, &k)) {
        return None;
    }
    let (diagonal, [S { kind: SKind::Store(to, E::Math(Math::Sqrt, args, _)), .. }]) =
        reduced(program, others)?
    else {
        return None;
    };
    let k = form(diagonal.var);
    let [E::Load(from)] = &args[..] else { return None };
    let is_diagonal = is(diagonal.target, &i, &i)
        && diagonal.end == i
        && diagonal.divisor.is_none()
        && has(&diagonal, (&i, &k), (&i, &k))
        && is(to, &i, &i)
        && is(from, &i, &i);
    is_diagonal.then_some(Factor { kind: Factoring::Cholesky, arr, n })
}

fn gives(give: &Give, var: Var) -> bool {
    match give {
        Give::Scalar(given, ..) => *given == var,
        Give::Tuple(parts) => parts.iter().any(|part| gives(part, var)),
        Give::Nothing | Give::Array(_) => false,
    }
}

/// Whether an access is this element of the array, of floats, in two axes.
fn at(program: &Program, access: &Access, arr: Arr, row: &Affine, column: &Affine) -> bool {
    let forms: Option<Vec<Affine>> =
        access.index.iter().map(|index| Affine::from(index, &program.vars)).collect();
    access.arr == arr
        && !access.is_checked
        && program.arrays[arr].ty == Ty::Float
        && forms.is_some_and(|forms| matches!(&forms[..], [a, b] if a == row && b == column))
}

/// An element less a sum of products, and the statements behind it.
fn reduced<'a>(program: &Program, items: &'a [S]) -> Option<(Reduced<'a>, &'a [S])> {
    let (mut found, rest) = match items {
        // In the element: `t = t - x * y` over k.
        [S { kind: SKind::For(inner), .. }, rest @ ..] => {
            let [S { kind: SKind::Store(target, E::Bin(Bin::Sub, _, from, term)), .. }] = &inner.body[..]
            else {
                return None;
            };
            is_load(from, target).then_some(())?;
            (
                Reduced {
                    target,
                    terms: product(term)?,
                    var: inner.var,
                    end: counted(program, inner)?,
                    divisor: None,
                },
                rest,
            )
        }
        // In a scalar, that starts as the element and is subtracted from, or starts as nothing and is added to.
        [
            S { kind: SKind::Set(sum, start), .. },
            S { kind: SKind::For(inner), .. },
            S { kind: SKind::Store(target, value), .. },
            rest @ ..,
        ] => {
            let [S { kind: SKind::Set(set, E::Bin(op, _, from, term)), .. }] = &inner.body[..] else {
                return None;
            };
            (set == sum && **from == E::Var(*sum)).then_some(())?;
            let (value, divisor) = match value {
                E::Bin(Bin::Div, _, value, divisor) => match &**divisor {
                    E::Load(divisor) => (&**value, Some(&**divisor)),
                    _ => return None,
                },
                value => (value, None),
            };
            let is_whole = match (op, value) {
                (Bin::Sub, E::Var(var)) => var == sum && is_load(start, target),
                (Bin::Add, E::Bin(Bin::Sub, _, from, less)) => {
                    *start == E::Float(0.0) && is_load(from, target) && **less == E::Var(*sum)
                }
                _ => false,
            };
            is_whole.then_some(())?;
            (
                Reduced {
                    target,
                    terms: product(term)?,
                    var: inner.var,
                    end: counted(program, inner)?,
                    divisor,
                },
                rest,
            )
        }
        _ => return None,
    };
    // `t = t / d` behind it.
    if let (
        [S { kind: SKind::Store(target, E::Bin(Bin::Div, _, from, by)), .. }, behind @ ..],
        E::Load(divisor),
    ) = (rest, divisor_of(rest))
        && found.divisor.is_none()
        && target == found.target
        && is_load(from, target)
        && matches!(&**by, E::Load(_))
    {
        found.divisor = Some(divisor);
        return Some((found, behind));
    }
    Some((found, rest))
}

/// What the first statement divides by, if it does.
fn divisor_of(rest: &[S]) -> &E {
    match rest {
        [S { kind: SKind::Store(_, E::Bin(Bin::Div, _, _, by)), .. }, ..] => by,
        _ => &E::Bool(false),
    }
}

fn is_load(value: &E, target: &Access) -> bool {
    matches!(value, E::Load(access) if **access == *target)
}

fn product(term: &E) -> Option<(&Access, &Access)> {
    let E::Bin(Bin::Mul, Ty::Float, a, b) = term else { return None };
    let (E::Load(a), E::Load(b)) = (&**a, &**b) else { return None };
    Some((a, b))
}

/// Where a loop from 0 in steps of one ends.
fn counted(program: &Program, inner: &Loop) -> Option<Affine> {
    let is_counted = inner.step == 1 && Affine::from(&inner.lo, &program.vars)? == Affine::constant(0);
    if is_counted { Affine::from(&inner.hi, &program.vars) } else { None }
}
