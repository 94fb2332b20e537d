//! The committed bindings are what the generator makes of policy.wit; `UPDATE=1 cargo test -p tidegate-policy-sdk` renews them.
//!
//! Committed rather than made by a macro, because the macro and its parser are 40 crates that every policy would build.

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

#[test]
fn bindings_are_fresh() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = here.join("src/bindings.rs");
    let expected = generate(&here.join("../wit"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&committed, &expected).expect("the bindings are writable");
    }
    let actual = fs::read_to_string(&committed).expect("the bindings are readable");
    assert!(
        actual == expected,
        "src/bindings.rs is stale: run `UPDATE=1 cargo test -p tidegate-policy-sdk`"
    );
}

fn generate(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).expect("policy.wit is valid");
    let world = resolve
        .select_world(&[package], Some("policy"))
        .expect("policy.wit has the world `policy`");
    let mut files = Files::default();
    wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some("export".to_owned()),
        default_bindings_module: Some("$crate::bindings".to_owned()),
        runtime_path: Some("::wit_bindgen::rt".to_owned()),
        additional_derive_attributes: vec!["Eq".to_owned(), "PartialEq".to_owned()],
        ..Default::default()
    }
    .build()
    .generate(&mut resolve, world, &mut files)
    .expect("the world has bindings");
    let (_, text) = files.iter().next().expect("one file");
    String::from_utf8(text.to_vec()).expect("Rust is UTF-8")
}
