//! Aligned tables and CSV.

use std::fmt::{self, Write as _};

/// A table with a heading; its columns are as wide as their widest cell.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(heading: [&str; N]) -> Self {
        Self {
            rows: vec![heading.map(str::to_owned)],
        }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        // A cell of a foreign name must not move the cursor.
        self.rows
            .push(cells.map(|cell| cell.replace(char::is_control, "?")));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(line, "{cell:width$}  ");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Returns a line of CSV (RFC 4180). A text that a spreadsheet would run as a formula is quoted as text.
pub(crate) fn csv_line<const N: usize>(cells: [&str; N]) -> String {
    let cells = cells.map(|cell| {
        let is_formula = cell.starts_with(['=', '@', '\t', '\r']);
        let cell = if is_formula {
            format!("'{cell}")
        } else {
            cell.to_owned()
        };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    cells.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_are_replaced() {
        let mut table = Table::new(["ID", "NAME", "X"]);
        table.row(["1001".into(), "a\u{1b}[31mb".into(), String::new()]);
        assert_eq!(table.to_string(), "ID    NAME     X\n1001  a?[31mb\n");
    }

    #[test]
    fn csv_is_quoted_where_needed() {
        assert_eq!(csv_line(["a", "b,c", "d\"e"]), "a,\"b,c\",\"d\"\"e\"\n");
        assert_eq!(csv_line(["=1+1", "+1 555", ""]), "'=1+1,+1 555,\n");
    }
}
