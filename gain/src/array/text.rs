//! Printing as NumPy prints (its default options: precision 8, 3 edge items, lines of 75), from the elements shown
//! alone.
//!
//! All elements of an array share one width, which is found first ([`Style`]); then brackets and line breaks are laid
//! out as `numpy.array2string` does.

use super::Array;
use crate::dtype::{Category as TypeKind, DType, Scalar, category, real_part};
use crate::error::Result;
use std::fmt;

/// Arrays of more elements are shown by their corners.
const SUMMARY: usize = 1000;
/// Items shown at each end of an axis then.
const EDGE: usize = 3;
/// Length of a line.
const LINE: usize = 75;
/// Digits after the point.
const PRECISION: usize = 8;

impl Array {
    /// `str(a)`, or `repr(a)`. Collective; moves only the elements shown.
    pub fn to_text(&self, repr: bool) -> Result<String> {
        let summary = self.size() > SUMMARY;
        let (shown, bytes) = self.corner(if summary { EDGE } else { usize::MAX / 2 })?;
        let item = self.dtype().size_bytes();
        let elements: Vec<Scalar> =
            bytes.chunks_exact(item).map(|b| Scalar::from_bytes(self.dtype(), b)).collect();
        let words = words(&elements, self.dtype());
        let (prefix, separator, suffix) = if repr { ("array(", ", ", ")") } else { ("", " ", "") };
        let indent = " ".repeat(1 + prefix.len());
        let cut: Vec<bool> = shown.iter().zip(self.shape()).map(|(s, n)| s != n).collect();
        let layout = Layout { words: &words, shown: &shown, cut: &cut, separator };
        let text = match self.ndim() {
            _ if elements.is_empty() => "[]".to_owned(),
            0 => words[0].trim().to_owned(),
            _ => layout.nest(0, 0, &indent, LINE - suffix.len()),
        };
        if !repr {
            return Ok(text);
        }
        let shape = match (elements.is_empty(), summary, self.shape()) {
            (true, _, [_]) | (false, false, _) => String::new(),
            (_, _, shape) => format!(", shape={}", tuple(shape)),
        };
        let is_default = matches!(self.dtype(), DType::Bool | DType::I64 | DType::F64 | DType::C128);
        let dtype = match is_default && !elements.is_empty() {
            true => String::new(),
            false => format!(", dtype={}", self.dtype()),
        };
        Ok(format!("{prefix}{text}{shape}{dtype}{suffix}"))
    }
}

impl fmt::Display for Array {
    /// As `str(a)` in Python. Collective.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(false).map_err(|_| fmt::Error)?)
    }
}

/// A shape as Python writes it.
fn tuple(shape: &[usize]) -> String {
    let list: Vec<String> = shape.iter().map(|n| n.to_string()).collect();
    if shape.len() == 1 { format!("({},)", list[0]) } else { format!("({})", list.join(", ")) }
}

/// The elements as words of one width.
fn words(elements: &[Scalar], dtype: DType) -> Vec<String> {
    match category(dtype) {
        TypeKind::Float => {
            let style = Style::of(elements.iter().map(|x| x.as_f64()), dtype, false);
            elements.iter().map(|x| style.word(x.as_f64())).collect()
        }
        TypeKind::Complex => {
            let part = real_part(dtype);
            let real = Style::of(elements.iter().map(|z| z.as_c128().re), part, false);
            let imaginary = Style::of(elements.iter().map(|z| z.as_c128().im), part, true);
            let join = |z: &Scalar| {
                let z = z.as_c128();
                let (re, im) = (real.word(z.re), imaginary.word(z.im));
                let digits = im.trim_end();
                format!("{re}{digits}j{}", &im[digits.len()..])
            };
            elements.iter().map(join).collect()
        }
        _ => {
            let plain: Vec<String> = elements.iter().map(plain).collect();
            let width = plain.iter().map(String::len).max().unwrap_or(0);
            plain.iter().map(|word| format!("{word:>width$}")).collect()
        }
    }
}

fn plain(x: &Scalar) -> String {
    match x {
        Scalar::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
        Scalar::U64(x) => x.to_string(),
        other => other.as_i64().to_string(),
    }
}

/// How the floats of an array are written: one notation and width for all.
struct Style {
    scientific: bool,
    dtype: DType,
    sign: bool,
    /// Characters before the point.
    left: usize,
    /// Characters after it.
    right: usize,
}

