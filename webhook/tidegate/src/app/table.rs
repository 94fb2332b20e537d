//! Columns, as wide as they have to be, two spaces apart.

/// Draws rows under a head. Trailing spaces are left out.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths
            .chain(head.get(column).map(|cell| cell.len()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut drawn = String::new();
        for (cell, width) in cells.zip(&widths) {
            // A line break in a message would break the table.
            let cell = cell.replace('\n', " ");
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()) + 2);
            drawn.push_str(&cell);
            drawn.push_str(&gap);
        }
        text.push_str(drawn.trim_end());
        text.push('\n');
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let rows = [
            row(&["web", "Synced", ""]),
            row(&["a-long-name", "", "two\nlines"]),
        ];
        assert_eq!(
            table(&["NAME", "STATUS", "MESSAGE"], &rows),
            "NAME         STATUS  MESSAGE\nweb          Synced\na-long-name          two lines\n"
        );
    }
}
