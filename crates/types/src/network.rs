//! The network as data: nodes, lanes, zones, calendars, rate cards and the sourcing policy, in their stored form. It
//! says what each value may be and refuses to know what a good route is: that is the planner's business.
//!
//! Rows keep these documents whole with a revision beside them, so two documents are equal when they say the same.
//! Fields are only ever added at the end, as options.

mod calendar;
mod lane;
mod node;
mod policy;
mod rules;
mod terms;
mod zone;

pub use calendar::{Calendar, DayException, LocalDay, OpenHours, Weekday, Weekdays};
pub use lane::{Departure, Lane, LaneCost, LaneEnd, Rate, RateCard, RateStep};
pub use node::{Capabilities, Node, NodeAddress, NodeFacts, NodeKind, TimeZoneName};
pub use policy::{KindCost, Policy};
pub use rules::{Buffer, FallbackStep, NodeSet, Preference, Rules, SKU_CLASS, ServeRule, SplitLimit, When};
pub use terms::{CompleteRule, Completeness, Terms, TogetherRule, UnitPrice};
pub use zone::{Circle, PostalArea, Zone};

use crate::{Currency, Money};

crate::text_type!(
    /// A lane's code.
    LaneId, "lane", 1..=64
);
crate::text_type!(
    /// A rate card's code.
    RateCardId, "rate card", 1..=64
);

/// Minutes in a civil day as calendars count them.
pub const MINUTES_PER_DAY: u16 = 1440;

/// What is wrong with a document: the path of the field within it, and what is and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path of the field, such as `steps[2].cost.base`.
    pub field: String,
    /// What is and what is allowed, in lower case.
    pub why: String,
}

/// A document of the network.
pub trait Document {
    /// Everything that is wrong with it by itself; other documents are not looked at.
    fn faults(&self) -> Vec<Fault>;
    /// Every amount in it. All amounts of one network are in one currency.
    fn amounts(&self) -> Vec<Money>;
    /// The first currency in it that is not `expected`.
    fn foreign_currency(&self, expected: Currency) -> Option<Currency> {
        self.amounts().into_iter().map(|amount| amount.currency).find(|currency| *currency != expected)
    }
}

/// Collects faults; private to the documents.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn unless(&mut self, holds: bool, field: impl Into<String>, why: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Fault { field: field.into(), why: why() });
        }
    }
    fn minute(&mut self, minute: u16, field: impl Into<String>) {
        self.unless(minute < MINUTES_PER_DAY, field, || format!("is {minute}, must be 0 to 1439"));
    }
    fn not_negative(&mut self, amount: Option<Money>, field: impl Into<String>) {
        let minor = amount.map_or(0, |money| money.minor);
        self.unless(minor >= 0, field, || format!("is {minor} minor units, must not be negative"));
    }
    fn at_most(&mut self, count: usize, limit: usize, field: &str) {
        self.unless(count <= limit, field, || format!("has {count} entries, at most {limit} are allowed"));
    }
}
