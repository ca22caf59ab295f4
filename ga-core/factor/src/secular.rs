//! The eigenvalues of a diagonal matrix plus `rho z z^T`, each as its distance from the nearest element of the diagonal, so that
//! differences from any element are exact to the last digits: what orthogonal vectors take.

use num_traits::Float;

/// Steps after which a root is as good as it gets; few take more than eight.
const STEPS: usize = 200;
/// Sums that are added up side by side.
const LANES: usize = 4;

/// An eigenvalue: element `origin` of the diagonal, and this much more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root<P> {
    pub(crate) origin: usize,
    pub(crate) beyond: P,
}

/// The matrix: an ascending diagonal, the squares of `z`, none of which is zero, and a positive `rho`.
pub(crate) struct Update<'a, P> {
    pub(crate) diagonal: &'a [P],
    pub(crate) squares: &'a [P],
    pub(crate) rho: P,
}

fn two<P: Float>() -> P {
    P::one() + P::one()
}

/// The sum of `squares / (diagonal - base - x)`, and its derivative by `x`.
#[inline(always)]
fn sums<P: Float>(diagonal: &[P], squares: &[P], base: P, x: P) -> (P, P) {
    let (mut sum, mut slope) = ([P::zero(); LANES], [P::zero(); LANES]);
    let (mut ds, mut zs) = (diagonal.chunks_exact(LANES), squares.chunks_exact(LANES));
    for (d, z) in ds.by_ref().zip(zs.by_ref()) {
        for l in 0..LANES {
            let near = P::one() / ((d[l] - base) - x);
            let term = z[l] * near;
            sum[l] = sum[l] + term;
            slope[l] = slope[l] + term * near;
        }
    }
    let (mut all, mut slopes) =
        ((sum[0] + sum[1]) + (sum[2] + sum[3]), (slope[0] + slope[1]) + (slope[2] + slope[3]));
    for (d, z) in ds.remainder().iter().zip(zs.remainder()) {
        let near = P::one() / ((*d - base) - x);
        all = all + *z * near;
        slopes = slopes + *z * near * near;
    }
    (all, slopes)
}

/// The roots of `c x^2 - a x + b`, without cancellation.
fn quadratic<P: Float>(c: P, a: P, b: P) -> [P; 2] {
    let inner = a * a - two::<P>() * two::<P>() * b * c;
    let size = if inner > P::zero() { inner.sqrt() } else { P::zero() };
    let q = (a + if a < P::zero() { -size } else { size }) / two();
    [q / c, b / q]
}

impl<P: Float> Update<'_, P> {
    /// Eigenvalue `j`, counted from the least.
    pub(crate) fn root(&self, j: usize) -> Root<P> {
        let (d, z, count) = (self.diagonal, self.squares, self.diagonal.len());
        if count == 1 {
            return Root { origin: 0, beyond: self.rho * z[0] };
        }
        let inverse = P::one() / self.rho;
        // The poles that the function is told from, one on each side if there are two.
        let first = if j + 1 < count { j } else { j - 1 };
        let second = first + 1;
        let gap = d[second] - d[first];
        // The other poles' part, which varies little, in the middle of where the root may be.
        let others = |base: P, x: P| {
            inverse
                + sums(&d[..first], &z[..first], base, x).0
                + sums(&d[second + 1..], &z[second + 1..], base, x).0
        };
        let (origin, mut low, mut high, rest);
        if j + 1 < count {
            let middle = gap / two();
            rest = others(d[j], middle);
            let value = rest - z[j] / middle + z[second] / (gap - middle);
            (origin, low, high) =
                if value >= P::zero() { (j, P::zero(), middle) } else { (second, middle - gap, P::zero()) };
        } else {
            let all = z.iter().fold(P::zero(), |sum, &z| sum + z);
            (origin, low, high) = (j, P::zero(), self.rho * all);
            rest = others(d[j], high / two());
        }
        let is_inside = |x: P, low: P, high: P| x > low && x < high;
        let shift = if origin == first { gap } else { -gap };
        let (a, b) = (rest * shift + z[first] + z[second], z[origin] * shift);
        let start = quadratic(rest, a, b).into_iter().find(|&x| is_inside(x, low, high));
        let mut x = start.unwrap_or((low + high) / two());
        let base = d[origin];
        let slack = P::epsilon() * P::from(16).expect("a small number");
        for _ in 0..STEPS {
            let (left, left_slope) = sums(&d[..second], &z[..second], base, x);
            let (right, right_slope) = sums(&d[second..], &z[second..], base, x);
            let (value, slope) = (inverse + left + right, left_slope + right_slope);
            if value.abs() <= slack * (inverse + left.abs() + right.abs() + x.abs() * slope) {
                break;
            }
            if value < P::zero() {
                low = x
            } else {
                high = x
            }
            let (near, far) = ((d[first] - base) - x, (d[second] - base) - x);
            let c = value - near * left_slope - far * right_slope;
            let (a, b) = ((near + far) * value - near * far * slope, near * far * value);
            let steps = quadratic(c, a, b).into_iter().chain([-value / slope]);
            let next = steps.map(|step| x + step).find(|&x| is_inside(x, low, high));
            let next = next.unwrap_or_else(|| between(low, high));
            if next == x || !is_inside(next, low, high) {
                break;
            }
            x = next;
        }
        Root { origin, beyond: x }
    }
}

/// A number between two bounds, which may be far apart in size.
fn between<P: Float>(low: P, high: P) -> P {
    let sixteenth = P::one() / P::from(16).expect("a small number");
    match () {
        () if low == P::zero() => high * sixteenth,
        () if high == P::zero() => low * sixteenth,
        () => (low + high) / two(),
    }
}
