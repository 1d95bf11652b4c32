//! What somebody said about units that wait for more than stock.

use minicbor::{Decode, Encode};
use waybill_types::exchange::LineUnits;
use waybill_types::{LineNo, Text};

/// Somebody has looked. What follows, an attempt or a cancel, has events of its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ExceptionAnswered {
    /// The lines that needed somebody, by number.
    #[n(0)]
    pub lines: Vec<LineNo>,
    /// The units that waited there.
    #[n(1)]
    pub units: Vec<LineUnits>,
    /// What is to become of them.
    #[n(2)]
    pub answer: ExceptionAnswer,
    /// What was found out; may be empty.
    #[n(3)]
    pub note: Text,
}

/// What is to become of units that wait for more than stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ExceptionAnswer {
    /// They are sourced again.
    #[n(0)]
    SourceAgain {
        /// Nodes that did not have these goods or would not give them may be asked again, whatever their stock did since.
        #[n(0)]
        ask_all: bool,
    },
    /// They are cancelled.
    #[n(1)]
    CallOff,
}
