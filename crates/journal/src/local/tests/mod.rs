//! Tests of the local journal as a whole: the common suite, and what only files can suffer.

mod helpers;
mod suite;
