//! Every operation on every pair of types against NumPy itself: result types, values, error texts.
//!
//! Runs `numpy_values.py` beside this file with `$GAIN_PYTHON`, the repository's `.venv` or `python3`, whichever has
//! NumPy; without one the test says so and passes (the Python test-suite then covers it).

use gain::dtype::{Category, DType, Scalar, category};
use gain::exec::{Builder, Domain, Leaf, PerAxis, Stream, Task, run};
use gain::ops::{Op, resolve};
use std::process::Command;

fn python() -> Option<String> {
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
    let candidates = [std::env::var("GAIN_PYTHON").unwrap_or_default(), venv.into(), "python3".into()];
    candidates.into_iter().find(|python| {
        !python.is_empty()
            && Command::new(python).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success())
    })
}

fn dtype(name: &str) -> DType {
    DType::ALL.into_iter().find(|d| d.name() == name).unwrap_or_else(|| panic!("unknown type {name}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Results that come from a mathematics library: NumPy's and ours may differ in the last digits.
fn is_rounded(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        Exp | Exp2
            | Expm1
            | Log
            | Log2
            | Log10
            | Log1p
            | Sin
            | Cos
            | Tan
            | Arcsin
            | Arccos
            | Arctan
            | Sinh
            | Cosh
            | Tanh
            | Arcsinh
            | Arccosh
            | Arctanh
            | Arctan2
            | Hypot
            | Logaddexp
            | Logaddexp2
            | Power
            | FloatPower
            | Cbrt
            | Angle
    )
}

fn close(op: Op, found: Scalar, expected: Scalar) -> bool {
    let (x, y) = (found.as_c128(), expected.as_c128());
    let complex = category(expected.dtype()) == Category::Complex;
    let division =
        matches!(op, Op::Divide | Op::Reciprocal | Op::Sign | Op::Absolute) && complex || op == Op::Absolute;
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    if same(x.re, y.re) && same(x.im, y.im) {
        return true;
    }
    // NumPy multiplies complex numbers with fused operations, which the base level does without.
    let is_unfused = std::env::var("GAIN_SIMD").is_ok_and(|level| level == "base");
    let product = matches!(op, Op::Multiply | Op::Square) && complex && is_unfused;
    if !is_rounded(op) && !division && !product {
        return false;
    }
    let eps = match expected.dtype() {
        DType::F16 => 1.0 / 1024.0,
        DType::F32 | DType::C64 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    };
    // A logarithm of a sum is one number plus another of its size: where they cancel, both libraries lose what these had.
    let least = if matches!(op, Op::Logaddexp | Op::Logaddexp2) { 1.0 } else { 0.0 };
    let scale = if complex { y.norm() } else { y.re.abs().max(least) };
    // What both libraries promise for real functions; complex ones lose a few more in either.
    let ulps = if complex { 16.0 } else { 4.0 };
    (x - y).norm() <= ulps * eps * scale
}

/// Runs one operation on contiguous inputs through a program.
fn compute(op: Op, types: &[DType], inputs: &[Vec<u8>]) -> Result<Vec<(DType, Vec<u8>)>, String> {
    let operands: Vec<_> = types.iter().map(|&t| t.into()).collect();
    let found = resolve(op, &operands).map_err(|e| e.message().to_owned())?;
    let mut builder = Builder::new();
    let leaves: Vec<_> = types.iter().map(|&t| builder.leaf(t)).collect();
    for value in builder.apply_all(&found, &leaves) {
        builder.store(value);
    }
    let program = builder.finish();
    let n = inputs[0].len() / types[0].size_bytes();
    let mut outputs: Vec<Vec<u8>> =
        program.outputs().iter().map(|t| vec![0; n * t.size_bytes() + 16]).collect();
    let stream = |ptr: *mut u8, t: DType| {
        let size = t.size_bytes();
        Stream { ptr, strides: PerAxis::from_slice(&[size as isize]) }
    };
    let leaf = |(x, &t): (&Vec<u8>, &DType)| Leaf::Memory(stream(x.as_ptr().cast_mut(), t));
    let domain = Domain {
        shape: PerAxis::from_slice(&[n]),
        leaves: inputs.iter().zip(types).map(leaf).collect(),
        outs: outputs.iter_mut().zip(program.outputs()).map(|(o, &t)| stream(o.as_mut_ptr(), t)).collect(),
    };
    // SAFETY: every vector holds `n` elements of its type.
    unsafe { run(vec![Task { program: &program, domain }], 1) }.map_err(|e| e.message().to_owned())?;
    Ok(program.outputs().iter().copied().zip(outputs).collect())
}

/// Where we differ on purpose or NumPy's own answer depends on its build.
fn is_exempt(op: Op) -> bool {
    // `angle` and the parts are functions of NumPy, not ufuncs, with errors of their own.
    matches!(op, Op::Real | Op::Imag | Op::Angle)
}

#[test]
fn every_operation_agrees_with_numpy() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with NumPy");
        return;
    };
    let names: Vec<_> = Op::all().map(Op::name).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/numpy_values.py");
    let output = Command::new(python).args(["-W", "ignore", script, &names.join(",")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut checked, mut failures) = (0, Vec::new());
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.splitn(5, ';').collect();
        let [name, types, inputs, results, values] = fields[..] else { panic!("{line}") };
        let op = Op::from_name(name).unwrap();
        let types: Vec<DType> = types.split(',').map(dtype).collect();
        let label = format!("{name}({types:?})");
        checked += 1;
        if inputs.is_empty() {
            let refused = resolve(op, &types.iter().map(|&t| t.into()).collect::<Vec<_>>());
            match refused {
                Err(e) if e.message() == values => {}
                Err(e) => {
                    failures.push(format!("{label}: {results}: ours '{}', NumPy's '{values}'", e.message()))
                }
                Ok(_) if is_exempt(op) => {}
                Ok(_) => failures.push(format!("{label}: NumPy refuses: {values}")),
            }
            continue;
        }
        let inputs: Vec<Vec<u8>> = inputs.split(',').map(bytes).collect();
        let found = match compute(op, &types, &inputs) {
            Ok(found) => found,
            Err(text) => {
                failures.push(format!("{label}: ours refuses: {text}"));
                continue;
            }
        };
        for (k, ((t, ours), (expected_type, theirs))) in
            found.iter().zip(results.split(',').zip(values.split(','))).enumerate()
        {
            if t.name() != expected_type {
                failures.push(format!("{label}: output {k} is {t}, NumPy's {expected_type}"));
                continue;
            }
            let (size, theirs) = (t.size_bytes(), bytes(theirs));
            for i in 0..theirs.len() / size {
                let at = |b: &[u8]| Scalar::from_bytes(*t, &b[i * size..]);
                if !close(op, at(ours), at(&theirs)) {
                    let of: Vec<_> = inputs
                        .iter()
                        .zip(&types)
                        .map(|(x, t)| Scalar::from_bytes(*t, &x[i * t.size_bytes()..]))
                        .collect();
                    failures.push(format!("{label}: {of:?} gives {:?}, NumPy's {:?}", at(ours), at(&theirs)));
                    break;
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} lines from NumPy");
    assert!(failures.is_empty(), "{} of {checked} differ:\n{}", failures.len(), failures.join("\n"));
}

/// The same with fewer of the processor's instructions, in processes of their own.
#[test]
fn every_variant_agrees_with_numpy() {
    for level in ["base", "avx2"] {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let output = again
            .args(["--exact", "every_operation_agrees_with_numpy"])
            .env("GAIN_SIMD", level)
            .output()
            .unwrap();
        assert!(output.status.success(), "GAIN_SIMD={level}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
