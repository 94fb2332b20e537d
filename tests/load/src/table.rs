//! Figures beside their targets.

/// One figure, measured several times.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Each time, in `unit`.
    pub values: Vec<f64>,
    /// Of the values.
    pub unit: &'static str,
    /// The bound that the value has to keep.
    pub target: Target,
}

/// A bound.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At most.
    Most(f64),
    /// At least.
    Least(f64),
    /// Only told.
    None,
}

impl Row {
    /// The best of all times, and the one in the middle.
    pub fn best_and_median(&self) -> (f64, f64) {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        if matches!(self.target, Target::Least(_)) {
            sorted.reverse();
        }
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        (at(0), at(sorted.len() / 2))
    }

    /// Whether the bound is kept: mostly, at best, or never.
    fn verdict(&self) -> &'static str {
        let (best, median) = self.best_and_median();
        let keeps = |value: f64| match self.target {
            Target::Most(most) => value <= most,
            Target::Least(least) => value >= least,
            Target::None => true,
        };
        match (keeps(median), keeps(best), self.target) {
            (_, _, Target::None) => "",
            (true, _, _) => "kept",
            (false, true, _) => "kept at best",
            (false, false, _) => "MISSED",
        }
    }
}

/// Prints rows in columns.
pub fn print(title: &str, rows: &[Row]) {
    let width = rows.iter().map(|row| row.what.chars().count()).max();
    let width = width.unwrap_or(0);
    println!("\n{title}");
    println!(
        "{:width$}  {:>10} {:>10} {:>12}",
        "", "best", "median", "target"
    );
    for row in rows {
        let (best, median) = row.best_and_median();
        let target = match row.target {
            Target::Most(most) => format!("<= {} {}", short(most), row.unit),
            Target::Least(least) => format!(">= {} {}", short(least), row.unit),
            Target::None => row.unit.to_owned(),
        };
        let line = format!(
            "{:width$}  {:>10} {:>10} {target:>12}  {}",
            row.what,
            short(best),
            short(median),
            row.verdict()
        );
        println!("{}", line.trim_end());
    }
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value.abs() {
        at if at >= 100.0 => format!("{value:.0}"),
        at if at >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The load of the machine in the last minute, of which the measuring itself is a part.
pub fn machine_load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], target: Target, expected: (f64, f64, &str)) {
        let what = String::new();
        let values = values.to_vec();
        let unit = "us";
        let row = Row {
            what,
            values,
            unit,
            target,
        };
        let (best, median) = row.best_and_median();
        assert_eq!((best, median, row.verdict()), expected);
    }

    #[test]
    fn the_median_decides_and_the_best_excuses() {
        check(&[3.0, 1.0, 2.0], Target::Most(2.0), (1.0, 2.0, "kept"));
        check(
            &[3.0, 1.0, 2.5],
            Target::Most(2.0),
            (1.0, 2.5, "kept at best"),
        );
        check(&[3.0, 5.0, 2.5], Target::Most(2.0), (2.5, 3.0, "MISSED"));
        check(
            &[3.0, 5.0, 2.5],
            Target::Least(4.0),
            (5.0, 3.0, "kept at best"),
        );
        check(&[3.0, 5.0, 2.5], Target::None, (2.5, 3.0, ""));
    }
}
