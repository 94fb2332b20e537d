//! Whose things are.
//!
//! A server knows the owner of each; a wanted schema speaks of few, as a rule of none. What it does not speak of is nobody's matter: it is no difference
//! and brings about no plan. But what a plan has to make again would be the property of whoever runs it, and with it the rights with which a view
//! reads and a `SECURITY DEFINER` function runs. So it is given back.

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, ObjectKind, Sayings, Schema};

/// A role as the server writes its name in a statement; none where nothing is said of it.
///
/// What is not said is like anything, so this is no equivalence: two that are like a third need not be like each other.
#[derive(Debug, Clone, Default, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(Option<String>);

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }
}

impl From<String> for Owner {
    fn from(role: String) -> Self {
        Self(Some(role))
    }
}

impl Owner {
    /// Nothing is said.
    pub(crate) const UNSAID: Self = Self(None);

    /// The role, quoted where it must be.
    pub fn role(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether it is this role's right that is taken back by a statement.
    pub fn has(&self, undo: &str) -> bool {
        self.role().is_some_and(|role| is_of(undo, role))
    }

    /// Whether it is said and is not the one that is there.
    pub(crate) fn is_not(&self, held: &Self) -> bool {
        self.0.is_some() && self.0 != held.0
    }

    /// Whose a thing will be: as it is said, or else as it is.
    fn or<'a>(&'a self, held: &'a Self) -> Option<&'a str> {
        self.role().or_else(|| held.role())
    }
}

/// Takes out of both sides the rights that are an owner's own, and leaves alone those of who runs the plan on what is somebody else's: in a scratch
/// place all things are its own, and what the wanted schema gives it there cannot be seen.
pub(crate) fn settle_rights(current: &mut Catalog, desired: &mut Catalog) {
    let user = current.user.clone();
    for (name, wanted) in &mut desired.schemas {
        let mut none = Schema::empty();
        let held = current.schemas.get_mut(name).unwrap_or(&mut none);
        let sides = [&mut wanted.rights, &mut held.rights];
        own(&user, &wanted.owner, &held.owner, sides);
        for (name, table) in &mut wanted.tables {
            match held.tables.get_mut(name) {
                None => own(&user, &table.owner, &Owner::default(), [&mut table.rights]),
                Some(held) => {
                    let sides = [&mut table.rights, &mut held.rights];
                    own(&user, &table.owner, &held.owner, sides);
                }
            }
        }
        for (kind, objects) in &mut wanted.objects {
            for (name, object) in objects {
                let held = held.objects.get_mut(kind);
                match held.and_then(|held| held.get_mut(name)) {
                    None => own(
                        &user,
                        &object.owner,
                        &Owner::default(),
                        [&mut object.rights],
                    ),
                    Some(held) => {
                        let sides = [&mut object.rights, &mut held.rights];
                        own(&user, &object.owner, &held.owner, sides);
                    }
                }
            }
        }
    }
}

/// The wanted rights come first; the others are those that are there.
fn own<const N: usize>(user: &Owner, wanted: &Owner, held: &Owner, mut sides: [&mut Sayings; N]) {
    let Some(owner) = wanted.or(held) else {
        return;
    };
    for rights in &mut sides {
        rights.retain(|undo, _| !is_of(undo, owner));
    }
    let Some(user) = user.role().filter(|user| *user != owner) else {
        return;
    };
    if let [wanted, held] = sides.as_mut_slice() {
        let theirs = held.iter().filter(|(undo, _)| is_of(undo, user));
        let theirs: Vec<_> = theirs
            .map(|(undo, said)| (undo.clone(), said.clone()))
            .collect();
        wanted.extend(theirs);
    }
}

fn is_of(undo: &str, role: &str) -> bool {
    let behind = undo.strip_suffix(role);
    behind.is_some_and(|head| head.ends_with(" FROM ") || head.ends_with(" TO "))
}

/// Whether things of this kind belong to somebody, whom a statement can change. What a table or a column owns goes with it.
pub(crate) const fn has_owner(kind: ObjectKind) -> bool {
    !matches!(
        kind,
        ObjectKind::Extension
            | ObjectKind::Cast
            | ObjectKind::Trigger
            | ObjectKind::Event
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::VirtualTable
            | ObjectKind::Other
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Engine, Object, Table};
    use crate::diff::diff;
    use crate::plan::plan;
    use crate::settings::Settings;
    use tidegate_sqlplan::Dialect;

    /// A table and a function, whose they are, and the rights on the function.
    fn catalog(owners: (&str, &str), body: &str, rights: &[(&str, &str)]) -> Catalog {
        let said = |role: &str| Owner(Some(role.to_owned()).filter(|role| !role.is_empty()));
        let mut schema = Schema::default();
        let table = Table {
            owner: said(owners.0),
            ..Table::default()
        };
        schema.tables.insert("t".to_owned(), table);
        let text = |(undo, said): &(&str, &str)| ((*undo).to_owned(), (*said).to_owned());
        let function = Object {
            definition: body.to_owned(),
            create: format!("CREATE FUNCTION f() {body}"),
            labels: vec![body.to_owned()],
            owner: said(owners.1),
            rights: rights.iter().map(text).collect(),
            ..Object::default()
        };
        let functions = [("f()".to_owned(), function)].into();
        schema.objects.insert(ObjectKind::Function, functions);
        let engine = Engine {
            dialect: Dialect::Postgres,
            version: (15, 0),
        };
        let schemas = [(String::new(), schema)].into();
        Catalog {
            schemas,
            ..Catalog::empty(engine)
        }
    }

    #[track_caller]
    fn planned(current: Catalog, desired: &Catalog, expected: &[&str]) {
        let current = Catalog {
            user: Owner::from("me".to_owned()),
            ..current
        };
        let plan = plan(&current, desired, &Settings::default()).unwrap();
        let statements = plan.statements.iter().map(|one| one.sql.as_str());
        assert_eq!(statements.collect::<Vec<_>>(), expected);
    }

    const NOTHING: &[(&str, &str)] = &[];

    #[test]
    fn what_nobody_speaks_of_is_no_difference() {
        let current = catalog(("a", "b"), "1", NOTHING);
        let desired = catalog(("", ""), "1", NOTHING);
        assert_eq!(current, desired);
        assert_eq!(diff(&current, &desired), []);
        planned(current, &desired, &[]);
    }

    #[test]
    fn what_is_said_is_planned() {
        let desired = catalog(("b", "b"), "1", NOTHING);
        assert_ne!(catalog(("a", "b"), "1", NOTHING), desired);
        planned(
            catalog(("a", "b"), "1", NOTHING),
            &desired,
            &["ALTER TABLE \"t\" OWNER TO b"],
        );
        let mine = catalog(("me", "me"), "1", NOTHING);
        planned(
            mine,
            &desired,
            &[
                "ALTER TABLE \"t\" OWNER TO b",
                "ALTER FUNCTION \"f\"() OWNER TO b",
            ],
        );
    }

    #[test]
    fn what_is_made_again_is_given_back_before_its_rights() {
        let rights = [(
            "REVOKE EXECUTE ON FUNCTION \"f\"() FROM r",
            "GRANT EXECUTE ON FUNCTION \"f\"() TO r",
        )];
        let desired = catalog(("", ""), "2", NOTHING);
        let again = ["DROP FUNCTION \"f\"()", "CREATE FUNCTION f() 2"];
        let given = "ALTER FUNCTION \"f\"() OWNER TO b";
        planned(
            catalog(("", "b"), "1", &rights),
            &desired,
            &[again[0], again[1], given, rights[0].1],
        );
        let theirs = catalog(("", "b"), "2", NOTHING);
        let mine = catalog(("", "me"), "1", NOTHING);
        planned(mine.clone(), &theirs, &[again[0], again[1], given]);
        planned(mine, &desired, &again);
    }

    #[test]
    fn what_is_new_is_given_to_whom_it_is_said_to_be_of() {
        let mut current = catalog(("me", "me"), "1", NOTHING);
        for schema in current.schemas.values_mut() {
            *schema = Schema::default();
        }
        let all = [
            "CREATE FUNCTION f() 1",
            "CREATE TABLE \"t\" ()",
            "ALTER FUNCTION \"f\"() OWNER TO b",
        ];
        planned(current, &catalog(("me", "b"), "1", NOTHING), &all);
    }

    fn pair((undo, said): &(String, String)) -> (&str, &str) {
        (undo, said)
    }

    #[test]
    fn rights_of_the_owner_and_of_who_runs_the_plan_are_left_alone() {
        let of = |role: &str| {
            let undo = format!("REVOKE EXECUTE ON FUNCTION \"f\"() FROM {role}");
            let said = format!("GRANT EXECUTE ON FUNCTION \"f\"() TO {role}");
            (undo, said)
        };
        let (me, new, other) = (of("me"), of("b"), of("r"));
        let current = catalog(("", "a"), "1", &[pair(&me), pair(&new)]);
        let desired = catalog(("", "b"), "1", &[pair(&other)]);
        let given = "ALTER FUNCTION \"f\"() OWNER TO b";
        planned(current.clone(), &desired, &[given, &other.1]);
        let desired = catalog(("", ""), "1", &[pair(&new), pair(&other), pair(&of("a"))]);
        planned(current, &desired, &[&other.1]);
    }
}
