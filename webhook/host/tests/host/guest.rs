//! Policies in WebAssembly text, so that a test can hold a guest's every instruction in its hand: what a compiler would never give, a host must stand.
//!
//! The template is a whole policy of the contract, laid out by the canonical ABI of the component model; a test replaces the parts that misbehave.

use std::fmt::Write as _;

/// The parts of a guest.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// Body of `describe: [] -> [i32]`.
    pub(crate) describe: String,
    /// Body of `check-settings: [i32 i32] -> [i32]`.
    pub(crate) check_settings: String,
    /// Body of `review: [i32] -> [i32]`.
    pub(crate) review: String,
    /// Further functions of the core module.
    pub(crate) functions: String,
    /// Further imports of the component.
    pub(crate) imports: String,
    /// Runs when the guest is instantiated.
    pub(crate) start: String,
    /// Bytes of `mutates`.
    pub(crate) mutates: bool,
    /// The finding's and the description's rule, up to 16 bytes each.
    pub(crate) rule: &'static str,
    /// What findings name.
    pub(crate) finding_rule: &'static str,
    /// The patch's text, up to 512 bytes.
    pub(crate) patch: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            describe: DESCRIBE.into(),
            check_settings: SETTINGS_GOOD.into(),
            review: NO_FINDING.into(),
            functions: String::new(),
            imports: String::new(),
            start: String::new(),
            mutates: false,
            rule: "a-rule",
            finding_rule: "a-rule",
            patch: "[]",
        }
    }
}

pub(crate) const DESCRIBE: &str = "i32.const 1024";
pub(crate) const SETTINGS_GOOD: &str = "i32.const 2048";
/// One problem: the settings themselves.
pub(crate) const SETTINGS_BAD: &str = "
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.store (i32.const 2052) (i32.const 2064)) (i32.store (i32.const 2056) (i32.const 1))
    (i32.store (i32.const 2064) (local.get 0)) (i32.store (i32.const 2068) (local.get 1))
    i32.const 2048";
pub(crate) const NO_FINDING: &str = "i32.const 3072";
pub(crate) const ONE_FINDING: &str = "
    (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 1))
    i32.const 3072";
pub(crate) const PATCH: &str = "
    (i32.store8 (i32.const 3080) (i32.const 1))
    (i32.store (i32.const 3084) (i32.const 5120)) (i32.store (i32.const 3088) (global.get $patch))
    i32.const 3072";
pub(crate) const SPIN: &str = "(loop $forever (br $forever)) unreachable";
pub(crate) const TRAP: &str = "unreachable";
pub(crate) const RECURSE: &str = "(drop (call $recurse (i32.const 0))) i32.const 3072";
pub(crate) const RECURSE_FUNCTION: &str = "(func $recurse (param i32) (result i32) (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))";
/// Asks for 1 GiB and, as an allocator does, gives up when it does not get it; else it writes to every page.
pub(crate) const HOG: &str = "
    (local $at i32)
    (if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then unreachable))
    (local.set $at (i32.const 65536))
    (loop $touch (i32.store (local.get $at) (i32.const 1)) (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $touch (i32.lt_u (local.get $at) (i32.const 1073741824))))
    i32.const 3072";
/// A list of 17 million findings, all at the same place in memory: far more than the guest's memory ever held.
pub(crate) const HUGE_LIST: &str = "
    (drop (memory.grow (i32.const 800)))
    (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 800000))
    i32.const 3072";
/// 2,000 findings, each with a message of 1 MiB, all of the same bytes: 2 GiB on the host if it is not careful.
pub(crate) const OVERLAPPING: &str = "
    (local $i i32) (local $at i32)
    (drop (memory.grow (i32.const 32)))
    (loop $next
      (local.set $at (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 60))))
      (memory.copy (local.get $at) (i32.const 4096) (i32.const 60))
      (i32.store offset=12 (local.get $at) (i32.const 262144)) (i32.store offset=16 (local.get $at) (i32.const 1048576))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 2000))))
    (i32.store (i32.const 3072) (i32.const 65536)) (i32.store (i32.const 3076) (i32.const 2000))
    i32.const 3072";
/// A message that is not UTF-8.
pub(crate) const NOT_UTF8: &str = "
    (i32.store8 (i32.const 512) (i32.const 255))
    (i32.store (i32.const 4108) (i32.const 512)) (i32.store (i32.const 4112) (i32.const 1))
    (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 1))
    i32.const 3072";
