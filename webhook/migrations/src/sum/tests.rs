use super::*;
use crate::Directory;

/// These sums were computed by a script in another language from the description of the format.
const TWO: &str = "h1:CqABLfOWHxL3OCoibX3NUHbgED6u5EO+uH7keNymQKY=
1_users.sql h1:U0uypfABsYw0AWpOUeILqtaE7XmiTYT5efEyNB9MRlY=
2_orders.sql h1:27lj+f4wqoU6wtq9aFNSoAZXKDDmeBoMe+Q4MT+OU5g=
";
const WITH_IGNORED: &str = "h1:K8+Ec5/Sf0rWL0f9+6l7ow/TbotWZP8kdpQtLfYqSuE=
1_users.sql h1:U0uypfABsYw0AWpOUeILqtaE7XmiTYT5efEyNB9MRlY=
2_orders.sql h1:Hosdrj0f4Zq2rSLhBsBCtMDzG0Rids1gyXTUZj5nN7k=
";
const USERS: (&str, &str) = ("1_users.sql", "CREATE TABLE users (id int);\n");
const ORDERS: (&str, &str) = ("2_orders.sql", "CREATE TABLE orders (id int);\n");
const IGNORED: (&str, &str) = (
    "1a_seed.sql",
    "-- atlas:sum ignore\nINSERT INTO users VALUES (1);\n",
);

fn directory(files: &[(&str, &str)], sum: &str) -> Directory {
    let files = files.iter().copied().chain([(SUM_FILE, sum)]);
    Directory::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())))
}

#[track_caller]
fn check(files: &[(&str, &str)], sum: &str, expected: &str) {
    let found = directory(files, sum)
        .verify()
        .err()
        .map(|error| error.to_string());
    let found = found.unwrap_or_default();
    let right = found.starts_with(expected) && found.is_empty() == expected.is_empty();
    assert!(right, "{expected:?} and not {found:?}");
}

#[test]
fn the_sums_are_those_of_atlas() {
    for (files, expected) in [
        (&[][..], "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"),
        (&[ORDERS, USERS], TWO),
        (&[USERS, IGNORED, ORDERS], WITH_IGNORED),
    ] {
        assert_eq!(directory(files, "").sum().text(), expected);
        assert_eq!(
            Sum::parse(expected).map(|sum| sum.text()),
            Ok(expected.to_owned())
        );
    }
}

#[test]
fn the_first_difference_is_named_with_its_line() {
    check(&[USERS, ORDERS], TWO, "");
    check(&[USERS, IGNORED, ORDERS], WITH_IGNORED, "");
    check(&[USERS, ORDERS], &TWO.replace('\n', "\r\n"), "");
    check(
        &[USERS, ("1_z.sql", ""), ORDERS],
        TWO,
        "checksum mismatch: 1_z.sql was added, atlas.sum line 3",
    );
    check(
        &[USERS, ORDERS, ("3.sql", "")],
        TWO,
        "checksum mismatch: 3.sql was added, atlas.sum line 4",
    );
    check(
        &[ORDERS],
        TWO,
        "checksum mismatch: 1_users.sql was removed, atlas.sum line 2",
    );
    check(
        &[USERS],
        TWO,
        "checksum mismatch: 2_orders.sql was removed, atlas.sum line 3",
    );
    check(
        &[USERS, (ORDERS.0, "x")],
        TWO,
        "checksum mismatch: 2_orders.sql was edited, atlas.sum line 3",
    );
}

#[test]
fn what_is_no_sum_file_is_said_so() {
    check(&[USERS], "", "checksum mismatch: atlas.sum, line 1 is not");
    check(
        &[USERS, ORDERS],
        &format!("{TWO}\n"),
        "checksum file format invalid: atlas.sum, line 4",
    );
    check(
        &[USERS, ORDERS],
        &TWO.replace("1_users.sql h1:", "<<<<<<< ours\n1_users.sql h1:"),
        "checksum file format invalid: atlas.sum, line 2",
    );
    check(
        &[USERS, ORDERS],
        &TWO.replace("CqAB", "CqAC"),
        "checksum mismatch: atlas.sum, line 1 is not",
    );
    let unsealed = Directory::new([(USERS.0.to_owned(), USERS.1.to_owned())]);
    assert_eq!(unsealed.verify(), Err(SumError::Missing));
    assert_eq!(Directory::default().verify(), Ok(()));
}

#[test]
fn base64_is_filled_up() {
    // The examples of RFC 4648.
    for (bytes, expected) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(bytes.as_bytes()), expected);
    }
}
