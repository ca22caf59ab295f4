//! A kernel in normal form, as readable Python.

use crate::factor::{Factor, Factoring};
use crate::idiom::{Along, Contraction};
use crate::ir::*;
use std::fmt::Write;

/// The text of a program; these loops may be handed out in parts.
pub(crate) fn text(
    program: &Program,
    pieces: &[Vec<S>],
    contractions: &[Vec<Contraction>],
    factors: &[Option<Factor>],
    spread: &[Var],
) -> String {
    let mut out = format!("def {}:\n", program.name);
    for guard in &program.guards {
        let _ = writeln!(
            out,
            "    # guard: {} {} 0 ({})",
            expression(program, &guard.form.expression(), 0),
            if guard.is_equality { "==" } else { ">=" },
            guard.what
        );
    }
    for array in &program.arrays {
        if let Some(dims) = &array.dims {
            let dims: Vec<String> =
                dims.iter().map(|dim| expression(program, &dim.expression(), 0)).collect();
            let _ = writeln!(out, "    {} = empty(({}))", array.name, dims.join(", "));
        }
    }
    for ((piece, found), factor) in pieces.iter().zip(contractions).zip(factors) {
        for one in found {
            contraction(program, one, &mut out);
        }
        if let Some(factor) = factor {
            let (name, n) =
                (&program.arrays[factor.arr].name, expression(program, &factor.n.expression(), 0));
            let kind = match factor.kind {
                Factoring::Lu => "lu",
                Factoring::Cholesky => "cholesky",
            };
            let _ = writeln!(out, "    {name}[:{n}, :{n}] = {kind}({name}[:{n}, :{n}])");
        }
        if !found.is_empty() || factor.is_some() {
            out.push_str("    # or, where little is to be done:\n");
        }
        block(program, piece, spread, 1, &mut out);
    }
    out
}

/// A library call.
fn contraction(program: &Program, one: &Contraction, out: &mut String) {
    let part = |(arr, axes): &(Arr, Vec<Along>)| {
        let axes = axes.iter().map(|axis| match axis {
            Along::Index(at, offset) => {
                let letter = char::from(b'i' + *at as u8);
                let offset = expression(program, &offset.expression(), 0);
                if offset == "0" { letter.to_string() } else { format!("{letter} + {offset}") }
            }
            Along::Fixed(form) => expression(program, &form.expression(), 0),
        });
        format!("{}[{}]", program.arrays[*arr].name, axes.collect::<Vec<_>>().join(", "))
    };
    let mut factors: Vec<String> = one.factors.iter().map(|factor| expression(program, factor, 5)).collect();
    factors.extend(one.operands.iter().map(part));
    let sign = if one.is_subtracted { "-=" } else { "+=" };
    let _ = write!(out, "    {} {sign} matrix_product({})", part(&one.out), factors.join(" * "));
    for (at, (lo, hi)) in one.bounds.iter().enumerate() {
        let (lo, hi) = (expression(program, &lo.expression(), 0), expression(program, &hi.expression(), 0));
        let _ = write!(
            out,
            "{} {} in {lo}..{hi}",
            if at == 0 { "  #" } else { "," },
            char::from(b'i' + at as u8)
        );
    }
    for (_, a, b, offset) in &one.masks {
        let (a, b) = (char::from(b'i' + *a as u8), char::from(b'i' + *b as u8));
        let _ = write!(out, ", where {a} - {b} + {} >= 0", expression(program, &offset.expression(), 0));
    }
    out.push('\n');
}