/// A severity that does not exist.
pub(crate) const BAD_ENUM: &str = "
    (i32.store8 (i32.const 4104) (i32.const 9))
    (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 1))
    i32.const 3072";
/// A list outside of the memory.
pub(crate) const OUT_OF_BOUNDS: &str = "
    (i32.store (i32.const 3072) (i32.const -65536)) (i32.store (i32.const 3076) (i32.const 60000))
    i32.const 3072";
/// Answers with a finding if the first word of memory was already written to, and writes to it.
pub(crate) const REMEMBER: &str = "
    (if (i32.load (i32.const 0)) (then
      (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 1))))
    (i32.store (i32.const 0) (i32.const 1)) (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
    (if (i32.gt_u (global.get $counter) (i32.const 1)) (then
      (i32.store (i32.const 3072) (i32.const 4096)) (i32.store (i32.const 3076) (i32.const 1))))
    i32.const 3072";
/// 5,000 lines: many times what is let through, and in a debug build a few milliseconds of the 100 that a call has.
pub(crate) const CHATTER: &str = "
    (local $i i32)
    (loop $next
      (call $log (i32.const 2) (i32.const 256) (i32.const 16))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 5000))))
    i32.const 3072";

impl Guest {
    /// A guest with this review.
    pub(crate) fn reviewing(review: &str) -> Self {
        Self {
            review: review.into(),
            ..Self::default()
        }
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        wat::parse_str(self.text())
            .unwrap_or_else(|error| panic!("the guest's text is wrong: {error}"))
    }