impl Style {
    fn of(values: impl Iterator<Item = f64> + Clone, dtype: DType, sign: bool) -> Style {
        let finite = values.clone().filter(|x| x.is_finite());
        let sizes = finite.clone().filter(|x| *x != 0.0).map(f64::abs);
        let (most, least) = sizes.fold((0.0f64, f64::INFINITY), |(m, l), x| (m.max(x), l.min(x)));
        let scientific = most >= 1e8 || most > 0.0 && (least < 1e-4 || most / least > 1000.0);
        let mut style = Style { scientific, dtype, sign, left: 0, right: 0 };
        for x in finite {
            let text = style.digits(x, PRECISION);
            let mantissa = text.split('e').next().unwrap_or_default();
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            style.left = style.left.max(whole.len());
            style.right = style.right.max(fraction.len());
        }
        let exponent = if scientific { 4 } else { 0 };
        for x in values.filter(|x| !x.is_finite()) {
            let len = style.special(x).len();
            style.left = style.left.max(len.saturating_sub(style.right + 1 + exponent));
        }
        style
    }

    fn special(&self, x: f64) -> String {
        match (x.is_nan(), x > 0.0) {
            (true, _) => if self.sign { "+nan" } else { "nan" }.to_owned(),
            (_, true) => if self.sign { "+inf" } else { "inf" }.to_owned(),
            _ => "-inf".to_owned(),
        }
    }

    /// The shortest digits that tell the value from its neighbours, at most `precision` after the point, zeros
    /// trimmed, the point kept.
    fn digits(&self, x: f64, precision: usize) -> String {
        let shortest = match (self.scientific, self.dtype) {
            (true, DType::F32) => format!("{:e}", x as f32),
            (false, DType::F32) => format!("{}", x as f32),
            (true, DType::F16) => format!("{:e}", shortest_half(x)),
            (false, DType::F16) => format!("{}", shortest_half(x)),
            (true, _) => format!("{x:e}"),
            (false, _) => format!("{x}"),
        };
        let (mantissa, exponent) = match shortest.split_once('e') {
            Some((m, e)) => (m.to_owned(), Some(e.parse::<i32>().unwrap_or(0))),
            None => (shortest, None),
        };
        let mut text = mantissa;
        let mut power = exponent;
        if text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > precision) {
            text = if exponent.is_some() { format!("{x:.precision$e}") } else { format!("{x:.precision$}") };
            if let Some((m, e)) = text.clone().split_once('e') {
                (text, power) = (m.to_owned(), e.parse().ok());
            }
            text = text.trim_end_matches('0').to_owned();
        }
        if !text.contains('.') {
            text.push('.');
        }
        if self.sign && !text.starts_with('-') {
            text.insert(0, '+');
        }
        match power {
            Some(e) => format!("{text}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs()),
            None => text,
        }
    }

    fn word(&self, x: f64) -> String {
        let width = self.left + 1 + self.right + if self.scientific { 4 } else { 0 };
        if !x.is_finite() {
            return format!("{:>width$}", self.special(x));
        }
        let text = self.digits(x, PRECISION.min(self.right));
        let (mantissa, exponent) = match text.split_once('e') {
            Some((m, e)) => (m, format!("e{e}")),
            None => (&text[..], String::new()),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fill = if self.scientific { '0' } else { ' ' };
        let pad: String = std::iter::repeat_n(fill, self.right - fraction.len()).collect();
        format!("{whole:>left$}.{fraction}{pad}{exponent}", left = self.left)
    }
}

/// The number of the fewest digits to which this half is the nearest.
fn shortest_half(x: f64) -> f64 {
    let read = |digits: usize| format!("{x:.digits$e}").parse().unwrap_or(x);
    (0..5).map(read).find(|&near: &f64| Scalar::F64(near).cast(DType::F16).as_f64() == x).unwrap_or(x)
}

/// Brackets and lines.
struct Layout<'a> {
    words: &'a [String],
    shown: &'a [usize],
    /// Axes of which only the ends are shown.
    cut: &'a [bool],
    separator: &'a str,
}

