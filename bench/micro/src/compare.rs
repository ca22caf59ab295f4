//! Two files of `--json` side by side.

use crate::bench::Outcome;
use crate::output::{cell, line};
use crate::table::Unit;
use crate::{plot, write_out};
use serde_json::Value;
use std::path::Path;

/// The documents of a file: one, or a list.
fn read(path: &Path) -> Outcome<Vec<Value>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let documents = match value {
        Value::Array(documents) => documents,
        document => vec![document],
    };
    let is_ours = |document: &Value| document["benchmark"].is_string() && document["rows"].is_array();
    if documents.is_empty() || !documents.iter().all(is_ours) {
        return Err(format!("{}: not made by `gain bench --json`", path.display()).into());
    }
    Ok(documents)
}

/// Prints, for every benchmark of both files, the figures of each and their quotient; draws both if `picture` is given.
pub(crate) fn run(first: &Path, second: &Path, picture: Option<&Path>) -> Outcome<()> {
    let (ours, theirs) = (read(first)?, read(second)?);
    let pairs: Vec<(&Value, &Value)> = ours
        .iter()
        .filter_map(|one| Some((one, theirs.iter().find(|other| other["benchmark"] == one["benchmark"])?)))
        .collect();
    if pairs.is_empty() {
        return Err(
            format!("{} and {} have no benchmark in common", first.display(), second.display()).into()
        );
    }
    let mut text = format!("# A: {}\n# B: {}\n", first.display(), second.display());
    for (one, other) in &pairs {
        text += &compared(one, other);
    }
    write_out(&text)?;
    if let Some(picture) = picture {
        let named = |document: &Value, name: &str| {
            let mut document = document.clone();
            document["label"] = format!("{} {name}", document["benchmark"].as_str().unwrap_or("")).into();
            document
        };
        let all: Vec<Value> =
            pairs.iter().flat_map(|(one, other)| [named(one, "A"), named(other, "B")]).collect();
        plot::draw(picture, &all)?;
    }
    Ok(())
}

/// The name of the first column, and of the one that is worth comparing: a median, which noise moves least, else the first figure.
fn columns(document: &Value) -> Option<(&str, &str, Unit)> {
    let columns = document["columns"].as_array()?;
    let is_median = |column: &&Value| column["role"] == "beside";
    let unit = |column: &Value| match column["unit"].as_str() {
        Some("us") => Unit::Time,
        Some("MB/s") => Unit::Rate,
        _ => Unit::Number,
    };
    let figure = columns.iter().find(is_median).or(columns.get(1))?;
    Some((columns[0]["name"].as_str()?, figure["name"].as_str()?, unit(figure)))
}

fn compared(one: &Value, other: &Value) -> String {
    let Some((key, figure, unit)) = columns(one) else { return String::new() };
    let mut text = format!("\n# {}: {figure}\n", one["benchmark"].as_str().unwrap_or_default());
    for name in ["ranks", "nodes", "path", "transport", "window", "target", "machine", "version"] {
        if one[name] != other[name] {
            text += &format!("# {name}: A {}, B {}\n", one[name], other[name]);
        }
    }
    text += &line([format!("# {key}"), "A".into(), "B".into(), "B / A".into()].into_iter());
    let rows = |document: &Value| document["rows"].as_array().cloned().unwrap_or_default();
    let (mut logs, mut count) = (0.0, 0);
    for row in rows(one) {
        let Some(partner) = rows(other).into_iter().find(|partner| partner[key] == row[key]) else {
            continue;
        };
        let (Some(size), Some(a), Some(b)) =
            (row[key].as_f64(), row[figure].as_f64(), partner[figure].as_f64())
        else {
            continue;
        };
        if a > 0.0 && b > 0.0 {
            logs += (b / a).ln();
            count += 1;
        }
        let cells = [cell(Unit::Size, size), cell(unit, a), cell(unit, b), format!("{:.3}", b / a)];
        text += &line(cells.into_iter());
    }
    if count > 1 {
        text += &format!("# geometric mean of B / A: {:.3}\n", (logs / f64::from(count)).exp());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(ranks: usize, figures: &[(f64, f64)]) -> Value {
        let rows: Vec<Value> =
            figures.iter().map(|(size, us)| json!({"Size": size, "Latency (us)": us})).collect();
        let columns = json!([{"name": "Size", "unit": "bytes"}, {"name": "Latency (us)", "unit": "us"}]);
        json!({"benchmark": "put-latency", "ranks": ranks, "columns": columns, "rows": rows})
    }

    #[test]
    fn rows_of_the_same_size_meet() {
        let text = compared(
            &document(2, &[(8.0, 1.0), (16.0, 2.0)]),
            &document(3, &[(8.0, 2.0), (16.0, 16.0), (32.0, 1.0)]),
        );
        let rows: Vec<Vec<&str>> =
            text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(rows[1..], [vec!["8", "1", "2", "2.000"], vec!["16", "2", "16", "8.000"]]);
        assert!(text.contains("# ranks: A 2, B 3\n"), "{text}");
        assert!(text.contains("geometric mean of B / A: 4.000"), "{text}");
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let path = std::env::temp_dir().join(format!("microbench-{}.json", std::process::id()));
        std::fs::write(&path, "{\"rows\": 3}").unwrap();
        let outcome = read(&path);
        std::fs::remove_file(&path).unwrap();
        assert!(outcome.unwrap_err().to_string().contains("not made by"));
        assert!(read(Path::new("/nowhere.json")).is_err());
    }
}