    fn text(&self) -> String {
        let Self {
            describe,
            check_settings,
            review,
            functions,
            imports,
            start,
            mutates,
            rule,
            finding_rule,
            patch,
        } = self;
        let mutates = i32::from(*mutates);
        let patch_text = patch.replace('"', "\\22");
        let start_function = if start.is_empty() {
            String::new()
        } else {
            format!("(func $start {start}) (start $start)")
        };
        let words = |numbers: &[usize]| {
            numbers
                .iter()
                .map(|n| u32::try_from(*n).unwrap())
                .fold(String::new(), |mut text, n| {
                    for byte in n.to_le_bytes() {
                        write!(text, "\\{byte:02x}").expect("a string takes everything");
                    }
                    text
                })
        };
        let (rule_length, finding_rule_length, patch_length) =
            (rule.len(), finding_rule.len(), patch.len());
        // policy-info at 1024: name, version, summary, matches, mutates, rules, settings-schema, capabilities.
        let info = words(&[
            100,
            5,
            110,
            5,
            100,
            5,
            1100,
            1,
            usize::try_from(mutates).unwrap(),
            1200,
            1,
            120,
            2,
            0,
            0,
        ]);
        // match-rule at 1100: groups, kinds, operations (create, update, delete).
        let match_rule = words(&[1132, 1, 1144, 1, 150, 3]);
        let (groups, kinds) = (words(&[130, 13]), words(&[160, 11]));
        let rule_record = words(&[200, rule_length, 200, rule_length, 0, 200, rule_length]);
        // finding: rule, severity, message, path, position, suggestion, mended.
        let finding = words(&[
            220,
            finding_rule_length,
            0,
            240,
            12,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        format!(
            r#"(component
  (type $types-type (instance
    (type $severity0 (enum "error" "warning" "info")) (export "severity" (type $severity (eq $severity0)))
    (type $operation0 (enum "create" "update" "delete" "connect")) (export "operation" (type $operation (eq $operation0)))
    (type $rule0 (record (field "id" string) (field "title" string) (field "severity" $severity) (field "documentation" string)))
    (export "rule" (type $rule (eq $rule0)))
    (type $match0 (record (field "groups" (list string)) (field "kinds" (list string)) (field "operations" (list $operation))))
    (export "match-rule" (type $match (eq $match0)))
    (type $info0 (record (field "name" string) (field "version" string) (field "summary" string) (field "matches" (list $match))
      (field "mutates" bool) (field "rules" (list $rule)) (field "settings-schema" string) (field "capabilities" (list string))))
    (export "policy-info" (type $info (eq $info0)))
    (type $user0 (record (field "username" string) (field "uid" string) (field "groups" (list string))))
    (export "user-info" (type $user (eq $user0)))
    (type $key0 (record (field "group" string) (field "version" string) (field "kind" string) (field "namespace" (option string)) (field "name" string)))
    (export "object-key" (type $key (eq $key0)))
    (type $admission0 (record (field "operation" $operation) (field "key" $key) (field "user" $user) (field "dry-run" bool) (field "day" string)
      (field "object" (option string)) (field "old-object" (option string)) (field "settings" string)))
    (export "admission" (type $admission (eq $admission0)))
    (type $change0 (variant (case "apply-object" string) (case "delete-object" string) (case "run-statement" string)))
    (export "change" (type $change (eq $change0)))
    (type $plan0 (record (field "subject" string) (field "changes" (list $change)) (field "dialect" (option string)) (field "day" string) (field "settings" string)))
    (export "plan" (type $plan (eq $plan0)))
    (type $request0 (variant (case "admission" $admission) (case "plan" $plan))) (export "request" (type $request (eq $request0)))
    (type $position0 (record (field "line" u32) (field "column" u32))) (export "position" (type $position (eq $position0)))
    (type $finding0 (record (field "rule" string) (field "severity" $severity) (field "message" string) (field "path" (option string))
      (field "position" (option $position)) (field "suggestion" (option string)) (field "mended" bool)))
    (export "finding" (type $finding (eq $finding0)))
    (type $annotation0 (record (field "key" string) (field "value" string))) (export "annotation" (type $annotation (eq $annotation0)))
    (type $verdict0 (record (field "findings" (list $finding)) (field "patch" (option string)) (field "audit-annotations" (list $annotation))))
    (export "verdict" (type $verdict (eq $verdict0)))))
  (import "tidegate:policy/types@0.1.0" (instance $types (type $types-type)))
  (import "tidegate:policy/log@0.1.0" (instance $log
    (type $level0 (enum "debug" "info" "warn")) (export "level" (type $level (eq $level0)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  {imports}
  (alias export $types "policy-info" (type $policy-info))
  (alias export $types "request" (type $request-type))
  (alias export $types "verdict" (type $verdict-type))
  (core module $memory-module (memory (export "memory") 1))
  (core instance $memory (instantiate $memory-module))
  (core func $log-write (canon lower (func $log "write") (memory (core memory $memory "memory"))))
  (core module $main
    (import "host" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (global $counter (mut i32) (i32.const 0))
    (global $patch i32 (i32.const {patch_length}))
    (global $heap (mut i32) (i32.const 32768))
    (data (i32.const 100) "guest") (data (i32.const 110) "0.1.0") (data (i32.const 120) "{{}}")
    (data (i32.const 130) "db.atlasgo.io") (data (i32.const 150) "\00\01\02") (data (i32.const 160) "AtlasSchema")
    (data (i32.const 200) "{rule}") (data (i32.const 220) "{finding_rule}") (data (i32.const 240) "this is bad!")
    (data (i32.const 256) "a line\0a of a log")
    (data (i32.const 1024) "{info}") (data (i32.const 1100) "{match_rule}") (data (i32.const 1132) "{groups}")
    (data (i32.const 1144) "{kinds}") (data (i32.const 1200) "{rule_record}")
    (data (i32.const 4096) "{finding}") (data (i32.const 5120) "{patch_text}")
    {functions}
    {start_function}
    (func (export "describe") (result i32) {describe})
    (func (export "check-settings") (param i32 i32) (result i32) {check_settings})
    (func (export "review") (param i32) (result i32) {review})
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
      (global.set $heap (i32.add (local.get $at) (local.get 3)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ne (i32.const -1)
          (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536))))))
        unreachable)
      (local.get $at)))
  (core instance $guest (instantiate $main (with "host" (instance
    (export "memory" (memory $memory "memory")) (export "log" (func $log-write))))))
  (func $describe-lifted (result $policy-info)
    (canon lift (core func $guest "describe") (memory (core memory $memory "memory")) (realloc (core func $guest "realloc"))))
  (func $check-lifted (param "settings" string) (result (result (error (list string))))
    (canon lift (core func $guest "check-settings") (memory (core memory $memory "memory")) (realloc (core func $guest "realloc"))))
  (func $review-lifted (param "request" $request-type) (result $verdict-type)
    (canon lift (core func $guest "review") (memory (core memory $memory "memory")) (realloc (core func $guest "realloc"))))
  (export "describe" (func $describe-lifted))
  (export "check-settings" (func $check-lifted))
  (export "review" (func $review-lifted)))"#
        )
    }
}
