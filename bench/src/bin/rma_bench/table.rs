//! How results look: an OSU-like table, or JSON.

use crate::{Bench, Outcome};
use bench::machine;
use serde_json::{Map, Value, json};
use std::io::Write;

/// Rows of numbers under named columns; the first column is a size or a count.
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Table {
        Table {
            title: title.into(),
            columns: columns.iter().map(|name| (*name).into()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, numbers: &[f64]) {
        assert_eq!(numbers.len(), self.columns.len());
        self.rows.push(numbers.to_vec());
    }
}

/// Writes the table, and where it was made, on standard output.
pub(crate) fn print(bench: &Bench, table: &Table) -> Outcome<()> {
    let (world, options) = (&bench.world, &bench.options);
    let facts = [
        ("benchmark", options.benchmark.name()),
        ("ranks", world.size().to_string()),
        ("path", path(bench)),
        ("transport", world.transport().describe()),
        ("machine", machine::describe()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let mut out = std::io::stdout().lock();
    if options.json {
        let named = |row: &Vec<f64>| {
            let cells = table.columns.iter().cloned().zip(row.iter().map(|number| json!(number)));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        let mut document: Map<String, Value> =
            facts.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        document.insert("rows".into(), table.rows.iter().map(named).collect());
        writeln!(out, "{:#}", Value::Object(document))?;
        return Ok(());
    }
    writeln!(out, "# {}", table.title)?;
    for (name, value) in facts {
        writeln!(out, "# {name}: {value}")?;
    }
    if options.validate {
        writeln!(out, "# data validated")?;
    }
    let header: Vec<String> = table.columns.iter().map(|name| format!("{name:>18}")).collect();
    writeln!(out, "#{}", &header.concat()[1..])?;
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|number| cell(*number)).collect();
        writeln!(out, "{}", cells.concat())?;
    }
    Ok(())
}

fn cell(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e12 {
        format!("{number:>18}")
    } else {
        format!("{number:>18.3}")
    }
}

/// Which way the bytes go between rank 0 and the last one.
fn path(bench: &Bench) -> String {
    match bench.segment.mapped(bench.peer()) {
        Some(_) => "shared memory".into(),
        None => bench.world.transport().name().into(),
    }
}
