//! Tables for people.

use crate::terminal;

/// The rows below each other, each column as wide as its widest cell. Cells may come from anybody.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<_> =
        rows.iter().map(|row| row.each_ref().map(|cell| terminal::safe(cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The same, further in.
pub(crate) fn indented<const N: usize>(rows: &[[String; N]]) -> String {
    let mut text = String::new();
    for line in columns(rows).lines() {
        text.extend(["  ", line, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> [[String; 2]; 3] {
        [["KEY", "STATE"], ["a", "current"], ["longer", ""]].map(|row| row.map(str::to_owned))
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(columns(&rows()), "KEY     STATE\na       current\nlonger\n");
        assert_eq!(indented(&rows()), "  KEY     STATE\n  a       current\n  longer\n");
        assert_eq!(columns::<2>(&[]), "");
    }

    #[test]
    fn width_is_counted_in_characters() {
        let rows = [["é", "x"], ["ab", "y"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "é   x\nab  y\n");
    }

    #[test]
    fn a_cell_cannot_leave_its_row() {
        let rows = [["a\nb\r\u{1b}[2J", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a\\u000ab\\u000d\\u001b[2J  c\n");
    }
}
