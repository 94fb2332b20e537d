//! Sequences: those that a column owns are part of it, the others objects of their own.

use tidegate_schemaplan::{Identity, ObjectKind};

use super::{Reader, qualified};
use crate::postgres::sql::quoted;
use crate::postgres::wire::TextRow;

impl Reader<'_> {
    /// Sequences that a column owns become part of it; the others stay objects.
    pub(super) fn sequences(&mut self, rows: &[TextRow]) {
        for row in rows {
            let oid: u32 = row.number(0);
            let data_type = row.text(1);
            let owner: Option<(u32, i16)> = row
                .str(8)
                .and_then(|oid| oid.parse().ok())
                .map(|oid| (oid, row.number(9)));
            let owner_column = owner.and_then(|(table, number)| {
                let name = self.columns.get(&table)?.get(&number)?.clone();
                Some((table, name))
            });
            let nextval = format!("nextval('{}'::regclass)", row.text(11).replace('\'', "''"));
            let usual = owner_column.as_ref().and_then(|(table, column)| {
                let table = &self.places.get(&('c', *table))?.name;
                Some(Identity::usual_sequence(table, column))
            });
            let named = self.places.get(&('c', oid)).map(|place| &place.name);
            let sequence = named.filter(|name| usual.as_ref() != Some(*name)).cloned();
            if let Some((table, name)) = &owner_column
                && let Some(column) = self
                    .table(*table)
                    .and_then(|table| table.columns.get_mut(name))
            {
                let same_type = column.data_type == data_type;
                let options = sequence_options(row, &data_type, !same_type);
                let is_internal = row.str(10) == Some("i");
                let identity = column.identity.as_mut().filter(|_| is_internal);
                let owned = if let Some(identity) = identity {
                    identity.options.clone_from(&options);
                    identity.sequence = sequence;
                    true
                } else if column.default.as_deref() == Some(nextval.as_str()) {
                    column.identity = Some(Identity {
                        kind: "serial".to_owned(),
                        options,
                        sequence: None,
                    });
                    true
                } else {
                    false
                };
                if owned {
                    self.forget_sequence(oid);
                    continue;
                }
            } else if row.str(10) == Some("i") {
                // An inherited identity column of a partition.
                self.forget_sequence(oid);
                continue;
            }
            let owned_by = owner_column.and_then(|(table, column)| {
                let place = self.places.get(&('c', table))?;
                Some(format!(
                    "OWNED BY {}.{}",
                    qualified(&place.key, &place.name),
                    quoted(&column)
                ))
            });
            let Some(place) = self.places.get(&('c', oid)).cloned() else {
                continue;
            };
            let options = sequence_options(row, &data_type, data_type != "bigint");
            if let Some(object) = self.object(('c', oid)) {
                let name = qualified(&place.key, &place.name);
                let create = format!("CREATE SEQUENCE {name} {options}");
                create.trim_end().clone_into(&mut object.create);
                object.labels = owned_by.into_iter().collect();
                object.definition = options;
            }
        }
    }

    fn forget_sequence(&mut self, oid: u32) {
        if let Some(place) = self.places.remove(&('c', oid))
            && let Some(schema) = self.schemas.get_mut(&place.key)
            && let Some(sequences) = schema.objects.get_mut(&ObjectKind::Sequence)
        {
            sequences.remove(&place.name);
            if sequences.is_empty() {
                schema.objects.remove(&ObjectKind::Sequence);
            }
        }
    }
}

/// What differs from the defaults, which are those of the sequence's type and direction.
fn sequence_options(row: &TextRow, data_type: &str, with_type: bool) -> String {
    let (lowest, highest) = match data_type {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let start: i64 = row.number(2);
    let increment: i64 = row.number(3);
    let (minimum, maximum): (i64, i64) = (row.number(4), row.number(5));
    let cache: i64 = row.number(6);
    let (default_minimum, default_maximum) = if increment < 0 {
        (lowest, -1)
    } else {
        (1, highest)
    };
    let default_start = if increment < 0 { maximum } else { minimum };
    let mut options = Vec::new();
    if with_type {
        options.push(format!("AS {data_type}"));
    }
    for (words, value, default) in [
        ("START WITH", start, default_start),
        ("INCREMENT BY", increment, 1),
        ("MINVALUE", minimum, default_minimum),
        ("MAXVALUE", maximum, default_maximum),
        ("CACHE", cache, 1),
    ] {
        if value != default {
            options.push(format!("{words} {value}"));
        }
    }
    if row.is(7) {
        options.push("CYCLE".to_owned());
    }
    options.join(" ")
}
