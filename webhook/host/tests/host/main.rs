//! The host against guests that behave, and against guests that do all they can not to.

mod guest;
mod support;

mod isolation;
mod loading;
mod policies;
mod reviews;
