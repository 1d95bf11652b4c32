//! Parcels that did not reach the customer: lost, refused, back at the node. A refused one may still come back.

use super::contents::Violations;
use crate::command::UndeliveredKind;
use crate::event::Event;
use crate::refusal::Refusal;
use crate::state::{FulfillmentOrder, Package};
use std::collections::BTreeSet;
use waybill_types::Text;
use waybill_types::exchange::Undelivered;

pub(super) fn report(
    order: &FulfillmentOrder,
    kind: UndeliveredKind,
    named: &[Text],
) -> Result<Event, Refusal> {
    let packages = order.state.packages();
    let may = |package: &&Package| match kind {
        UndeliveredKind::Lost | UndeliveredKind::Refused => package.is_under_way(),
        UndeliveredKind::ReturnedToSender(_) => {
            package.is_under_way() || package.undelivered == Some(Undelivered::Refused)
        }
    };
    let mut violations = Violations::default();
    let mut seen = BTreeSet::new();
    for (index, number) in named.iter().enumerate() {
        let field = format!("parcel_ids[{index}]");
        match packages.iter().find(|package| package.parcel.number == *number) {
            _ if !seen.insert(number.as_str()) => violations.add(field, format!("is {number} again")),
            None => violations.add(field, format!("is {number}, not a parcel of this work")),
            Some(package) if !may(&package) => {
                violations.add(field, format!("is {number}, which is {}", fate(package)));
            }
            Some(_) => {}
        }
    }
    let mut parcels = named.to_vec();
    if named.is_empty() {
        parcels = packages.iter().filter(may).map(|package| package.parcel.number.clone()).collect();
        if parcels.is_empty() {
            violations.add("parcel_ids", "are empty, and no parcel is left that it could be said of");
        }
    }
    violations.refuse()?;
    Ok(Event::Undelivered(order.work.id, kind, parcels))
}

/// What became of a parcel, as messages say it.
pub(super) fn fate(package: &Package) -> &'static str {
    match (package.delivered_at, package.undelivered) {
        (Some(_), _) => "delivered",
        (None, Some(Undelivered::Lost)) => "lost",
        (None, Some(Undelivered::Refused)) => "refused",
        (None, Some(Undelivered::ReturnedToSender | Undelivered::RefusedBack)) => "back at the node",
        (None, None) => "on its way",
    }
}
