//! Pictures: latency and bandwidth over size, on logarithmic scales.
//!
//! A figure with a unit of time goes to the first panel, one of megabytes a second to the second; a panel without figures is left out.

use crate::bench::Outcome;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use serde_json::Value;
use std::path::Path;
use std::sync::Once;

/// Size of a panel in pixels.
const PANEL: (u32, u32) = (640, 480);

/// One line of a panel: what it is called, and its points.
#[derive(Debug, PartialEq)]
struct Line {
    label: String,
    points: Vec<(f64, f64)>,
}

/// Draws the documents' figures into a .svg or .png file.
pub(crate) fn draw(path: &Path, documents: &[Value]) -> Outcome<()> {
    let panels: Vec<(&str, Vec<Line>)> = [("Latency (us)", "us"), ("Bandwidth (MB/s)", "MB/s")]
        .into_iter()
        .map(|(title, unit)| (title, lines(documents, unit)))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    if panels.is_empty() {
        return Err("nothing to draw: no benchmark here has figures over sizes".into());
    }
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // An error would be that the bytes are no font.
        let _ = register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
    let size = (PANEL.0 * panels.len() as u32, PANEL.1);
    let fails = |error: String| format!("{}: {error}", path.display());
    if path.extension().is_some_and(|kind| kind == "svg") {
        let area = SVGBackend::new(path, size).into_drawing_area();
        fill(&area, &panels).map_err(fails)?;
        return Ok(());
    }
    let mut pixels = vec![0u8; 3 * size.0 as usize * size.1 as usize];
    fill(&BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area(), &panels).map_err(fails)?;
    let file = std::fs::File::create(path).map_err(|error| fails(error.to_string()))?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}

/// The figures of a unit over sizes, of every document that has any.
fn lines(documents: &[Value], unit: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for document in documents {
        let Some(columns) = document["columns"].as_array() else { continue };
        if columns.first().is_none_or(|column| column["unit"] != "bytes") {
            continue;
        }
        let of_unit: Vec<&str> =
            columns.iter().filter(|c| c["unit"] == unit).filter_map(|c| c["name"].as_str()).collect();
        // The median stands for its mean, which noise moves. Details repeat what is there, but the bandwidth behind a latency is the
        // only one of its kind.
        let has = |role: &str| of_unit.iter().any(|name| is(columns, name, role));
        let wanted = if has("beside") { "beside" } else { "figure" };
        let is_shown = |name: &&str| is(columns, name, wanted) || of_unit.len() == 1;
        let key = columns[0]["name"].as_str().unwrap_or("Size");
        let shown: Vec<&str> = of_unit.iter().filter(|name| is_shown(name)).copied().collect();
        for name in &shown {
            let point = |row: &Value| Some((row[key].as_f64()?, row[*name].as_f64()?));
            let rows = document["rows"].as_array().into_iter().flatten();
            let points: Vec<(f64, f64)> =
                rows.filter_map(point).filter(|(x, y)| *x > 0.0 && *y > 0.0).collect();
            let benchmark = document["label"].as_str().or(document["benchmark"].as_str()).unwrap_or("");
            let label = match shown.len() {
                1 => benchmark.to_owned(),
                _ => format!("{benchmark}: {}", name.trim_end_matches(" (us)").trim_end_matches(" (MB/s)")),
            };
            if !points.is_empty() {
                lines.push(Line { label, points });
            }
        }
    }
    lines
}

fn is(columns: &[Value], name: &str, role: &str) -> bool {
    columns.iter().any(|column| column["name"] == name && column["role"] == role)
}

fn fill<B: DrawingBackend>(area: &DrawingArea<B, Shift>, panels: &[(&str, Vec<Line>)]) -> Result<(), String> {
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    for (part, (title, lines)) in area.split_evenly((1, panels.len())).iter().zip(panels) {
        panel(part, title, lines).map_err(|error| error.to_string())?;
    }
    area.present().map_err(|error| error.to_string())
}

/// The powers of ten around the values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> std::ops::Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    10f64.powf(low)..10f64.powf(if high > low { high } else { low + 1.0 })
}

