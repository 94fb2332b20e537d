//! The real database's own name in a wanted schema: `shop.users`, `USE shop`, `CREATE DATABASE shop`.
//!
//! Dumps and hand-written schemas say which database they are for, and the text is tried out in another one. The name is taken out before, where it names
//! the database for certain; what is left of it is refused like any other database's.

use std::borrow::Cow;
use std::ops::Range;

use super::outside::database_at;
use super::sql::quote;
use super::tokens::{Token, spans};

/// What stands for a statement that has nothing to do, so that those behind it keep their numbers.
const NOTHING: &str = "DO 0";

/// The statement as it is meant for the database that it names, tried out in another one: without that name. `USE` and `CREATE DATABASE` with it do
/// nothing then, unless the latter says which characters the database's tables have. Any other database's name stays, and is refused.
pub(super) fn without_own_name<'a>(sql: &'a str, own: &str) -> Cow<'a, str> {
    if !sql.contains(own) && !sql.contains(&own.replace('`', "``")) {
        return Cow::Borrowed(sql);
    }
    let spans = spans(sql);
    let (tokens, places): (Vec<Token>, Vec<Range<usize>>) = spans.into_iter().unzip();
    let is = |index: usize, word: &str| tokens.get(index).is_some_and(|token| token.is(word));
    let is_own = |index: usize| matches!(tokens.get(index), Some(Token::Name(name)) if name == own);
    if is(0, "use") && is_own(1) && tokens.len() == 2 {
        return Cow::Borrowed(NOTHING);
    }
    if is(1, "database") || is(1, "schema") {
        let name = if is(2, "if") && is(3, "not") { 5 } else { 2 };
        let behind = places.get(name).and_then(|place| sql.get(place.end..));
        let said = behind.unwrap_or_default();
        if !is_own(name) || !(is(0, "create") || is(0, "alter")) {
            return Cow::Borrowed(sql);
        }
        return if said.trim().is_empty() {
            Cow::Borrowed(NOTHING)
        } else {
            Cow::Owned(format!("ALTER DATABASE{said}"))
        };
    }
    let databases = [own.to_owned()];
    let mut made = String::with_capacity(sql.len());
    let mut at = 0;
    for (index, place) in places.iter().enumerate() {
        let named = place.start >= at && database_at(&tokens, index, &databases) == Some(own);
        if let (true, Some(object)) = (named, places.get(index + 2)) {
            made.push_str(sql.get(at..place.start).unwrap_or_default());
            // Behind a dot any word is a name; alone, one of SQL's own is not.
            let name = sql.get(object.clone()).unwrap_or_default();
            if name.starts_with('`') {
                made.push_str(name);
            } else {
                made.push_str(&quote(name));
            }
            at = object.end;
        }
    }
    made.push_str(sql.get(at..).unwrap_or_default());
    Cow::Owned(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_that_is_meant_may_be_named() {
        for (sql, expected) in [
            ("USE shop", "DO 0"),
            ("use `shop`", "DO 0"),
            ("USE other", "USE other"),
            ("CREATE DATABASE IF NOT EXISTS `shop`", "DO 0"),
            (
                "CREATE DATABASE shop DEFAULT CHARACTER SET latin1",
                "ALTER DATABASE DEFAULT CHARACTER SET latin1",
            ),
            (
                "ALTER DATABASE shop COLLATE utf8mb4_bin",
                "ALTER DATABASE COLLATE utf8mb4_bin",
            ),
            ("DROP DATABASE shop", "DROP DATABASE shop"),
            (
                "CREATE TABLE `shop` . users (id int, CHECK (users.id > 0))",
                "CREATE TABLE `users` (id int, CHECK (users.id > 0))",
            ),
            (
                "CREATE VIEW v AS SELECT shop.users.id, 'shop.users' FROM (shop.users JOIN other.t)",
                "CREATE VIEW v AS SELECT `users`.id, 'shop.users' FROM (`users` JOIN other.t)",
            ),
            (
                "CREATE VIEW shop.v AS SELECT shop.f(shop.id) FROM users shop",
                "CREATE VIEW `v` AS SELECT shop.f(shop.id) FROM users shop",
            ),
            (
                "CREATE TABLE shop.lines (a int REFERENCES shop.`groups` (a))",
                "CREATE TABLE `lines` (a int REFERENCES `groups` (a))",
            ),
            ("CREATE TABLE SHOP.t (a int)", "CREATE TABLE SHOP.t (a int)"),
        ] {
            assert_eq!(without_own_name(sql, "shop"), expected, "{sql}");
        }
    }
}
