//! A node: a place that holds stock and can do work.

use super::{Document, Fault, Faults};
use crate::{Attributes, CalendarId, Country, GeoPoint, Money, NodeId, PostalCode, Text};
use minicbor::{Decode, Encode};

crate::text_type!(
    /// An IANA time zone name, such as `Europe/Berlin`. Whether it exists is checked where the zone data is.
    TimeZoneName, "time zone", 1..=64
);

/// What kind of place a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum NodeKind {
    /// A shop that people walk into.
    #[n(1)]
    Store,
    /// A warehouse close to its customers.
    #[n(2)]
    LocalWarehouse,
    /// A warehouse that serves the whole network.
    #[n(3)]
    CentralWarehouse,
    /// Somebody else who ships for the retailer.
    #[n(4)]
    Supplier,
}

/// What a node can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Capabilities {
    /// It sends parcels to customers.
    #[n(0)]
    pub ships: bool,
    /// It hands goods over to customers.
    #[n(1)]
    pub pickup: bool,
    /// It takes goods back.
    #[n(2)]
    pub accepts_returns: bool,
}

/// Where a node is, for people and carriers. A business address, not personal data.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeAddress {
    /// Country.
    #[n(0)]
    pub country: Country,
    /// Postal code, where the country has them.
    #[n(1)]
    pub postal_code: Option<PostalCode>,
    /// State, province or region; may be empty.
    #[n(2)]
    pub region: Text,
    /// City; may be empty.
    #[n(3)]
    pub city: Text,
    /// Street lines, at most 4.
    #[n(4)]
    pub street_lines: Vec<Text>,
    /// Company or department; may be empty.
    #[n(5)]
    pub company: Text,
}

/// A place that holds stock and can do work.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Node {
    /// The caller's code.
    #[n(0)]
    pub id: NodeId,
    /// What kind of place it is.
    #[n(1)]
    pub kind: NodeKind,
    /// Name for people; may be empty.
    #[n(2)]
    pub name: Text,
    /// Where it is, for people and carriers.
    #[n(3)]
    pub address: Option<NodeAddress>,
    /// Where it is on the map.
    #[n(4)]
    pub point: Option<GeoPoint>,
    /// The zone in which its cut-off, calendar and capacity days are read.
    #[n(5)]
    pub time_zone: TimeZoneName,
    /// When it is open; `None` is every day, all day.
    #[n(6)]
    pub calendar: Option<CalendarId>,
    /// Work released before this local minute (0 to 1439) is handled the same working day; `None` is no cut-off.
    #[n(7)]
    pub cutoff_minute: Option<u16>,
    /// From release until ready for the carrier or the customer, in milliseconds.
    #[n(8)]
    pub handling_ms: u64,
    /// What handling one fulfilment order costs; `None` is nothing.
    #[n(9)]
    pub handling_cost: Option<Money>,
    /// What handling one whole unit costs on top; `None` is nothing.
    #[n(10)]
    pub unit_handling_cost: Option<Money>,
    /// Units it can ship or hand over per local day; `None` is no limit.
    #[n(11)]
    pub day_capacity_units: Option<u64>,
    /// What it can do.
    #[n(12)]
    pub can: Capabilities,
    /// It takes new work.
    #[n(13)]
    pub active: bool,
    /// Its codes in other systems, by system.
    #[n(14)]
    pub external_codes: Attributes,
    /// The caller's own attributes.
    #[n(15)]
    pub attributes: Attributes,
    /// Open days of its calendar that pass between asking and the beginning of work, 0 to 365: what a supplier needs to
    /// have the goods at hand. `None` is 0.
    #[n(16)]
    pub lead_days: Option<u16>,
}

/// Longest handling time of a node: 90 days.
const HANDLING_MS_MAX: u64 = 90 * 86_400_000;

impl Document for Node {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        if let Some(minute) = self.cutoff_minute {
            faults.minute(minute, "cutoff_minute_of_day");
        }
        faults.unless(self.handling_ms <= HANDLING_MS_MAX, "handling_ms", || {
            format!("is {}, at most {HANDLING_MS_MAX} (90 days) is allowed", self.handling_ms)
        });
        let lead_days = self.lead_days.unwrap_or(0);
        faults.unless(lead_days <= 365, "lead_days", || format!("is {lead_days}, must be 0 to 365"));
        faults.not_negative(self.handling_cost, "handling_cost.minor_units");
        faults.not_negative(self.unit_handling_cost, "unit_handling_cost.minor_units");
        if let Some(address) = &self.address {
            faults.at_most(address.street_lines.len(), 4, "address.street_lines");
        }
        faults.0
    }
    fn amounts(&self) -> Vec<Money> {
        self.handling_cost.into_iter().chain(self.unit_handling_cost).collect()
    }
}

impl Node {
    /// What the node's own partition must know, as of `revision` of this document.
    #[must_use]
    pub fn facts(&self, revision: u64) -> NodeFacts {
        NodeFacts {
            node: self.id.clone(),
            revision,
            active: self.active,
            ships: self.can.ships,
            pickup: self.can.pickup,
            day_capacity_units: self.day_capacity_units,
        }
    }
}

/// What the partition that does a node's work knows of it; sent there by the network's partition at each change.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NodeFacts {
    /// Which node.
    #[n(0)]
    pub node: NodeId,
    /// It takes new work.
    #[n(1)]
    pub active: bool,
    /// It sends parcels to customers.
    #[n(2)]
    pub ships: bool,
    /// It hands goods over to customers.
    #[n(3)]
    pub pickup: bool,
    /// Units it can ship or hand over per local day; `None` is no limit.
    #[n(4)]
    pub day_capacity_units: Option<u64>,
    /// The revision of the node's document that says so.
    #[n(5)]
    pub revision: u64,
}