fn panel<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    title: &str,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let points = lines.iter().flat_map(|line| line.points.iter().copied());
    let least = points.clone().map(|(x, _)| x).fold(f64::INFINITY, f64::min);
    let most = points.clone().map(|(x, _)| x).fold(0.0, f64::max);
    let sizes = least..if most > least { most } else { least * 2.0 };
    // Latency grows to the right, and so does bandwidth, but that from nothing.
    let corner = match title.starts_with("Latency") {
        true => SeriesLabelPosition::UpperLeft,
        false => SeriesLabelPosition::LowerRight,
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(sizes.log_scale().base(2.0), decades(points.map(|(_, y)| y)).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("size in bytes")
        .y_desc(title)
        .x_labels(12)
        .x_label_formatter(&|size| bytes(*size))
        .y_label_formatter(&|value| value.to_string())
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .light_line_style(BLACK.mix(0.06))
        .bold_line_style(BLACK.mix(0.16))
        .draw()?;
    for (index, line) in lines.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(2)))?
            .label(line.label.clone())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2)));
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(corner)
        .label_font(("sans-serif", 13))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()
}

/// A size as people write it.
fn bytes(size: f64) -> String {
    let units = [(1u64 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.into_iter().find(|(unit, _)| size >= *unit as f64) {
        Some((unit, name)) => format!("{}{name}", (size / unit as f64 * 10.0).round() / 10.0),
        None => format!("{}", (size * 10.0).round() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        let columns = json!([
            {"name": "Size", "unit": "bytes", "role": "figure"}, {"name": "Latency (us)", "unit": "us", "role": "figure"},
            {"name": "Min (us)", "unit": "us", "role": "detail"}, {"name": "Bandwidth (MB/s)", "unit": "MB/s", "role": "detail"},
        ]);
        let row = |size: f64, us: f64| json!({"Size": size, "Latency (us)": us, "Min (us)": us / 2.0, "Bandwidth (MB/s)": size / us});
        json!({"benchmark": "put-latency", "columns": columns, "rows": [row(8.0, 1.5), row(1024.0, 1.5), row(1048576.0, 90.0)]})
    }

    #[test]
    fn a_line_for_each_figure_that_is_no_detail() {
        let latency = lines(&[document()], "us");
        assert_eq!(latency.len(), 1);
        assert_eq!(latency[0].label, "put-latency");
        assert_eq!(latency[0].points, [(8.0, 1.5), (1024.0, 1.5), (1048576.0, 90.0)]);
        assert_eq!(lines(&[document()], "MB/s").len(), 1);
        let barrier = json!({"benchmark": "gups", "columns": [{"name": "Words", "unit": ""}], "rows": []});
        assert!(lines(&[barrier], "us").is_empty());
    }

    #[test]
    fn scales_end_at_powers_of_ten() {
        let range = decades([1.5, 90.0].into_iter());
        assert_eq!((range.start, range.end), (1.0, 100.0));
        assert_eq!(bytes(8.0), "8");
        assert_eq!(bytes(4096.0), "4K");
    }

    #[test]
    fn both_kinds_of_picture_show_both_panels() {
        let folder = std::env::temp_dir().join(format!("microbench-plot-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (svg, png) = (folder.join("a.svg"), folder.join("a.png"));
        draw(&svg, &[document()]).unwrap();
        draw(&png, &[document()]).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            ["Latency (us)", "Bandwidth (MB/s)", "put-latency", "size in bytes"]
                .iter()
                .all(|w| text.contains(w))
        );
        assert_eq!((info.width, info.height), (2 * PANEL.0, PANEL.1));
        let is_color = |pixel: &[u8]| pixel[0].abs_diff(pixel[1]) > 40 || pixel[1].abs_diff(pixel[2]) > 40;
        let is_ink = |pixel: &[u8]| pixel.iter().all(|value| *value < 90);
        assert!(pixels.chunks(3).filter(|pixel| is_color(pixel)).count() > 500, "no lines");
        assert!(pixels.chunks(3).filter(|pixel| is_ink(pixel)).count() > 500, "no text");
        assert!(draw(&svg, &[json!({"benchmark": "init"})]).is_err());
    }
}
