//! How results look: a table as OSU's, JSON, or comma-separated values.

use crate::bench::{Bench, Outcome, Place};
use crate::table::{Column, Role, Table, Unit};
use crate::{machine, write_out};
use serde_json::{Map, Value, json};

/// Width of the first column and of the others, as OSU's.
const FIRST: usize = 10;
const OTHERS: usize = 20;

/// All that a benchmark found, and where: what `--json` prints.
pub(crate) fn document(bench: &Bench, nodes: u64, table: &Table) -> Value {
    let settings = bench.settings;
    let named = |row: &Vec<f64>| {
        let cells =
            table.columns.iter().zip(row).map(|(column, number)| (column.name.to_owned(), json!(number)));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    let column = |column: &Column| json!({"name": column.name, "unit": column.unit.name(), "role": column.role.name()});
    json!({
        "benchmark": bench.benchmark.name,
        "what": bench.benchmark.line,
        "ranks": bench.world.size(),
        "nodes": nodes,
        "path": path(bench),
        "transport": bench.world.transport().describe(),
        "machine": machine::describe(),
        "version": env!("CARGO_PKG_VERSION"),
        "window": settings.window,
        "target": format!("{:?}", settings.target).to_lowercase(),
        "buffers": format!("{:?}", settings.buffers).to_lowercase(),
        "columns": table.columns.iter().map(column).collect::<Vec<_>>(),
        "rows": table.rows.iter().map(named).collect::<Vec<_>>(),
    })
}

/// Writes it on standard output in the form asked for.
pub(crate) fn print(bench: &Bench, table: &Table, document: &Value) -> Outcome<()> {
    let Place { index, count } = bench.place;
    let (is_first, is_last) = (index == 0, index + 1 == count);
    if bench.settings.json {
        let (open, close) = match (count, is_first, is_last) {
            (1, ..) => ("", "\n"),
            (_, true, _) => ("[\n", ",\n"),
            (_, _, true) => ("", "\n]\n"),
            _ => ("", ",\n"),
        };
        return write_out(&format!("{open}{document:#}{close}"));
    }
    let gap = if is_first { "" } else { "\n" };
    let text = if bench.settings.csv { csv(bench, table) } else { text(bench, table, document) };
    write_out(&format!("{gap}{text}"))
}

fn text(bench: &Bench, table: &Table, document: &Value) -> String {
    let mut text = format!("# gain {}: {}\n", bench.benchmark.name, bench.benchmark.line);
    let ranks = format!("{} on {} nodes", document["ranks"], document["nodes"]);
    text += &format!("# ranks: {}\n", ranks.replace("on 1 nodes", "on one node"));
    for name in ["path", "transport", "machine", "version"] {
        text += &format!("# {name}: {}\n", document[name].as_str().unwrap_or_default());
    }
    if bench.settings.validate {
        text += "# data validated\n";
    }
    let is_shown = |column: &Column| bench.settings.full || column.role != Role::Detail;
    let header = table.columns.iter().filter(|column| is_shown(column)).map(|column| column.name.to_owned());
    text += &line(header.enumerate().map(|(i, name)| if i == 0 { format!("# {name}") } else { name }));
    for row in &table.rows {
        let cells = table.columns.iter().zip(row).filter(|(column, _)| is_shown(column));
        text += &line(cells.map(|(column, number)| cell(column.unit, *number)));
    }
    text
}

/// Cells in columns.
pub(crate) fn line(cells: impl Iterator<Item = String>) -> String {
    let padded = cells.enumerate().map(|(index, cell)| match index {
        0 => format!("{cell:<FIRST$}"),
        _ => format!("{cell:>OTHERS$}"),
    });
    padded.collect::<String>() + "\n"
}

/// A number: whole ones as they are, small ones with three digits after the point, others with two.
pub(crate) fn cell(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Size => format!("{number:.0}"),
        _ if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Unit::Number if number.abs() < 0.1 => format!("{number:.6}"),
        _ if number.abs() < 10.0 => format!("{number:.3}"),
        _ => format!("{number:.2}"),
    }
}

/// A line of names, then a line for each row; the benchmark's name is the first of each.
fn csv(bench: &Bench, table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut text = format!("Benchmark,{}\n", names.join(","));
    for row in &table.rows {
        let numbers: Vec<String> = row.iter().map(f64::to_string).collect();
        text += &format!("{},{}\n", bench.benchmark.name, numbers.join(","));
    }
    text
}

/// Which way the bytes go between rank 0 and its peer.
fn path(bench: &Bench) -> String {
    match bench.segment.mapped(bench.peer()) {
        Some(_) => "shared memory".into(),
        None => bench.world.transport().name().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_osus() {
        let cells = ["# Size", "Latency (us)"].map(str::to_owned);
        assert_eq!(line(cells.into_iter()), "# Size            Latency (us)\n");
        assert_eq!(
            line([cell(Unit::Size, 8.0), cell(Unit::Time, 1.3)].into_iter()),
            "8                        1.300\n"
        );
    }

    #[test]
    fn numbers_have_the_digits_they_are_worth() {
        assert_eq!(cell(Unit::Time, 0.0123), "0.012");
        assert_eq!(cell(Unit::Rate, 12345.678), "12345.68");
        assert_eq!(cell(Unit::Number, 0.0123), "0.012300");
        assert_eq!(cell(Unit::Size, 4194304.0), "4194304");
    }
}
