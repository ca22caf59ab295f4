//! Tables: what, median, quartiles, and the figure to reach beside it.
//!
//! The output is a Markdown table whose columns are aligned, so that it reads in a terminal and can be pasted into the
//! book. Rows that fall short end in `short`; `bench/run.sh` counts them.

use crate::sample::Spread;

/// A bound that a median should keep.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// No figure was set.
    None,
    /// Good when the median is at most this.
    AtMost(f64),
    /// Good when the median is at least this.
    AtLeast(f64),
}

/// How a number is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Nanoseconds; shown in ns, µs, ms or s.
    Time,
    /// Bytes per nanosecond, that is GB/s.
    Rate,
    /// A quotient.
    Ratio,
    /// A plain count.
    Count,
}

/// One line of a table.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    unit: Unit,
    spread: Spread,
    reach: Reach,
}

impl Row {
    /// A row without a figure to reach.
    pub fn new(what: impl Into<String>, unit: Unit, spread: Spread) -> Row {
        Row { what: what.into(), unit, spread, reach: Reach::None }
    }

    /// Good when the median is at most `bound`.
    pub fn at_most(self, bound: f64) -> Row {
        Row { reach: Reach::AtMost(bound), ..self }
    }

    /// Good when the median is at least `bound`.
    pub fn at_least(self, bound: f64) -> Row {
        Row { reach: Reach::AtLeast(bound), ..self }
    }

    /// Is the figure reached? Rows without a figure always are.
    pub fn is_reached(&self) -> bool {
        match self.reach {
            Reach::None => true,
            Reach::AtMost(bound) => self.spread.median <= bound,
            Reach::AtLeast(bound) => self.spread.median >= bound,
        }
    }

    fn cells(&self) -> [String; 5] {
        let show = |value| show(self.unit, value);
        let (reach, verdict) = match self.reach {
            Reach::None => (String::new(), ""),
            Reach::AtMost(bound) => (format!("<= {}", show(bound)), self.verdict()),
            Reach::AtLeast(bound) => (format!(">= {}", show(bound)), self.verdict()),
        };
        let quartiles = format!("{} - {}", show(self.spread.lower), show(self.spread.upper));
        [self.what.clone(), show(self.spread.median), quartiles, reach, verdict.into()]
    }

    fn verdict(&self) -> &'static str {
        if self.is_reached() { "ok" } else { "short" }
    }
}

/// A number with its unit, three digits.
pub fn show(unit: Unit, value: f64) -> String {
    let digits = |value: f64| match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    match unit {
        Unit::Time if value < 999.5 => format!("{} ns", digits(value)),
        Unit::Time if value < 999.5e3 => format!("{} us", digits(value / 1e3)),
        Unit::Time if value < 999.5e6 => format!("{} ms", digits(value / 1e6)),
        Unit::Time => format!("{} s", digits(value / 1e9)),
        Unit::Rate => format!("{} GB/s", digits(value)),
        Unit::Ratio => format!("{value:.2}x"),
        Unit::Count => format!("{value:.0}"),
    }
}

/// The table as text: a heading, a header and the rows.
pub fn table(title: &str, rows: &[Row]) -> String {
    let header = ["", "median", "quartiles", "reach", ""].map(String::from);
    let cells: Vec<[String; 5]> = std::iter::once(header).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let inner: Vec<String> = (0..5).map(|c| pad(&row[c], widths[c], c > 0 && c < 4)).collect();
        format!("| {} |\n", inner.join(" | "))
    };
    let rule: [String; 5] = std::array::from_fn(|c| {
        if c > 0 && c < 4 { "-".repeat(widths[c] - 1) + ":" } else { "-".repeat(widths[c]) }
    });
    let body: String = cells[1..].iter().map(line).collect();
    format!("\n### {title}\n\n{}{}{body}", line(&cells[0]), line(&rule))
}

fn pad(text: &str, width: usize, to_the_right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
    if to_the_right { blanks + text } else { text.to_owned() + &blanks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: f64) -> Spread {
        Spread { lower: value, median: value, upper: value }
    }

    #[test]
    fn numbers_have_three_digits_and_the_right_unit() {
        assert_eq!(show(Unit::Time, 7.856), "7.86 ns");
        assert_eq!(show(Unit::Time, 1234.0), "1.23 us");
        assert_eq!(show(Unit::Time, 9.1e6), "9.10 ms");
        assert_eq!(show(Unit::Rate, 123.4), "123 GB/s");
        assert_eq!(show(Unit::Ratio, 0.954), "0.95x");
    }

    #[test]
    fn a_bound_is_kept_from_its_own_side() {
        assert!(Row::new("t", Unit::Time, flat(8.0)).at_most(8.0).is_reached());
        assert!(!Row::new("t", Unit::Time, flat(8.1)).at_most(8.0).is_reached());
        assert!(!Row::new("r", Unit::Ratio, flat(0.94)).at_least(0.95).is_reached());
    }

    #[test]
    fn all_lines_of_a_table_are_equally_long() {
        let rows =
            [Row::new("put 8 B", Unit::Time, flat(8.0)).at_most(8.0), Row::new("x", Unit::Count, flat(1e6))];
        let text = table("title", &rows);
        let lengths: Vec<usize> =
            text.lines().filter(|l| l.starts_with('|')).map(|l| l.chars().count()).collect();
        assert_eq!(lengths.len(), 4);
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{text}");
    }
}
