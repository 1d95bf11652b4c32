//! What every store must survive.