impl Layout<'_> {
    /// The sub-array of axis `axis` whose first element is word `first`.
    fn nest(&self, axis: usize, first: usize, indent: &str, width: usize) -> String {
        let step: usize = self.shown[axis + 1..].iter().product();
        let axes_left = self.shown.len() - axis;
        let n = self.shown[axis];
        let mut text = String::new();
        if axes_left == 1 {
            let mut line = indent.to_owned();
            // One column is kept for a separator or bracket.
            let width = width - 1;
            let mut extend = |word: &str, last: bool| {
                if line.len() + word.len() > width && line.len() > indent.len() {
                    text.push_str(line.trim_end());
                    text.push('\n');
                    line = indent.to_owned();
                }
                line.push_str(word);
                if !last {
                    line.push_str(self.separator);
                }
            };
            for i in 0..n {
                if self.cut[axis] && i == EDGE {
                    extend("...", false);
                }
                extend(&self.words[first + i], i + 1 == n);
            }
            text.push_str(&line);
        } else {
            let end = self.separator.trim_end().to_owned() + &"\n".repeat(axes_left - 1);
            let deeper = format!("{indent} ");
            for i in 0..n {
                if self.cut[axis] && i == EDGE {
                    text.push_str(&format!("{indent}...{end}"));
                }
                text.push_str(indent);
                text.push_str(&self.nest(axis + 1, first + i * step, &deeper, width - 1));
                if i + 1 < n {
                    text.push_str(&end);
                }
            }
        }
        format!("[{}]", &text[indent.len()..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Index;

    fn text(shape: &[usize], x: &[f64]) -> String {
        Array::from_slice(shape, x).unwrap().to_string()
    }

    // Each expected text was printed by NumPy 2.
    #[test]
    fn prints_as_numpy() {
        assert_eq!(text(&[3], &[1.0, 2.5, 0.125]), "[1.    2.5   0.125]");
        assert_eq!(text(&[2, 2], &[1.0, -2.0, 10.0, 0.0]), "[[ 1. -2.]\n [10.  0.]]");
        assert_eq!(text(&[2], &[1e-5, 1.25]), "[1.00e-05 1.25e+00]");
        assert_eq!(text(&[3], &[f64::NAN, f64::INFINITY, 1.5]), "[nan inf 1.5]");
        assert_eq!(text(&[2], &[1.0 / 3.0, 2.0]), "[0.33333333 2.        ]");
        assert_eq!(text(&[], &[2.5]), "2.5");
        assert_eq!(text(&[0], &[]), "[]");
        assert_eq!(text(&[1, 2, 1], &[1.0, 2.0]), "[[[1.]\n  [2.]]]");
        let long: Vec<f64> = (0..30).map(f64::from).collect();
        let want = "[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.\n 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.]";
        assert_eq!(text(&[30], &long), want);
        let bools = Array::from_slice(&[2], &[true, false]).unwrap();
        assert_eq!(bools.to_string(), "[ True False]");
        let z = Array::from_slice(&[1], &[crate::dtype::Complex64::new(1.0, -2.0)]).unwrap();
        assert_eq!(z.to_string(), "[1.-2.j]");
    }

    #[test]
    fn summary_shows_the_corners() {
        let a = Array::arange(Scalar::I64(0), Scalar::I64(1001), Scalar::I64(1), None).unwrap();
        assert_eq!(a.to_string(), "[   0    1    2 ...  998  999 1000]");
        let b =
            Array::zeros(&[40, 30], DType::I64).unwrap().index(&[Index::ALL, Index::range(0, 28)]).unwrap();
        let row = "[0 0 0 ... 0 0 0]";
        let want = format!("[{row}\n {row}\n {row}\n ...\n {row}\n {row}\n {row}]");
        assert_eq!(b.to_string(), want);
    }

    #[test]
    fn repr_names_what_is_not_default() {
        let a = Array::from_slice(&[2], &[1.0f32, 2.0]).unwrap();
        assert_eq!(a.to_text(true).unwrap(), "array([1., 2.], dtype=float32)");
        let b = Array::zeros(&[0, 3], DType::F64).unwrap();
        assert_eq!(b.to_text(true).unwrap(), "array([], shape=(0, 3), dtype=float64)");
        let c = Array::from_slice(&[2, 2], &[1i64, 2, 3, 4]).unwrap();
        assert_eq!(c.to_text(true).unwrap(), "array([[1, 2],\n       [3, 4]])");
    }
}
