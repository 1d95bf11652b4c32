//! A plain table: columns as wide as their widest cell, numbers to the right.

/// Rows of text under a header. Columns whose title begins with `>` are written to the right.
#[derive(Debug)]
pub(crate) struct Table {
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        Self { titles: titles.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([title(self.titles[column]).0.len()]).max().unwrap_or(0)
    }

    fn line<'a>(&self, cells: impl Fn(usize) -> &'a str) -> String {
        let mut line = String::new();
        for (column, name) in self.titles.iter().enumerate() {
            let width = self.width(column);
            let cell = match title(name).1 {
                Side::Left => format!("{:<width$}  ", cells(column)),
                Side::Right => format!("{:>width$}  ", cells(column)),
            };
            line.push_str(&cell);
        }
        line.trim_end().to_owned()
    }
}

enum Side {
    Left,
    Right,
}

fn title(text: &'static str) -> (&'static str, Side) {
    text.strip_prefix('>').map_or((text, Side::Left), |text| (text, Side::Right))
}

/// A line break or a control character in a name must not change the table, nor the terminal.
fn one_line(cell: &str) -> String {
    cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.line(|column| title(self.titles[column]).0))?;
        for row in &self.rows {
            write!(f, "\n{}", self.line(|column| row.get(column).map_or("", String::as_str)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["SKU", ">UNITS", "NODE"]);
        table.row(["P000001".into(), "12".into(), "S1".into()]);
        table.row(["Ä".into(), "1000000".into(), String::new()]);
        let text = "SKU        UNITS  NODE\nP000001       12  S1\nÄ        1000000";
        assert_eq!(table.to_string(), text);
    }

    #[test]
    fn control_characters_in_a_cell_stay_out_of_the_terminal() {
        let mut table = Table::new(&["NAME"]);
        table.row(["a\nb\u{1b}[2J".into()]);
        assert_eq!(table.to_string(), "NAME\na b [2J");
    }
}
