//! Tables and times in text output.

use std::time::Duration;

use latchkey_token::Timestamp;

use crate::output::safe;

/// A table that is written in parts: a column is as wide as its widest cell so far.
#[derive(Default)]
pub(crate) struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// Columns with minimum widths.
    pub(crate) fn at_least(widths: &[usize]) -> Self {
        Self { widths: widths.to_vec() }
    }

    /// The next rows. Cells are escaped for a terminal.
    pub(crate) fn rows(&mut self, rows: &[impl AsRef<[String]>]) -> String {
        let cells = |row: &[String]| row.iter().map(|cell| safe(cell)).collect::<Vec<_>>();
        let rows: Vec<_> = rows.iter().map(|row| cells(row.as_ref())).collect();
        let count = rows.iter().map(Vec::len).max().unwrap_or_default();
        self.widths.resize(self.widths.len().max(count), 0);
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(&self.widths).map(|(cell, &width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// A table with columns as wide as their widest cell. Cells are escaped for a terminal.
pub(crate) fn columns(rows: &[impl AsRef<[String]>]) -> String {
    Columns::default().rows(rows)
}

/// The same table, indented.
pub(crate) fn indented(rows: &[impl AsRef<[String]>]) -> String {
    let mut text = String::new();
    for line in columns(rows).lines() {
        text.extend(["  ", line, "\n"]);
    }
    text
}

/// A duration in its largest unit, rounded down: `59 s`, `59 min`, `47 h`, `2 d`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} d", seconds / 86_400),
    }
}

/// A moment relative to `now`: `3 d ago`, `in 12 min`.
pub(crate) fn relative(moment: Timestamp, now: Timestamp) -> String {
    if moment > now {
        format!("in {}", duration(moment.since(now)))
    } else {
        format!("{} ago", duration(now.since(moment)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_its_largest_unit() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (30 * 86_400, "30 d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_moment_is_shown_relative_to_now() {
        let at = Timestamp::from_unix;
        assert_eq!(relative(at(100), at(100)), "0 s ago");
        assert_eq!(relative(at(100), at(160)), "1 min ago");
        assert_eq!(relative(at(160), at(100)), "in 1 min");
        assert_eq!(relative(at(0), at(u64::MAX)), format!("{} d ago", u64::MAX / 86_400));
    }
}
