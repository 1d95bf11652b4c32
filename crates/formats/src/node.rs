//! Nodes: the places that hold stock.

use crate::record::{at, point, record, text_up_to, within};
use crate::words::words;
use crate::{FieldError, MinuteOfDay};
use std::collections::BTreeMap;
use waybill_types::{Attributes, CalendarId, Country, Currency, NodeId};

words! {
    /// What kind of place a node is.
    NodeKind {
        Store = "store",
        LocalWarehouse = "local_warehouse",
        CentralWarehouse = "central_warehouse",
        Supplier = "supplier",
    }
}

record! {
    /// One place that holds stock.
    NodeRecord = "nodes"
    required {
        /// The retailer's own code, 1 to 64 bytes.
        node_id: String,
        /// `store`, `local_warehouse`, `central_warehouse` or `supplier`.
        kind: NodeKind,
        /// IANA time zone in which cut-offs and calendars are read, such as `America/Chicago`.
        time_zone: String,
    }
    optional {
        /// Name for people, at most 200 characters.
        name: String,
        /// Street and number.
        street: String,
        /// City or town.
        city: String,
        /// State, province or region.
        region: String,
        /// Postal code.
        postal_code: String,
        /// ISO 3166-1 alpha-2, upper case.
        country_code: String,
        /// Degrees of latitude times 1,000,000, north positive.
        latitude_e6: Option<i32>,
        /// Degrees of longitude times 1,000,000, east positive.
        longitude_e6: Option<i32>,
        /// When it is open; empty means always.
        calendar_id: String,
        /// Work released before this local time is handled the same working day; empty means no cut-off.
        cutoff: Option<MinuteOfDay>,
        /// From release until ready for the carrier or the customer, in milliseconds.
        handling_ms: i64,
        /// ISO 4217 code of the costs; needed when there are any.
        currency_code: String,
        /// Cost of handling one fulfilment order, in minor units.
        handling_cost_minor: i64,
        /// Cost of handling one whole unit on top, in minor units.
        unit_handling_cost_minor: i64,
        /// Whole units per local day; empty means no limit.
        day_capacity_units: Option<u64>,
        /// It sends parcels to customers.
        ships: bool,
        /// It hands goods over to customers.
        pickup: bool,
        /// It takes goods back.
        accepts_returns: bool,
        /// Open days that pass between asking and the beginning of work, 0 to 365: what a supplier needs.
        lead_days: u32,
        /// It takes no new work.
        inactive: bool,
        /// Its codes in other systems.
        external_codes: BTreeMap<String, String>,
        /// The retailer's own attributes, at most 32.
        custom_attributes: BTreeMap<String, String>,
    }
}

impl NodeRecord {
    fn check_fields(&self) -> Result<(), FieldError> {
        at("node_id", NodeId::new(&self.node_id))?;
        time_zone(&self.time_zone)?;
        text_up_to("name", &self.name, 200)?;
        text_up_to("street", &self.street, 200)?;
        text_up_to("city", &self.city, 120)?;
        if !self.country_code.is_empty() {
            at("country_code", Country::new(&self.country_code))?;
        }
        point(self.latitude_e6, self.longitude_e6)?;
        if !self.calendar_id.is_empty() {
            at("calendar_id", CalendarId::new(&self.calendar_id))?;
        }
        within("cutoff", self.cutoff.map_or(0, |minute| i64::from(minute.0)), 0, 1_439)?;
        within("handling_ms", self.handling_ms, 0, 90 * 86_400_000)?;
        within("lead_days", i64::from(self.lead_days), 0, 365)?;
        costs(
            &self.currency_code,
            [
                ("handling_cost_minor", self.handling_cost_minor),
                ("unit_handling_cost_minor", self.unit_handling_cost_minor),
            ],
        )?;
        at("external_codes", Attributes::new(&self.external_codes))?;
        at("custom_attributes", Attributes::new(&self.custom_attributes))
    }
}

/// Whether the zone exists is the engine's knowledge; here only its shape is checked.
pub(crate) fn time_zone(name: &str) -> Result<(), FieldError> {
    let shaped = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    if name.split('/').all(shaped) && name.len() <= 64 {
        return Ok(());
    }
    Err(FieldError::new("time_zone", format!("is {name:?}, must be an IANA zone such as America/Chicago")))
}

/// Costs are never negative and need their currency.
pub(crate) fn costs<const N: usize>(currency: &str, costs: [(&str, i64); N]) -> Result<(), FieldError> {
    for (field, minor) in costs {
        within(field, minor, 0, waybill_types::Money::MAX_MINOR)?;
    }
    if currency.is_empty() && costs.iter().all(|(_, minor)| *minor == 0) {
        return Ok(());
    }
    at("currency_code", Currency::new(currency))
}
