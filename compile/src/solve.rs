//! Whether a system of integer equalities and inequalities has a solution.
//!
//! Equalities go first, by changes of variables that keep integers integers (Gauss); then Fourier-Motzkin, each row
//! divided by the common divisor of its coefficients and its constant rounded. `false` is always right; `true` may
//! be said of a system without solutions only if some elimination has no coefficient of one, or grows too large.

/// Most rows of a system; beyond, it counts as solvable.
const MOST_ROWS: usize = 600;

/// Rows over some variables: coefficients, and last the constant.
#[derive(Debug, Clone, Default)]
pub(crate) struct System {
    variables: usize,
    equal: Vec<Vec<i64>>,
    /// `row >= 0`
    least: Vec<Vec<i64>>,
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

impl System {
    pub(crate) fn new(variables: usize) -> Self {
        System { variables, ..Self::default() }
    }

    /// Demands that a row is zero.
    pub(crate) fn equal(&mut self, row: Vec<i64>) {
        self.equal.push(row);
    }

    /// Demands that a row isn't negative.
    pub(crate) fn least(&mut self, row: Vec<i64>) {
        self.least.push(row);
    }

    /// Whether integers satisfy all rows.
    pub(crate) fn has_solution(mut self) -> bool {
        while let Some(row) = self.equal.pop() {
            match self.eliminate_equality(row) {
                Some(true) => {}
                Some(false) => return false,
                // Numbers beyond 64 bits: nothing is known.
                None => return true,
            }
        }
        self.fourier_motzkin().unwrap_or(true)
    }

    /// Removes a variable by an equality; `Some(false)` if no integers satisfy it.
    fn eliminate_equality(&mut self, mut row: Vec<i64>) -> Option<bool> {
        let n = self.variables;
        loop {
            let used: Vec<usize> = (0..n).filter(|v| row[*v] != 0).collect();
            let Some(&smallest) = used.iter().min_by_key(|v| row[**v].unsigned_abs()) else {
                return Some(row[n] == 0);
            };
            if used.len() == 1 || row[smallest].abs() == 1 {
                if row[smallest].abs() != 1 && row[n] % row[smallest] != 0 {
                    return Some(false);
                }
                // x = -(rest) / coefficient, exact in both cases.
                let coefficient = row[smallest];
                let by: Vec<i64> = row
                    .iter()
                    .enumerate()
                    .map(|(v, value)| if v == smallest { 0 } else { -value / coefficient })
                    .collect();
                for other in self.equal.iter_mut().chain(&mut self.least) {
                    let factor = std::mem::replace(&mut other[smallest], 0);
                    for (value, extra) in other.iter_mut().zip(&by) {
                        *value = value.checked_add(factor.checked_mul(*extra)?)?;
                    }
                }
                return Some(true);
            }
            // x_smallest becomes another variable, so that the other coefficients are remainders.
            for other in used.into_iter().filter(|v| *v != smallest) {
                let quotient = row[other].div_euclid(row[smallest]);
                for any in self.equal.iter_mut().chain(&mut self.least).chain([&mut row]) {
                    any[other] = any[other].checked_sub(quotient.checked_mul(any[smallest])?)?;
                }
            }
        }
    }

    fn fourier_motzkin(mut self) -> Option<bool> {
        let n = self.variables;
        loop {
            let mut rows = Vec::new();
            for mut row in std::mem::take(&mut self.least) {
                let divisor = row[..n].iter().fold(0, |sum, value| gcd(sum, *value));
                if divisor == 0 {
                    if row[n] < 0 {
                        return Some(false);
                    }
                    continue;
                }
                for value in &mut row[..n] {
                    *value /= divisor;
                }
                row[n] = row[n].div_euclid(divisor);
                rows.push(row);
            }
            // Of rows that differ in the constant alone, the narrowest.
            rows.sort();
            rows.dedup_by(|later, earlier| later[..n] == earlier[..n]);
            if rows.len() > MOST_ROWS {
                return Some(true);
            }
            let cost = |v: usize| {
                let lower = rows.iter().filter(|row| row[v] > 0).count();
                let upper = rows.iter().filter(|row| row[v] < 0).count();
                (lower + upper > 0).then_some(lower * upper)
            };
            let Some((_, v)) = (0..n).filter_map(|v| cost(v).map(|cost| (cost, v))).min() else {
                return Some(true);
            };
            let (with, without): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[v] != 0);
            self.least = without;
            for lower in with.iter().filter(|row| row[v] > 0) {
                for upper in with.iter().filter(|row| row[v] < 0) {
                    let (a, b) = (-upper[v], lower[v]);
                    let sum = lower
                        .iter()
                        .zip(upper)
                        .map(|(x, y)| a.checked_mul(*x)?.checked_add(b.checked_mul(*y)?));
                    self.least.push(sum.collect::<Option<_>>()?);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against all integers of a small box.
    #[test]
    fn agrees_with_a_search() {
        let mut state = 12345u64;
        let mut random = move |below: i64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as i64 % below
        };
        let mut differ = 0;
        for _ in 0..3000 {
            let n = 3;
            let mut system = System::new(n);
            let mut rows = Vec::new();
            for v in 0..n {
                let mut low = vec![0; n + 1];
                low[v] = 1;
                let mut high = vec![0; n + 1];
                (high[v], high[n]) = (-1, 4);
                rows.push((low, false));
                rows.push((high, false));
            }
            for k in 0..3 {
                rows.push(((0..=n).map(|_| random(7) - 3).collect(), k == 0));
            }
            for (row, is_equality) in &rows {
                if *is_equality { system.equal(row.clone()) } else { system.least(row.clone()) }
            }
            let found = (0..125i64).any(|code| {
                let x = [code % 5, code / 5 % 5, code / 25];
                rows.iter().all(|(row, is_equality)| {
                    let value = row[n] + (0..n).map(|v| row[v] * x[v]).sum::<i64>();
                    if *is_equality { value == 0 } else { value >= 0 }
                })
            });
            let said = system.has_solution();
            assert!(said || !found, "{rows:?}");
            differ += usize::from(said != found);
        }
        // Coefficients up to three: what Fourier-Motzkin can't see is rare.
        assert!(differ < 30, "{differ}");
    }
}