/// Statements, at a depth.
fn block(program: &Program, body: &[S], spread: &[Var], depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    if body.is_empty() {
        let _ = writeln!(out, "{indent}pass");
    }
    for stmt in body {
        match &stmt.kind {
            SKind::Set(var, value) => {
                let _ =
                    writeln!(out, "{indent}{} = {}", program.vars[*var].name, expression(program, value, 0));
            }
            SKind::Store(access, value) => {
                let _ =
                    writeln!(out, "{indent}{} = {}", place(program, access), expression(program, value, 0));
            }
            SKind::If(condition, yes, no) => {
                let _ = writeln!(out, "{indent}if {}:", expression(program, condition, 0));
                block(program, yes, spread, depth + 1, out);
                if !no.is_empty() {
                    let _ = writeln!(out, "{indent}else:");
                    block(program, no, spread, depth + 1, out);
                }
            }
            SKind::For(inner) => {
                let step = if inner.step == 1 { String::new() } else { format!(", {}", inner.step) };
                let (lo, hi) = (expression(program, &inner.lo, 0), expression(program, &inner.hi, 0));
                let parts = if spread.contains(&inner.var) { "  # in parts, if it is worth it" } else { "" };
                let _ = writeln!(
                    out,
                    "{indent}for {} in range({lo}, {hi}{step}):{parts}",
                    program.vars[inner.var].name
                );
                block(program, &inner.body, spread, depth + 1, out);
            }
        }
    }
}

fn place(program: &Program, access: &Access) -> String {
    let index: Vec<String> = access.index.iter().map(|index| expression(program, index, 0)).collect();
    let mark = if access.is_checked { "?" } else { "" };
    format!("{}[{}{mark}]", program.arrays[access.arr].name, index.join(", "))
}

/// An expression; `level` is how tightly what is around it binds.
fn expression(program: &Program, value: &E, level: usize) -> String {
    let name = |var: &Var| program.vars.get(*var).map_or("?".to_owned(), |var| var.name.clone());
    let (text, own) = match value {
        E::Int(value) => (value.to_string(), 9),
        E::Float(value) => (format!("{value:?}"), 9),
        E::Bool(value) => ((if *value { "True" } else { "False" }).to_owned(), 9),
        E::Var(var) => (name(var), 9),
        E::Dim(arr, axis) if program.arrays[*arr].is_list => {
            (format!("len({}{})", program.arrays[*arr].name, "[0]".repeat(*axis)), 9)
        }
        E::Dim(arr, axis) => (format!("{}.shape[{axis}]", program.arrays[*arr].name), 9),
        E::Load(access) => (place(program, access), 9),
        E::Bin(op, _, a, b) => {
            let Some((sign, own)) = op.sign() else {
                let name = if *op == Bin::Maximum { "maximum" } else { "minimum" };
                return format!("{name}({}, {})", expression(program, a, 0), expression(program, b, 0));
            };
            (format!("{} {sign} {}", expression(program, a, own), expression(program, b, own + 1)), own)
        }
        E::Neg(_, a) => (format!("-{}", expression(program, a, 6)), 6),
        E::ToFloat(a) => (format!("float({})", expression(program, a, 0)), 9),
        E::Compare(op, _, a, b) => {
            let sign = match op {
                Compare::Lt => "<",
                Compare::Le => "<=",
                Compare::Gt => ">",
                Compare::Ge => ">=",
                Compare::Eq => "==",
                Compare::Ne => "!=",
            };
            (format!("{} {sign} {}", expression(program, a, 4), expression(program, b, 4)), 3)
        }
        E::And(a, b) => (format!("{} and {}", expression(program, a, 2), expression(program, b, 2)), 1),
        E::Or(a, b) => (format!("{} or {}", expression(program, a, 1), expression(program, b, 1)), 0),
        E::Not(a) => (format!("not {}", expression(program, a, 3)), 2),
        E::If(condition, yes, no) => {
            let text = format!(
                "{} if {} else {}",
                expression(program, yes, 1),
                expression(program, condition, 1),
                expression(program, no, 1)
            );
            (text, 0)
        }
        E::Math(math, args, _) => {
            let args: Vec<String> = args.iter().map(|arg| expression(program, arg, 0)).collect();
            let name =
                if *math == Math::Exact { "float".to_owned() } else { format!("{math:?}").to_lowercase() };
            (format!("{name}({})", args.join(", ")), 9)
        }
    };
    if own < level { format!("({text})") } else { text }
}
