//! The three exports as functions of the contract's types, the same on every target; [`export_policy!`](crate::export_policy)
//! ties them to the component.

use crate::bindings::tidegate::policy::types as wit;
use crate::{Policy, Request, Verdict, settings};

/// What the policy is.
pub fn describe<P: Policy>() -> wit::PolicyInfo {
    P::INFO.into_wit(P::settings_schema().into_owned())
}

/// Every problem of the settings, one a line: first whether they fit the type, then what the policy itself finds.
pub fn check_settings<P: Policy>(text: &str) -> Result<(), Vec<String>> {
    let settings = settings::read::<P::Settings>(text).map_err(|problem| vec![problem])?;
    let problems = P::check_settings(&settings);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Judges one request; an error when its settings do not fit the policy's type, which `check_settings` refuses before.
pub fn review<P: Policy>(request: wit::Request) -> Result<wit::Verdict, String> {
    let (request, settings) = Request::from_wit(request);
    let settings = settings::read::<P::Settings>(&settings)?;
    let mut verdict = Verdict::default();
    P::review(&request, &settings, &mut verdict);
    // The instance ends with the call: freeing the parsed objects one by one would only cost time.
    #[cfg(target_arch = "wasm32")]
    std::mem::forget((request, settings));
    Ok(verdict.into_wit())
}

/// As [`review`], for the component, where a trap is how a policy fails.
#[cfg(target_arch = "wasm32")]
#[expect(
    clippy::panic,
    reason = "a trap is how a component fails; the host reports it"
)]
pub fn review_or_trap<P: Policy>(request: wit::Request) -> wit::Verdict {
    match review::<P>(request) {
        Ok(verdict) => verdict,
        Err(problem) => panic!("the settings do not fit: {problem}"),
    }
}

/// Sends the message of a panic to the operator's log, before it becomes a trap without words.
#[cfg(target_arch = "wasm32")]
pub fn speak_before_trapping() {
    std::panic::set_hook(Box::new(|panic| crate::log::warn(&panic.to_string())));
}

/// Makes the crate a component that is this policy. One per crate; nothing on a native target.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::bindings::Guest for Component {
                fn describe() -> $crate::bindings::PolicyInfo {
                    $crate::guest::speak_before_trapping();
                    $crate::guest::describe::<$policy>()
                }

                fn check_settings(
                    settings: ::std::string::String,
                ) -> ::std::result::Result<(), ::std::vec::Vec<::std::string::String>> {
                    $crate::guest::speak_before_trapping();
                    $crate::guest::check_settings::<$policy>(&settings)
                }

                fn review(request: $crate::bindings::Request) -> $crate::bindings::Verdict {
                    $crate::guest::speak_before_trapping();
                    $crate::guest::review_or_trap::<$policy>(request)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };

        // So that the compiler knows on a native target, too, that the policy is used.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::native::wit::PolicyInfo = $crate::native::describe::<$policy>;
    };
}
