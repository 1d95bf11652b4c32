//! Tests of the local journal as a whole: the common suite, and what only files can suffer.

mod damage;
mod faults;
mod helpers;
mod kill;
mod power_cut;
mod suite;
mod trim;
