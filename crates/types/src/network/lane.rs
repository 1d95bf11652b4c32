//! Lanes and what they cost.

use super::{Document, Fault, Faults, LaneId, MINUTES_PER_DAY, RateCardId, Weekdays};
use crate::{CalendarId, Money, NodeId, ServiceId, Text, ZoneId};
use minicbor::{Decode, Encode};

/// Where a lane ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum LaneEnd {
    /// At another node.
    #[n(0)]
    Node(#[n(0)] NodeId),
    /// At any address in a zone.
    #[n(1)]
    Zone(#[n(0)] ZoneId),
}

/// What one parcel costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rate {
    /// Per parcel; may be 0.
    #[n(0)]
    pub base: Money,
    /// Per started kilogram; `None` is nothing.
    #[n(1)]
    pub per_kg: Option<Money>,
}

/// How a lane says what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum LaneCost {
    /// By itself.
    #[n(0)]
    Own(#[n(0)] Rate),
    /// By a rate card.
    #[n(1)]
    Card(#[n(0)] RateCardId),
}

/// A weekly departure in the local time of the begin node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Departure {
    /// On these days.
    #[n(0)]
    pub weekdays: Weekdays,
    /// Minutes after local midnight, 0 to 1439.
    #[n(1)]
    pub minute: u16,
}

/// A directed way for goods from a node to another node or to a destination zone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Lane {
    /// The caller's code.
    #[n(0)]
    pub id: LaneId,
    /// Where it begins.
    #[n(1)]
    pub from: NodeId,
    /// Where it ends.
    #[n(2)]
    pub to: LaneEnd,
    /// What the carrier sells.
    #[n(3)]
    pub service: ServiceId,
    /// What it costs.
    #[n(4)]
    pub cost: LaneCost,
    /// Time on the way in milliseconds, on top of `transit_days`.
    #[n(5)]
    pub transit_ms: u64,
    /// Days on the way, counted on open days of the lane's calendar, 0 to 365.
    #[n(6)]
    pub transit_days: u16,
    /// When goods leave; empty is at any time the begin node is open.
    #[n(7)]
    pub departures: Vec<Departure>,
    /// Days on which the carrier works; `None` is every day.
    #[n(8)]
    pub calendar: Option<CalendarId>,
    /// It is used for new work.
    #[n(9)]
    pub active: bool,
    /// First and last minute (0 to 1440) of the destination's local day between which the carrier delivers; `None` is
    /// the planner's habit.
    #[n(10)]
    pub delivery_minutes: Option<(u16, u16)>,
    /// Goods must stand ready at the begin node this many milliseconds before they leave; `None` is 0.
    #[n(11)]
    pub preparation_ms: Option<u64>,
}

/// The cost of parcels up to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RateStep {
    /// Heaviest parcel in grams, inclusive; `None` (the last step only) is any weight.
    #[n(0)]
    pub up_to_weight_g: Option<u64>,
    /// What such a parcel costs.
    #[n(1)]
    pub rate: Rate,
}

/// Costs that several lanes share. The first step that holds the parcel's weight counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RateCard {
    /// The caller's code.
    #[n(0)]
    pub id: RateCardId,
    /// Name for people; may be empty.
    #[n(1)]
    pub name: Text,
    /// From light to heavy, at least one.
    #[n(2)]
    pub steps: Vec<RateStep>,
}

/// Longest transit of a lane besides its days: 365 days.
const TRANSIT_MS_MAX: u64 = 365 * 86_400_000;
/// Longest preparation of a lane: 30 days.
const PREPARATION_MS_MAX: u64 = 30 * 86_400_000;

fn check_rate(faults: &mut Faults, rate: &Rate, field: &str) {
    faults.not_negative(Some(rate.base), format!("{field}.base.minor_units"));
    faults.not_negative(rate.per_kg, format!("{field}.per_kg.minor_units"));
    let one = rate.per_kg.is_none_or(|per_kg| per_kg.currency == rate.base.currency);
    faults.unless(one, format!("{field}.per_kg.currency_code"), || {
        "differs from the currency of base".to_owned()
    });
}

fn amounts_of(rate: &Rate) -> impl Iterator<Item = Money> + use<> {
    std::iter::once(rate.base).chain(rate.per_kg)
}

impl Document for Lane {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        let loops = matches!(&self.to, LaneEnd::Node(to) if *to == self.from);
        faults.unless(!loops, "to_node_id", || format!("is {}, where the lane begins", self.from));
        if let LaneCost::Own(rate) = &self.cost {
            check_rate(&mut faults, rate, "cost");
        }
        faults.unless(self.transit_ms <= TRANSIT_MS_MAX, "transit_ms", || {
            format!("is {}, at most {TRANSIT_MS_MAX} (365 days) is allowed", self.transit_ms)
        });
        faults.unless(self.transit_days <= 365, "transit_days", || {
            format!("is {}, must be 0 to 365", self.transit_days)
        });
        let preparation_ms = self.preparation_ms.unwrap_or(0);
        faults.unless(preparation_ms <= PREPARATION_MS_MAX, "preparation_ms", || {
            format!("is {preparation_ms}, at most {PREPARATION_MS_MAX} (30 days) is allowed")
        });
        if let Some((from, to)) = self.delivery_minutes {
            faults.unless(from < to && to <= MINUTES_PER_DAY, "delivery_minutes", || {
                format!("are {from} to {to}, must rise within 0 to {MINUTES_PER_DAY}")
            });
        }
        faults.at_most(self.departures.len(), 64, "departures");
        for (index, departure) in self.departures.iter().enumerate() {
            faults.minute(departure.minute, format!("departures[{index}].minute_of_day"));
            faults.unless(!departure.weekdays.is_empty(), format!("departures[{index}].weekdays"), || {
                "name no day".to_owned()
            });
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        match &self.cost {
            LaneCost::Own(rate) => amounts_of(rate).collect(),
            LaneCost::Card(_) => Vec::new(),
        }
    }
}

impl Document for RateCard {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        faults.unless(!self.steps.is_empty(), "steps", || "are empty, at least one is needed".to_owned());
        faults.at_most(self.steps.len(), 64, "steps");
        let mut below = 0;
        for (index, step) in self.steps.iter().enumerate() {
            check_rate(&mut faults, &step.rate, &format!("steps[{index}].cost"));
            let field = format!("steps[{index}].up_to_weight_g");
            match step.up_to_weight_g {
                Some(weight) => {
                    faults.unless(weight > below, field, || format!("is {weight}, must be above {below}"));
                    below = weight;
                }
                None => faults.unless(index + 1 == self.steps.len(), field, || {
                    "is any weight, which only the last step may be".to_owned()
                }),
            }
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        self.steps.iter().flat_map(|step| amounts_of(&step.rate)).collect()
    }
}
