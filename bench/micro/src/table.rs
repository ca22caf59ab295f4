//! Rows of numbers under columns that say their unit.

/// What a column counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Bytes of one operation: the first column.
    Size,
    /// Microseconds.
    Time,
    /// Megabytes (10^6) a second.
    Rate,
    /// Operations a second.
    Operations,
    Percent,
    /// Anything else.
    Number,
}

impl Unit {
    /// As JSON has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::Size => "bytes",
            Unit::Time => "us",
            Unit::Rate => "MB/s",
            Unit::Operations => "1/s",
            Unit::Percent => "%",
            Unit::Number => "",
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) role: Role,
}

/// What a column is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// A figure of its own, to be drawn.
    Figure,
    /// Another view of the figure before it, shown with it.
    Beside,
    /// Shown in text under `--full` only.
    Detail,
}

impl Role {
    /// As JSON has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Figure => "figure",
            Role::Beside => "beside",
            Role::Detail => "detail",
        }
    }
}

/// A figure.
pub(crate) const fn column(name: &'static str, unit: Unit) -> Column {
    Column { name, unit, role: Role::Figure }
}

/// A column of `--full`.
pub(crate) const fn detail(name: &'static str, unit: Unit) -> Column {
    Column { name, unit, role: Role::Detail }
}

/// Rows of numbers; the first column is a size or a count.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<f64>>,
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, numbers: &[f64]) {
        assert_eq!(numbers.len(), self.columns.len());
        self.rows.push(numbers.to_vec());
    }
}
