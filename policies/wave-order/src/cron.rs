//! Schedules as Argo CD reads them: five fields of robfig's cron, or a descriptor such as `@daily`.

/// What is wrong with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It cannot be read.
    Unreadable,
    /// No day is ever on it.
    NeverFires,
}

const DESCRIPTORS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Days of each month, in a leap year.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Why a schedule opens no window; none when it opens one some day.
pub(crate) fn problem(schedule: &str) -> Option<Problem> {
    let schedule = schedule.trim();
    if schedule.starts_with('@') {
        let known = DESCRIPTORS.contains(&schedule) || schedule.starts_with("@every ");
        return (!known).then_some(Problem::Unreadable);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return Some(Problem::Unreadable);
    };
    let read = (
        values(minute, 0, 59, &[]),
        values(hour, 0, 23, &[]),
        values(day, 1, 31, &[]),
        values(month, 1, 12, &MONTHS),
        values(weekday, 0, 6, &WEEKDAYS),
    );
    let (Some(_), Some(_), Some(days), Some(months), Some(_)) = read else {
        return Some(Problem::Unreadable);
    };
    // A day of the week that is given fires as well, whatever the day of the month.
    let any_weekday = weekday.starts_with(['*', '?']);
    let possible = months.iter().any(|month| {
        let length = (*month as usize)
            .checked_sub(1)
            .and_then(|index| DAYS.get(index));
        length.is_some_and(|length| days.iter().any(|day| day <= length))
    });
    (any_weekday && !possible).then_some(Problem::NeverFires)
}

/// The values of one field: `*`, `?`, `5`, `1-5`, `*/10`, `1-31/2`, `MON`, and lists of these.
fn values(field: &str, low: u32, high: u32, names: &[&str]) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let number = |text: &str| {
            let named = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(text));
            named
                .and_then(|index| u32::try_from(index).ok())
                .map(|index| index + low)
                .or_else(|| text.parse().ok())
        };
        let (from, to) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from < low || to > high || from > to {
            return None;
        }
        all.extend((from..=to).step_by(usize::try_from(step).ok()?));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_argo_cd_does() {
        use Problem::{NeverFires, Unreadable};
        for (schedule, expected) in [
            ("0 22 * * *", None),
            ("*/15 9-17 * * 1-5", None),
            ("0 0 1,15 JAN-MAR MON", None),
            ("0 0 29 2 *", None),
            ("@daily", None),
            ("@every 1h", None),
            ("0 0 30 2 *", Some(NeverFires)),
            ("0 0 31 2,4,6 *", Some(NeverFires)),
            ("0 0 30 2 1", None),
            ("0 25 * * *", Some(Unreadable)),
            ("60 * * * *", Some(Unreadable)),
            ("* * * *", Some(Unreadable)),
            ("0 0 * * * *", Some(Unreadable)),
            ("0 0 0 * *", Some(Unreadable)),
            ("0 0 * 13 *", Some(Unreadable)),
            ("0 0 * * 7", Some(Unreadable)),
            ("*/0 * * * *", Some(Unreadable)),
            ("@noon", Some(Unreadable)),
            ("", Some(Unreadable)),
        ] {
            assert_eq!(problem(schedule), expected, "{schedule:?}");
        }
    }
}
