//! `os.time`, `os.date` and `os.difftime`, in UTC and at the time that the caller gives.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mlua::{Error, Lua, Table, Value};

pub(super) fn library(lua: &Lua, now: Timestamp) -> mlua::Result<Table> {
    let os = lua.create_table()?;
    let time = lua.create_function(move |_, fields: Option<Table>| match fields {
        None => Ok(seconds(now.as_second())),
        Some(fields) => from_fields(&fields),
    })?;
    os.raw_set("time", time)?;
    let date = lua.create_function(move |lua, (format, at): (Option<String>, Option<f64>)| {
        let at = at.map_or(Ok(now), timestamp)?;
        let format = format.unwrap_or_else(|| "%c".to_owned());
        // With or without it, this is UTC: the time zone of a controller's container.
        let format = format.trim_start_matches('!');
        if format.starts_with("*t") {
            return fields_of(lua, at).map(Value::Table);
        }
        lua.create_string(write(format, at)).map(Value::String)
    })?;
    os.raw_set("date", date)?;
    let difference = lua.create_function(|_, (later, earlier): (f64, f64)| Ok(later - earlier))?;
    os.raw_set("difftime", difference)?;
    Ok(os)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Lua has one type of number, and seconds are far below 2^53"
)]
fn seconds(whole: i64) -> f64 {
    whole as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and is then refused"
)]
fn timestamp(at: f64) -> mlua::Result<Timestamp> {
    Timestamp::from_second(at as i64).map_err(|_| Error::runtime("time out of range"))
}

/// Months and days may run over: the 32nd is the next month's, as in C's `mktime`. Missing days, months and years are -1 there, and nobody's case.
fn from_fields(fields: &Table) -> mlua::Result<f64> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is clamped")]
    let field = |name: &str, missing: i64| -> mlua::Result<i64> {
        let number: Option<f64> = fields.raw_get(name)?;
        Ok(number.map_or(missing, |number| {
            (number as i64).clamp(-1_000_000, 1_000_000)
        }))
    };
    let months = field("year", -1)? * 12 + field("month", -1)? - 1;
    let days = days_before(months.div_euclid(12), months.rem_euclid(12)) + field("day", -1)? - 1;
    let hours = days * 24 + field("hour", 12)?;
    let minutes = hours * 60 + field("min", 0)?;
    Ok(seconds(minutes * 60 + field("sec", 0)?))
}

/// Days from 1970-01-01 to the first of a month (January is 0), in the proleptic Gregorian calendar.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let is_leap = leap_days(year) > leap_days(year - 1);
    let before = usize::try_from(month)
        .ok()
        .and_then(|month| BEFORE_MONTH.get(month))
        .copied()
        .unwrap_or_default();
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
        + before
        + i64::from(is_leap && month > 1)
}

fn fields_of(lua: &Lua, at: Timestamp) -> mlua::Result<Table> {
    let at = at.to_zoned(TimeZone::UTC);
    let fields = lua.create_table()?;
    fields.raw_set("year", at.year())?;
    fields.raw_set("month", at.month())?;
    fields.raw_set("day", at.day())?;
    fields.raw_set("hour", at.hour())?;
    fields.raw_set("min", at.minute())?;
    fields.raw_set("sec", at.second())?;
    fields.raw_set("wday", at.weekday().to_sunday_one_offset())?;
    fields.raw_set("yday", at.day_of_year())?;
    fields.raw_set("isdst", false)?;
    Ok(fields)
}

fn write(format: &str, at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    let mut written = String::new();
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            written.push(character);
            continue;
        }
        let Some(flag) = rest.next() else {
            written.push('%');
            break;
        };
        let as_c = match flag {
            'a' | 'A' | 'b' | 'B' | 'd' | 'F' | 'H' | 'I' | 'j' | 'm' | 'M' | 'p' | 'P' | 'S'
            | 'w' | 'y' | 'Y' => {
                format!("%{flag}")
            }
            'c' => "%d %b %y %H:%M UTC".to_owned(),
            'x' => "%m/%d/%y".to_owned(),
            'X' => "%H:%M:%S".to_owned(),
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            '%' => "%%".to_owned(),
            other => {
                written.extend(['%', other]);
                continue;
            }
        };
        written.push_str(&at.strftime(&as_c).to_string());
    }
    written
}
