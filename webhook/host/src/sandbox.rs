//! One call in one fresh instance. Nothing survives it: no memory, no global, no table is ever seen by a second call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tidegate_admission::{Date, Limits, PolicyFailure, PolicyInfo, Review, Verdict};
use wasmtime::component::{ComponentExportIndex, InstancePre};
use wasmtime::{Engine, Store};

use crate::bindings::tidegate::policy::types as wit;
use crate::engine::bytes;
use crate::failure::failure;
use crate::log::LogGate;
use crate::meter::{Report, add_since};
use crate::plan::PlanRequest;
use crate::state::State;
use crate::translate;

/// What a component exports, looked up once.
pub(crate) struct Exports {
    pub(crate) pre: InstancePre<State>,
    pub(crate) describe: ComponentExportIndex,
    pub(crate) check_settings: ComponentExportIndex,
    pub(crate) review: ComponentExportIndex,
}

/// All that a call needs.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) exports: Arc<Exports>,
    pub(crate) policy: Arc<str>,
    pub(crate) limits: Limits,
    pub(crate) settings: Arc<str>,
    pub(crate) log: Arc<LogGate>,
}

/// What is asked.
pub(crate) enum Question {
    /// What are you?
    Describe,
    /// Are these settings good?
    CheckSettings,
    /// Is this object good?
    Review(Arc<Review>, Date, Arc<PolicyInfo>),
    /// Is this plan good?
    Plan(Arc<PlanRequest>, Arc<PolicyInfo>),
}

/// What is answered, each to its question.
pub(crate) enum Answer {
    Info(Box<wit::PolicyInfo>),
    Settings(Result<(), Vec<String>>),
    Verdict(Verdict),
}

impl Sandbox {
    /// Asks. The future gives way at each tick of the engine; dropping it ends the guest.
    pub(crate) async fn ask(
        self: Arc<Self>,
        question: Question,
        report: Arc<Report>,
    ) -> Result<Answer, PolicyFailure> {
        let start = Instant::now();
        let mut store = Store::new(
            &self.engine,
            State::new(&self.limits, Arc::clone(&self.log), Arc::clone(&report)),
        );
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        // Counts every byte that is lifted out of the guest, lists of overlapping strings included.
        store.set_hostcall_fuel(bytes(self.limits.output));
        let answer = self.answer(&mut store, start, question, &report).await;
        answer.map_err(|error| match error {
            Failed::Wasm(error) => failure(
                &self.policy,
                &error,
                &self.limits,
                store.data().limiter.memory_refused,
            ),
            Failed::Answer(failure) => failure,
        })
    }

    async fn answer(
        &self,
        store: &mut Store<State>,
        start: Instant,
        question: Question,
        report: &Report,
    ) -> Result<Answer, Failed> {
        let exports = &*self.exports;
        let instance = exports.pre.instantiate_async(&mut *store).await?;
        add_since(&report.instantiate, start);
        Ok(match question {
            Question::Describe => {
                let describe = instance
                    .get_typed_func::<(), (wit::PolicyInfo,)>(&mut *store, exports.describe)?;
                Answer::Info(Box::new(describe.call_async(store, ()).await?.0))
            }
            Question::CheckSettings => {
                let check = instance.get_typed_func::<(&str,), (Result<(), Vec<String>>,)>(
                    &mut *store,
                    exports.check_settings,
                )?;
                Answer::Settings(check.call_async(store, (&*self.settings,)).await?.0)
            }
            Question::Review(review, day, info) => {
                let (groups, day) = (translate::groups(&review), day.to_string());
                let request = translate::admission(&review, &groups, &day, &self.settings);
                let verdict = self.review(store, instance, request).await?;
                Answer::Verdict(translate::verdict(verdict, &info, review.object.is_some())?)
            }
            Question::Plan(plan, info) => {
                let (changes, day) = (translate::changes(&plan), plan.day.to_string());
                let request = translate::plan(&plan, &changes, &day, &self.settings);
                let verdict = self.review(store, instance, request).await?;
                Answer::Verdict(translate::verdict(verdict, &info, false)?)
            }
        })
    }

    async fn review(
        &self,
        store: &mut Store<State>,
        instance: wasmtime::component::Instance,
        request: wit::Request<'_>,
    ) -> Result<wit::Verdict, Failed> {
        let review = instance.get_typed_func::<(wit::Request<'_>,), (wit::Verdict,)>(
            &mut *store,
            self.exports.review,
        )?;
        Ok(review.call_async(store, (request,)).await?.0)
    }
}

enum Failed {
    Wasm(wasmtime::Error),
    Answer(PolicyFailure),
}

impl From<wasmtime::Error> for Failed {
    fn from(error: wasmtime::Error) -> Self {
        Self::Wasm(error)
    }
}

impl From<PolicyFailure> for Failed {
    fn from(failure: PolicyFailure) -> Self {
        Self::Answer(failure)
    }
}

/// Bytes, at most at the same time.
pub(crate) fn peak(report: &Report) -> u64 {
    report.memory.load(Ordering::Relaxed)
}
